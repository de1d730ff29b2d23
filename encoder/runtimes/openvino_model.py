"""A converted model, run by OpenVINO on the CPU; nothing here imports torch or transformers."""

import os
import sys
import threading
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import numpy as np

from encoder.errors import EncoderError
from encoder.runtimes.converted import CACHE, Converted
from encoder.runtimes.machine import has_bfloat16, load_openvino, openvino_core, uses_cpu
from encoder.runtimes.runtime import Precision, openvino_allowed
from encoder.runtimes.source import Source
from encoder.tokenizer import text_inputs

# Texts are filled up to a multiple of so many tokens: for each new shape OpenVINO generates code.
TOKEN_STEP = 8


class OpenVINOTexts:
    """A converted text encoder in one precision; safe to run from several threads at once.

    Args:
        converted: its files.
        precision: one that these have graphs for.
        streams: batches that are run at the same time, each with its share of the cores.
    """

    device_name = "cpu"

    def __init__(self, converted: Converted, precision: str, streams: int = 1) -> None:
        self.precision = precision
        self.runners = available_cores()
        self._converted, self._streams = converted, streams
        self._text = _Part(converted, "text", precision, streams)

    def for_batches(self) -> Self:
        """The same model, one batch per core."""
        return self._per_core

    @cached_property
    def _per_core(self) -> Self:
        if self._streams == self.runners:
            return self
        return type(self)(self._converted, self.precision, self.runners)

    def text_features(self, tokens: Sequence[Sequence[int]]) -> np.ndarray:
        """Run the text encoder: token ids of n texts to float32 (n, d), not normalised."""
        facts = self._converted.facts
        longest = max(map(len, tokens))
        width = min(-(-longest // TOKEN_STEP) * TOKEN_STEP, facts.max_tokens or sys.maxsize)
        return self._text.run(text_inputs(tokens, facts.padding, width))


class OpenVINOModel(OpenVINOTexts):
    """A converted dual encoder, as `OpenVINOTexts` is a converted text encoder."""

    def __init__(self, converted: Converted, precision: str, streams: int = 1) -> None:
        super().__init__(converted, precision, streams)
        if converted.facts.processor is None:
            raise ValueError(f"{converted.folder} holds a text model")
        self.processor = converted.facts.processor
        self._image = _Part(converted, "image", precision, streams)

    def image_features(self, pixels: np.ndarray) -> np.ndarray:
        """Run the image encoder: uint8 (n, side, side, 3) to float32 (n, d), not normalised."""
        return self._image.run({"pixels": pixels})


class _Part:
    """One encoder's graph, compiled when it is first run."""

    def __init__(self, converted: Converted, part: str, precision: str, streams: int) -> None:
        self._file = converted.graph(part, precision)
        # OpenVINO does not distinguish precisions of one graph in its cache, and computes NaN then.
        self._cache = converted.folder / CACHE / precision
        self._settings = settings(precision, streams)
        self._compiling = threading.Lock()
        self._of_thread = threading.local()

    def run(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """The graph's output, float32 (n, d)."""
        if not hasattr(self._of_thread, "request"):
            with self._compiling:
                self._of_thread.request = self._compiled.create_infer_request()
        # A copy: the next run overwrites what this one returned.
        return np.array(self._of_thread.request.infer(inputs)[0], dtype=np.float32)

    @cached_property
    def _compiled(self) -> Any:  # noqa: ANN401 (openvino.CompiledModel)
        return compile_graph(self._file, self._settings, self._cache)


def compile_graph(graph: Any, settings: dict[str, Any], cache: Path | None = None) -> Any:  # noqa: ANN401 (OpenVINO's own)
    """Compile a graph for the CPU.

    Args:
        graph: OpenVINO's model, or the file of one.
        settings: of OpenVINO's CPU device.
        cache: folder of OpenVINO's cache of compiled models, which saves half to four fifths of
            the time; where it cannot be written, or is damaged, it is left out.
    """
    core = openvino_core()
    if cache and (cache.is_dir() or os.access(cache.parents[1], os.W_OK)):
        try:
            return core.compile_model(graph, "CPU", {**settings, "CACHE_DIR": str(cache)})
        except RuntimeError:
            pass
    return core.compile_model(graph, "CPU", settings)


def settings(precision: str, streams: int) -> dict[str, Any]:
    """Settings of OpenVINO's CPU device.

    What is not int8 in a model of int8 is computed in bfloat16, where the CPU has it: half as
    fast again as with float32.
    """
    halved = precision == "bfloat16" or (precision == "int8" and has_bfloat16())
    return {
        # By default it is bfloat16 on CPUs that have it.
        "INFERENCE_PRECISION_HINT": "bf16" if halved else "f32",
        "NUM_STREAMS": streams,
        "INFERENCE_NUM_THREADS": available_cores(),
        # Pinned threads of two processes would wait for the same cores while others are idle.
        "ENABLE_CPU_PINNING": False,
    }


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def find_converted(source: Source, precision: Precision, device: str | None) -> Converted | None:
    """A source's converted model, where it is to be run; None where torch is to run the source.

    Raises:
        EncoderError: the source has changed; or int8 was named, and there is no such model; or
            torch is to run it and is not installed.
    """
    if openvino_allowed() and uses_cpu(device) and load_openvino():
        found = Converted.find(source)
        if found and found.has(precision):
            return found
    ingest = f"`vitrine ingest vectors --variant {source.variant.name}"
    if precision == "int8":
        raise EncoderError(
            f"{source.title} has no model in int8 for this machine: make it with {ingest} "
            "--precision int8`."
        )
    if missing := [name for name in ("torch", "transformers") if find_spec(name) is None]:
        raise EncoderError(
            f"{source.title} has no converted model for this machine, and "
            f"{' and '.join(missing)} are not installed: install them (requirements.txt), or run "
            f"{ingest}` where they are."
        )
    return None
