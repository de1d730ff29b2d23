"""The encoders that are compared, each made by its name alone.

So a process of its own can make one of them, and its memory is that encoder's.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.process_cost import run_process
from encoder.encoder import Encoder
from encoder.errors import EncoderError
from encoder.runtimes.converted import Converted
from encoder.runtimes.machine import CPU_FACTS, INT8_FLAGS
from encoder.runtimes.runtime import VARIABLE
from encoder.runtimes.source import DualEncoderSource
from encoder.variants import Variants
from vitrine.command import messages

PEER, ONNX = "SentenceTransformer", "ONNX Runtime float32"
OURS = "Encoder"
# Where a variant is converted, by precision: graphs in float32 are run in bfloat16 too.
PLAIN = "plain"
FOLDERS = {"float32": PLAIN, "bfloat16": PLAIN, "int8": "int8"}
ALONE = 32  # pictures and texts that a process of its own encodes
# Instructions that the speed of inference depends on.
FLAGS = INT8_FLAGS | {"avx2", "avx512f", "avx512_bf16", "amx_bf16"}
HELD = ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")  # environment variables


@dataclass(frozen=True)
class Compared:
    """An encoder of a checkpoint: files of pictures, and texts, to vectors (n, d)."""

    pictures: Callable[[Sequence[Path]], np.ndarray]
    texts: Callable[[Sequence[str]], np.ndarray]


def prepare_all(
    checkpoint: Path, home: Path, pictures: Sequence[Path], texts: Sequence[str]
) -> list[str]:
    """Convert a checkpoint in every way that this machine has; returns the encoders' names."""
    from encoder.runtimes.preparation import SAMPLES, prepare
    from encoder.runtimes.trial import Sample

    os.environ[VARIABLE] = "auto"
    shown = [Image.open(file) for file in pictures[:SAMPLES]]
    sample = Sample(shown, texts[: len(shown)])
    names = [f"{OURS}, torch bfloat16"]
    for folder, sampling in ((PLAIN, None), ("int8", lambda: sample)):
        variant = Variants(home / folder).add("benchmark", checkpoint)
        try:
            said = prepare(variant, "int8" if sampling else "auto", sampling)
        except EncoderError as error:
            said = [str(error)]
        for sentence in said:
            messages.print(sentence, soft_wrap=True)
        found = Converted.find(DualEncoderSource(variant))
        here = [name for name, where in FOLDERS.items() if where == folder]
        names += [f"{OURS}, OpenVINO {name}" for name in here if found and found.has(name)]
    if find_spec("onnxruntime") and find_spec("onnx"):
        from benchmarks.onnx_model import export

        export(checkpoint, home / "onnx")
        names.append(ONNX)
    return names


def make_all(
    names: Sequence[str], checkpoint: Path, home: Path, batch_size: int | None
) -> dict[str, Compared]:
    """The encoders of these names; one that changes the vectors is left out, with its sentence."""
    made = {}
    for name in names:
        try:
            made[name] = make(name, checkpoint, home, batch_size)
        except EncoderError as error:
            messages.print(str(error), soft_wrap=True)
    return made


def make(name: str, checkpoint: Path, home: Path, batch_size: int | None) -> Compared:
    """Make one encoder by its name; what `prepare_all` did is used."""
    if name == PEER:
        return _peer(checkpoint, batch_size)
    if name == ONNX:
        from benchmarks.onnx_model import OnnxModel

        model = OnnxModel(checkpoint, home / "onnx", batch_size or 16)
        return Compared(model.pictures, model.texts)
    runtime, precision = name.removeprefix(f"{OURS}, ").split()
    if runtime == "torch":
        os.environ[VARIABLE] = "torch"
        variant = Variants(home).add("benchmark", checkpoint)
    else:
        os.environ[VARIABLE] = "auto"
        variant = Variants(home / FOLDERS[precision]).get("benchmark")
    encoder = Encoder.load(variant, precision=precision, batch_size=batch_size)  # type: ignore[arg-type]
    return Compared(partial(encode_files, encoder), encoder.encode_texts)


def encode_files(encoder: Encoder, files: Sequence[Path]) -> np.ndarray:
    """Vectors of pictures, decoding included."""
    return np.concatenate([batch.vectors for batch in encoder.stream_images(files, Image.open)])


def _peer(checkpoint: Path, batch_size: int | None) -> Compared:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(checkpoint), device="cpu")
    encode = partial(model.encode, batch_size=batch_size or 16, normalize_embeddings=True)
    return Compared(
        lambda files: encode([Image.open(file).convert("RGB") for file in files]),
        # As {"text": …}: a bare string that is an address would be fetched.
        lambda texts: encode([{"text": text} for text in texts]),
    )


def peak_memory(
    name: str, checkpoint: Path, home: Path, pictures: Sequence[Path], texts: Sequence[str]
) -> int:
    """Highest resident memory, MB, of a process that makes an encoder and encodes a few items."""
    given = [name, str(checkpoint), str(home), [*map(str, pictures[:ALONE])], texts[:ALONE]]
    code = "from benchmarks.encoders import run_alone; run_alone()"
    return run_process(["-c", code], given=json.dumps(given))[0].megabytes


def run_alone() -> None:
    """Make the encoder that stdin names, and encode what stdin names."""
    name, checkpoint, home, pictures, texts = json.load(sys.stdin)
    compared = make(name, Path(checkpoint), Path(home), None)
    compared.pictures([Path(file) for file in pictures])
    compared.texts(texts)


def machine() -> dict[str, object]:
    """The processor, those of its instructions that matter, its cores, and how busy it is."""
    facts = CPU_FACTS.read_text() if CPU_FACTS.is_file() else ""
    lines = [line.partition(":") for line in facts.splitlines()]
    found = {key.strip(): value.strip() for key, _, value in reversed(lines)}
    return {
        "processor": found.get("model name", ""),
        "instructions": sorted(FLAGS.intersection(found.get("flags", "").split())),
        "held_to": {name: os.environ[name] for name in HELD if name in os.environ},
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
    }
