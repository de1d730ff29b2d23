"""Processes that decode and shrink pictures, so that no picture can take the job along.

Each has one picture at a time: where a process dies, there is no doubt over which.
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pictures.decode_worker import READY, SECONDS
from pictures.errors import DecodeWorkerError, PictureError, shorten
from pictures.thumbnail import Thumbnail

PROGRAM = [sys.executable, "-m", "pictures.decode_worker"]
ROOT = Path(__file__).parents[1]
# A process may have been killed for a neighbour's hunger; twice over one picture is no chance.
TRIES = 2


class DecodeWorkers:
    """A number of processes, each started when all before it have work; an async context manager.

    Args:
        side: The shortest side of kept pictures, in pixels.
        count: How many there are at most.
    """

    def __init__(self, side: int, count: int) -> None:
        self._side = side
        self._turns = asyncio.Semaphore(count)
        self._idle: list[Process] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._idle:
            await _end(process)

    async def thumbnail(self, data: bytes, name: str) -> Thumbnail:
        """`pictures.thumbnail.make_thumbnail` in one of the processes.

        Raises:
            PictureError: As that says; or "decoder crashed", "decoder hung".
            DecodeWorkerError: No process could be started.
        """
        async with self._turns:
            for _ in range(TRIES):
                process = self._idle.pop() if self._idle else await _start()
                try:
                    answer = await self._ask(process, data, shorten(name))
                except (ConnectionError, asyncio.IncompleteReadError):
                    status = await process.wait()
                    if status == -signal.SIGPROF:
                        raise PictureError(
                            "decoder hung", f"{shorten(name)} is not decoded after {SECONDS:.0f} s."
                        ) from None
                except BaseException:
                    await _end(process)  # it owes an answer that nobody waits for
                    raise
                else:
                    self._idle.append(process)
                    return _thumbnail(answer, data)
            raise PictureError("decoder crashed", f"{shorten(name)} makes its decoder crash.")

    async def _ask(self, process: Process, data: bytes, name: str) -> tuple[dict[str, Any], bytes]:
        requests, answers = _pipes(process)
        head = {"bytes": len(data), "side": self._side, "name": name}
        requests.writelines([json.dumps(head).encode() + b"\n", data])
        await requests.drain()
        told = json.loads(await answers.readuntil())
        return told, await answers.readexactly(told.get("bytes", 0))


async def _start() -> Process:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "OPENBLAS_NUM_THREADS": "1",  # each thread's buffers count as memory
    }
    try:
        process = await asyncio.create_subprocess_exec(
            *PROGRAM, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment
        )
    except OSError as error:
        raise DecodeWorkerError(f"No process for pictures could be started: {error}.") from error
    try:
        if await _pipes(process)[1].readline() == READY:
            return process
    except BaseException:
        await _end(process)
        raise
    raise DecodeWorkerError(
        f"The process for pictures ended at once, with status {await process.wait()}. "
        f"Run `{' '.join(PROGRAM)}` to see why."
    )


async def _end(process: Process) -> None:
    """End a process and wait until it is gone."""
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def _pipes(process: Process) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
    if process.stdin is None or process.stdout is None:
        raise AssertionError("pipes were asked for")
    return process.stdin, process.stdout


def _thumbnail(answer: tuple[dict[str, Any], bytes], data: bytes) -> Thumbnail:
    told, body = answer
    if "reason" in told:
        raise PictureError(told["reason"], told["sentence"])
    return Thumbnail(body or data, told["width"], told["height"])
