"""Decoders that fail as real ones do over a damaged picture; decode processes import them here."""

import os
import resource
import signal
import sys
import threading
from pathlib import Path

from pictures.thumbnail import Thumbnail, make_thumbnail


def fail_by_ending(data: bytes, side: int, name: str) -> Thumbnail:
    """Do what the last word of the file says; otherwise make the thumbnail.

    crash    a segmentation fault
    spin     an endless loop
    sleep    an endless wait
    once     a crash the first time: `name` is the file that remembers it
    print    output on both standard streams
    """
    if data.endswith(b"once") and not Path(name).exists():
        Path(name).touch()
        os.kill(os.getpid(), signal.SIGSEGV)
    if data.endswith(b"crash"):
        os.kill(os.getpid(), signal.SIGSEGV)
    while data.endswith(b"spin"):
        pass
    if data.endswith(b"sleep"):
        threading.Event().wait()
    if data.endswith(b"print"):
        os.write(1, b"warning: odd picture\n")
        os.write(2, b"warning: odd picture\n")
    return make_thumbnail(data, side, name)


def list_modules(data: bytes, side: int, name: str) -> list[str]:
    return sorted(sys.modules)


def decode_in_32_mebibytes(data: bytes, side: int, name: str) -> Thumbnail:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + 32 * 2**20, limits[1]))
    try:
        return make_thumbnail(data, side, name)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def allocate(data: bytes, side: int, name: str) -> int:
    return len(bytearray(int(data)))
