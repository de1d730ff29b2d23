"""Processes that decode pictures, so that untrusted bytes cannot crash a job or a page.

A process decodes one picture at a time, under limits. A picture that exceeds one fails alone:

    processor time   `SECONDS`, held by the kernel (SIGPROF)     reason "decoder hung"
    wall time        twice as long, for a decoder that sleeps    reason "decoder hung"
    memory           `MEMORY` of address space                   reason "too much memory"
    a crash                                                      reason "decoder crashed"

The pool is pebble's. Its processes are spawned, import decoders and no other package of ours, and
end with their parent, also where that is killed. They contain a decoder's failures. They are no
sandbox against an exploit that runs code: what they return is unpickled here.
"""

import atexit
import os
import signal
import sys
import threading
from concurrent.futures import wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path

from pebble import ProcessExpired, ProcessPool
from PIL import Image

from pictures.decode_process import (
    MEMORY,
    Decode,
    DecodeContext,
    Made,
    call_limited,
    decode_pixels,
    prepare,
)
from pictures.errors import PictureError, shorten
from pictures.limit import CallLimit
from pictures.thumbnail import Thumbnail, make_thumbnail
from vitrine import Closing, VitrineError

SECONDS = 30.0  # 64 megapixels of 32-bit grey, the slowest picture within the cap, need three
QUERY_SECONDS = 10.0  # somebody waits for a query's picture
# A process may have been killed because of another's memory; twice over one picture is its fault.
TRIES = 2
POLL = 0.5  # seconds between two checks of whether the pool is still active
# Shortest side of a decoded query: twice the input of the largest image encoders.
QUERY_SIDE = 1024


def machine_memory() -> int:
    """Bytes of memory of this machine or, where that is less, of its container."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError):  # no cgroups of version 2, or "max"
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return memory


class DecodeWorkers(Closing):
    """A pool of decode processes; threads may share it. They start with the first picture."""

    def __init__(self, count: int | None = None, seconds: float = SECONDS) -> None:
        """Make a pool.

        Args:
            count: How many processes: by default one for each core. Never more than the machine
                has memory for, at `MEMORY` each.
            seconds: Processor time for one picture.
        """
        self.count = max(1, min(count or os.cpu_count() or 1, machine_memory() // MEMORY))
        self._seconds = seconds
        self._lock = threading.Lock()
        self._pool: ProcessPool | None = None
        self._closed = False

    def thumbnail(self, data: bytes, side: int, name: str) -> Thumbnail:
        """`pictures.thumbnail.make_thumbnail` in one of the processes.

        Raises:
            PictureError: As that does, or for one of the limits.
            VitrineError: The processes cannot be started, or the pool is closed.
        """
        return self._run(make_thumbnail, data, side, name)

    def decode(self, data: bytes, name: str = "The picture", side: int = QUERY_SIDE) -> Image.Image:
        """`pictures.thumbnail.decode_reduced` in one of the processes.

        Args:
            data: The original file.
            name: How an error's sentence names the picture.
            side: The shortest side is reduced to this, in pixels, before the pixels are sent back.

        Raises:
            PictureError, VitrineError: As `thumbnail` does.
        """
        size, pixels = self._run(decode_pixels, data, side, shorten(name))
        return Image.frombytes("RGB", size, pixels)

    def close(self) -> None:
        """End the processes, also those that are decoding; calls under way raise."""
        with self._lock:
            self._closed = True
            self._stop()

    def _run(self, decode: Decode[Made], data: bytes, side: int, name: str) -> Made:
        """Call a decoding function in one of the processes, again where another may be at fault."""
        failure: Exception | None = None
        for _ in range(TRIES):
            try:
                return self._attempt(decode, data, side, name)
            except ProcessExpired as error:
                if error.exitcode == -signal.SIGPROF:
                    raise _hung(name, self._seconds) from None
                failure = PictureError("decoder crashed", f"{name} makes its decoder crash.")
            except TimeoutError:
                failure = _hung(name, self._seconds)
            except (RuntimeError, OSError):  # the pool is broken: not this picture's fault
                failure = VitrineError(
                    "The processes that decode pictures cannot be started or end at once. Run "
                    f"`{sys.executable} -c 'import pi_heif, pictures.decode_workers'` to see why."
                )
        raise failure or AssertionError("no attempt was made")

    def _attempt(self, decode: Decode[Made], data: bytes, side: int, name: str) -> Made:
        pool = self._open_pool()
        arguments = (decode, self._seconds, data, side, name)
        future = pool.schedule(call_limited, args=arguments, timeout=2 * self._seconds)
        while not wait([future], POLL).done:
            if not pool.active:  # a broken pool leaves some futures pending for ever
                raise BrokenProcessPool
        return future.result()

    def _open_pool(self) -> ProcessPool:
        with self._lock:
            if self._closed:
                raise VitrineError("The processes that decode pictures have been closed.")
            if self._pool is None or not self._pool.active:
                self._stop()
                self._pool = ProcessPool(self.count, initializer=prepare, context=DecodeContext())
            return self._pool

    def _stop(self) -> None:
        if self._pool is not None:
            self._pool.stop()
            self._pool.join()
            self._pool = None


# The pool of the page, the command line and evaluation: two processes, so that a picture at its
# time limit does not stop every other visitor's.
_shared = DecodeWorkers(2, QUERY_SECONDS)
atexit.register(_shared.close)
# Of its pictures at once: two are decoded, the others wait and are held in memory.
AT_ONCE = 16
_limit = CallLimit(AT_ONCE, f"{AT_ONCE} pictures are being decoded; try again in a moment.")


def open_untrusted(data: bytes, name: str = "The picture", side: int = QUERY_SIDE) -> Image.Image:
    """Decode a query's picture to RGB in the pool that the whole process shares.

    Args:
        data: The original file.
        name: How an error's sentence names it: its address.
        side: The shortest side is reduced to this, in pixels.

    Raises:
        PictureError, VitrineError: As `DecodeWorkers.thumbnail` does.
        Busy: `AT_ONCE` pictures are being decoded, or wait for it.
    """
    with _limit:
        return _shared.decode(data, name, side)


def _hung(name: str, seconds: float) -> PictureError:
    return PictureError("decoder hung", f"{name} is not decoded after {seconds:.0f} s.")
