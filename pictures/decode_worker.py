"""What a shrinking process runs: `python -m pictures.decode_worker`.

A decoder that crashes, hangs or eats memory over a stranger's picture must not take the job along,
so pictures are shrunk in processes that own nothing: bytes come in, a small JPEG goes out.

    standard input    {"bytes": 88779, "side": 224, "name": "http://…"}    one line, then the bytes
    standard output   {"bytes": 14210, "width": 224, "height": 299}        one line, then the bytes
                      {"bytes": 0, …}                                      kept as it came: no bytes
                      {"reason": "truncated", "sentence": "…"}             no bytes

The first line on standard output says that the process is ready. It ends with its input.
"""

import json
import os
import resource
import signal
import sys
from contextlib import suppress
from typing import BinaryIO

from pictures.errors import PictureError
from pictures.thumbnail import make_thumbnail

READY = b"ready\n"
# Processor time of one picture after which its decoder hangs: 64 megapixels of 32-bit grey
# take three seconds.
# The kernel ends the process by `signal.SIGPROF` then, whatever it is doing.
SECONDS = 30.0
# Address space: the same picture takes 1.6 GiB of it on its way to RGB.
MEMORY = 4 * 2**30


def main() -> None:
    """Answer until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all: the job ends its processes
    with suppress(OSError, ValueError):  # not every system can
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a decoder's C library prints is no answer
    serve(sys.stdin.buffer, answers)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Shrink what comes in until it ends."""
    answers.write(READY)
    answers.flush()
    while line := requests.readline():
        asked = json.loads(line)
        data = requests.read(asked["bytes"])
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        head, body = _answer(data, asked["side"], asked["name"])
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(json.dumps(head).encode() + b"\n" + body)
        answers.flush()


def _answer(data: bytes, side: int, name: str) -> tuple[dict[str, object], bytes]:
    try:
        thumbnail = make_thumbnail(data, side, name)
    except PictureError as error:
        return {"reason": error.reason, "sentence": error.sentence}, b""
    body = b"" if thumbnail.data is data else thumbnail.data
    return {"bytes": len(body), "width": thumbnail.width, "height": thumbnail.height}, body


if __name__ == "__main__":
    main()
