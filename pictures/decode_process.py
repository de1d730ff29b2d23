"""A decode process: how it is started, its limits, and what it runs.

It imports Pillow and pi-heif, and none of our other packages.
"""

import os
import resource
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import parent_process, spawn
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, TypeVar

from PIL import AvifImagePlugin

from pictures.thumbnail import decode_reduced

# Address space: 64 megapixels of 32-bit grey, the largest picture within the cap, need 1.6 GiB.
MEMORY = 2 * 2**30

Made = TypeVar("Made")
Decode = Callable[[bytes, int, str], Made]
"""Takes a file's bytes, the shortest side in pixels, and the picture's name for sentences."""


class _Process(SpawnProcess):
    """A spawned process that does not import the parent's main module, and that Ctrl-C spares.

    That module may be a page of Streamlit's or a whole job, with torch and Qdrant. Ctrl-C reaches
    every process of a terminal: the parent ends its processes itself.
    """

    _patching = threading.Lock()

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: ANN401, N802 - multiprocessing's own name
        with _Process._patching:
            complete = spawn.get_preparation_data

            def without_main(name: str) -> dict[str, Any]:
                return {k: v for k, v in complete(name).items() if not k.startswith("init_main")}

            spawn.get_preparation_data = without_main
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # is inherited
            try:
                return SpawnProcess._Popen(process_obj)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
                spawn.get_preparation_data = complete


class DecodeContext(SpawnContext):
    """The multiprocessing context of decode processes."""

    Process = _Process


def prepare() -> None:
    """Set up a process: its limits, no output, its end with the parent's, and the HEIF decoder.

    Neither libheif nor what it keeps in memory is ever loaded into another process.
    """
    from pi_heif import register_heif_opener

    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the pool's way to end it, also within C code
    with suppress(OSError, ValueError):  # not on every system
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The stack and buffers of each thread count as memory, on a machine of many cores too much.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)  # the parent's standard output is a command's result
    os.dup2(null, 2)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when its parent ends, however that happens: there are no orphans."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def call_limited(decode: Decode[Made], seconds: float, data: bytes, side: int, name: str) -> Made:
    """Call a function under the limit of processor time."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return decode(data, side, name)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def decode_pixels(data: bytes, side: int, name: str) -> tuple[tuple[int, int], bytes]:
    """Decode a picture to RGB; its width and height, and its pixels as bytes."""
    image = decode_reduced(data, side, name)
    return image.size, image.tobytes()
