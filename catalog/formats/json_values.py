"""The values of a JSON text, cut out by their brackets and quotes, in bounded memory."""

import json
import re
from typing import IO

from catalog import formats

CHUNK = 2**16  # bytes
SPACE = re.compile(rb"[\s,:]*")
SCALAR = re.compile(rb'[^\s,:"\[\]{}]*')
# Up to the next bracket; strings are passed as a whole. Possessive: linear in its text.
PASSED = re.compile(rb'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
COMPLETE = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
OUTSIDE = re.compile(rb'(?:[^"]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
BRACKETS = b"{[}]"
NO_BRACKETS = bytes(set(range(256)) - set(BRACKETS))
STEPS = bytes.maketrans(BRACKETS, b"\x01\x01\xff\xff")  # as signed bytes
CLOSING = {b"{": b"}", b"[": b"]"}


class JsonValues:
    """Walks over a JSON text value by value.

    Raises:
        ValueError: The text ends within a value, or a bracket closes another one.
    """

    def __init__(self, data: IO[bytes]) -> None:
        self._data = data
        self._buffer = b""
        self._at = 0

    def next_byte(self) -> bytes:
        """The first byte of the next value or bracket; empty at the end of the text."""
        while True:
            self._at = SPACE.match(self._buffer, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._buffer):
                return self._buffer[self._at : self._at + 1]
            if not self._read():
                return b""

    def enter(self) -> None:
        """Go into the array or object that comes next."""
        self._at += 1

    def leave(self, bracket: bytes) -> bool:
        """Go out of an array or object if nothing is left in it."""
        byte = self.next_byte()
        if not byte:
            raise ValueError("it ends before its list does")
        if byte == bracket:
            self._at += 1
        elif byte in (b"]", b"}"):
            raise ValueError(f"a {byte.decode()} closes nothing")
        return byte == bracket

    def key(self) -> str:
        """The next value, which is a key."""
        if self.next_byte() != b'"':
            raise ValueError("it has a key that is no text")
        key = self.take()
        return "" if isinstance(key, str) else str(json.loads(key, strict=False))

    def take(self) -> bytes | str:
        """The next value, or the reason why it is passed over."""
        byte = self.next_byte()
        if byte in CLOSING:
            return self._bracketed()
        return self._string() if byte == b'"' else self._scalar()

    def _bracketed(self) -> bytes | str:
        """An array or object; the start of one that is too large is not kept in memory."""
        expected: list[bytes] = []
        at = self._at
        brackets = 0
        while True:
            at = PASSED.match(self._buffer, at).end()  # type: ignore[union-attr]
            byte = self._buffer[at : at + 1]
            if byte in CLOSING:
                expected.append(CLOSING[byte])
                brackets += 1
                if brackets > formats.MAX_VALUES:
                    self._at = at + 1
                    return self._pass_brackets(len(expected), "too many values")
                at += 1
            elif byte in (b"]", b"}"):
                if byte != expected.pop():
                    raise ValueError(f"a {byte.decode()} closes a bracket of the other kind")
                at += 1
                if not expected:
                    value = self._buffer[self._at : at]
                    self._at = at
                    return value
            else:  # the end of the buffer, or a string that is cut off by it
                if len(self._buffer) - self._at > formats.MAX_ROW:
                    self._at = at
                    return self._pass_brackets(len(expected), "row too long")
                at -= self._at
                self._read_on()

    def _pass_brackets(self, depth: int, reason: str) -> str:
        """Pass the rest of an array or object of any size, which is so many brackets deep."""
        import numpy as np  # here: it is needed for damaged files only

        while True:
            end = OUTSIDE.match(self._buffer, self._at).end()  # type: ignore[union-attr]
            steps = COMPLETE.sub(b"", self._buffer[self._at : end]).translate(STEPS, NO_BRACKETS)
            depths = depth + np.frombuffer(steps, np.int8).cumsum(dtype=np.int64)
            if not depths.all():
                break
            depth = int(depths[-1]) if len(depths) else depth
            self._at = end
            if end < len(self._buffer):
                self._pass_string()
            else:
                self._read_on()
        for _ in range(int(np.argmin(depths != 0)) + 1):
            self._at = PASSED.match(self._buffer, self._at).end() + 1  # type: ignore[union-attr]
        return reason

    def _string(self) -> bytes | str:
        """A string, with its quotes."""
        while len(self._buffer) - self._at <= formats.MAX_ROW:
            end = STRING.match(self._buffer, self._at + 1).end()  # type: ignore[union-attr]
            if self._buffer[end : end + 1] == b'"':
                value = self._buffer[self._at : end + 1]
                self._at = end + 1
                return value
            self._read_on()
        self._pass_string()
        return "row too long"

    def _pass_string(self) -> None:
        """Pass a string of any length."""
        self._at += 1
        while True:
            self._at = STRING.match(self._buffer, self._at).end()  # type: ignore[union-attr]
            if self._buffer[self._at : self._at + 1] == b'"':
                self._at += 1
                return
            self._read_on()

    def _scalar(self) -> bytes | str:
        while True:
            end = SCALAR.match(self._buffer, self._at).end()  # type: ignore[union-attr]
            if end == self._at:
                raise ValueError(f"a {self._buffer[end : end + 1].decode()} closes nothing")
            if end < len(self._buffer) or not self._read():
                break
            if len(self._buffer) - self._at > formats.MAX_ROW:
                raise ValueError("it has a number of megabytes")
            end -= self._at
        value = self._buffer[self._at : end]
        self._at = end
        return value

    def _read_on(self) -> None:
        if not self._read():
            raise ValueError("it ends within a record")

    def _read(self) -> bool:
        """Read on, at least as much as is kept: what is looked at again adds up to its size."""
        kept = self._buffer[self._at :]
        more = self._data.read(max(CHUNK, len(kept)))
        self._buffer, self._at = kept + more, 0
        return bool(more)
