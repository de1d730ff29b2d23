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
CLOSING = {b"{": b"}", b"[": b"]"}
MAX_DEPTH = 10_000  # brackets that are open; Python's parser goes 1,000 deep


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
        return str(json.loads(self.take() or b'""', strict=False))

    def take(self) -> bytes | None:
        """The next value; None where it has more than `formats.MAX_ROW` bytes."""
        byte = self.next_byte()
        if byte in CLOSING:
            return self._bracketed()
        return self._string() if byte == b'"' else self._scalar()

    def _bracketed(self) -> bytes | None:
        """An array or object; the start of one that is too long is not kept in memory."""
        expected: list[bytes] = []
        at = self._at
        kept = True
        while True:
            at = PASSED.match(self._buffer, at).end()  # type: ignore[union-attr]
            byte = self._buffer[at : at + 1]
            if byte in CLOSING:
                expected.append(CLOSING[byte])
                at += 1
            elif byte in (b"]", b"}"):
                if byte != expected.pop():
                    raise ValueError(f"a {byte.decode()} closes a bracket of the other kind")
                at += 1
                if not expected:
                    value = self._buffer[self._at : at] if kept else None
                    self._at = at
                    return value
            else:  # the end of the buffer, or a string that is cut off by it
                kept = kept and len(self._buffer) - self._at <= formats.MAX_ROW
                if not kept:
                    self._at = at
                    if byte:
                        self._pass_string()
                        at = self._at
                        continue
                at -= self._at
                if len(expected) > MAX_DEPTH or not self._read():
                    raise ValueError("it ends within a record")

    def _string(self) -> bytes | None:
        """A string, with its quotes."""
        while len(self._buffer) - self._at <= formats.MAX_ROW:
            end = STRING.match(self._buffer, self._at + 1).end()  # type: ignore[union-attr]
            if self._buffer[end : end + 1] == b'"':
                value = self._buffer[self._at : end + 1]
                self._at = end + 1
                return value
            if not self._read():
                raise ValueError("it ends within a text")
        self._pass_string()
        return None

    def _pass_string(self) -> None:
        """Pass a string of any length."""
        self._at += 1
        while True:
            self._at = STRING.match(self._buffer, self._at).end()  # type: ignore[union-attr]
            if self._buffer[self._at : self._at + 1] == b'"':
                self._at += 1
                return
            if not self._read():
                raise ValueError("it ends within a text")

    def _scalar(self) -> bytes | None:
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

    def _read(self) -> bool:
        """Read on, at least as much as is kept: what is looked at again adds up to its size."""
        kept = self._buffer[self._at :]
        more = self._data.read(max(CHUNK, len(kept)))
        self._buffer, self._at = kept + more, 0
        return bool(more)
