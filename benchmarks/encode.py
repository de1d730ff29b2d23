"""Encoding speed: `Encoder` against the bare forward pass and sentence-transformers.

    python -m benchmarks encode --checkpoint FOLDER --pictures FOLDER --n 2000 --converted

All run the same weights on the same pictures and texts. With `--converted` the encoder is measured
in every precision that OpenVINO runs on this CPU too.
"""

import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from PIL import Image
from rich.console import Console

from benchmarks.generated import random_picture, random_texts
from benchmarks.rounds import Alternative, Measured, Rounds, as_object, table
from encoder.errors import EncoderError
from encoder.variants import Variants
from vitrine.command import Json, messages

if TYPE_CHECKING:
    from benchmarks.bare_pass import BarePass
    from encoder.encoder import Encoder

BARE, BARE_PER_CORE = "bare forward", "bare forward, a batch per core"
OURS, PEER = "Encoder", "SentenceTransformer"
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")

Encode = Callable[[Any], np.ndarray]


@dataclass(frozen=True)
class EncodingSpeed:
    """Encoding of pictures or of texts.

    Attributes:
        items: `pictures` or `texts`.
        measured: speeds by alternative.
        least_cosine: of the encoder's vectors to the bare model's.
    """

    items: str
    measured: dict[str, Measured]
    least_cosine: float


def measure(
    pictures: Sequence[Path],
    texts: Sequence[str],
    checkpoint: Path,
    *,
    rounds: int = 5,
    batch_size: int | None = None,
    precision: str = "auto",
    converted: bool = False,
) -> list[EncodingSpeed]:
    """Measure the encoding of pictures and of texts.

    Args:
        pictures: files; each round has its share.
        texts: each round has its share.
        checkpoint: folder of a CLIP checkpoint.
        rounds: how many, after one that is not counted.
        batch_size: images in a batch; the encoder's default when None.
        precision: the encoder's.
        converted: measure converted models too.
    """
    from sentence_transformers import SentenceTransformer

    from benchmarks.bare_pass import BarePass
    from encoder.encoder import Encoder

    with tempfile.TemporaryDirectory() as home:
        variant = Variants(Path(home)).add("benchmark", checkpoint)
        encoder = Encoder.load(variant, precision=precision, batch_size=batch_size)  # type: ignore[arg-type]
        bare = BarePass(checkpoint, encoder)
        dtype = {"torch_dtype": encoder.precision}
        peer = SentenceTransformer(str(checkpoint), device=encoder.device, model_kwargs=dtype)
        peer_encode = partial(peer.encode, batch_size=bare.size, normalize_embeddings=True)

        def peer_images(files: Sequence[Path]) -> np.ndarray:
            return peer_encode([Image.open(file).convert("RGB") for file in files])

        def peer_texts(texts: Sequence[str]) -> np.ndarray:
            # As {"text": …}: a bare string that is an address would be fetched.
            return peer_encode([{"text": text} for text in texts])

        encoders = {OURS: encoder}
        if converted:
            encoders |= _converted(checkpoint, Path(home), pictures, texts, bare.size)
        images: dict[str, Encode] = {
            name: partial(_encode_files, each) for name, each in encoders.items()
        }
        images |= {PEER: peer_images}
        words: dict[str, Encode] = {name: each.encode_texts for name, each in encoders.items()}
        words |= {PEER: peer_texts}
        return [
            _measure("pictures", pictures, rounds, bare, bare.image_batches, images),
            _measure("texts", texts, rounds, bare, bare.text_batches, words),
        ]


def _encode_files(encoder: "Encoder", files: Sequence[Path]) -> np.ndarray:
    return np.concatenate([batch.vectors for batch in encoder.stream_images(files, Image.open)])


def _converted(
    checkpoint: Path, home: Path, pictures: Sequence[Path], texts: Sequence[str], batch_size: int
) -> dict[str, "Encoder"]:
    """Encoders of models converted for OpenVINO, by what they compute in."""
    from encoder.encoder import Encoder
    from encoder.runtimes.preparation import SAMPLES, Sample, prepare
    from encoder.runtimes.runtime import VARIABLE

    os.environ[VARIABLE] = "auto"
    shown = [Image.open(file) for file in pictures[:SAMPLES]]
    sample = Sample(shown, texts[: len(shown)])
    encoders: dict[str, Encoder] = {}
    for precision in ("bfloat16", "int8"):
        variant = Variants(home / precision).add("benchmark", checkpoint)
        try:
            messages.print(prepare(variant, precision, lambda: sample), soft_wrap=True)
            encoders |= {
                f"{OURS}, OpenVINO {each}": Encoder.load(
                    variant, precision=each, batch_size=batch_size
                )
                for each in (("float32", precision) if precision == "bfloat16" else (precision,))
            }
        except EncoderError as error:
            messages.print(str(error), soft_wrap=True)
    return encoders


def _measure(
    name: str,
    items: Sequence[Any],
    rounds: int,
    bare: "BarePass",
    prepare: Callable[[Any], list[Any]],
    encoders: Mapping[str, Encode],
) -> EncodingSpeed:
    timed = Rounds()
    least = 1.0
    share = len(items) // rounds
    for number in range(rounds + 1):
        start = max(number - 1, 0) * share
        chosen = items[start : start + share] if number else items[: 2 * bare.size]
        batches = prepare(chosen)
        alternatives: dict[str, Alternative] = {
            BARE: partial(bare.run_all, batches),
            BARE_PER_CORE: partial(bare.run_per_core, batches),
            **{each: partial(encode, chosen) for each, encode in encoders.items()},
        }
        results = timed.run(alternatives, warm_up=not number)
        least = min(least, _least_cosine(results[BARE], results[OURS][bare.order]))
    return EncodingSpeed(name, timed.measured(share), least)


def _least_cosine(outputs: Sequence[Any], vectors: np.ndarray) -> float:
    features = np.concatenate([output.float().cpu().numpy() for output in outputs])
    lengths = np.linalg.norm(features, axis=1) * np.linalg.norm(vectors, axis=1)
    return float(((features * vectors).sum(axis=1) / lengths).min())


def command(
    checkpoint: Annotated[
        Path | None, typer.Option(help="Folder of a CLIP checkpoint; a random ViT-B/32 if none.")
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="Folder of pictures, searched whole; generated if none.")
    ] = None,
    n: Annotated[int, typer.Option(min=1, help="Pictures, and texts.")] = 2000,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds that share them.")] = 5,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Images in a batch; the encoder's default if none.")
    ] = None,
    precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    converted: Annotated[
        bool, typer.Option("--converted", help="Measure OpenVINO in every precision too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Encoding speed against the bare forward pass and sentence-transformers."""
    from benchmarks.checkpoints import vit_b_32

    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        found = _listed(pictures, n) if pictures else _generated(scratch, n)
        if len(found) < rounds:
            raise typer.BadParameter(f"{len(found)} pictures are fewer than the {rounds} rounds.")
        speeds = measure(
            found,
            random_texts(n),
            checkpoint or vit_b_32(scratch / "clip"),
            rounds=rounds,
            batch_size=batch_size,
            precision=precision,
            converted=converted,
        )
    if as_json:
        typer.echo(
            json.dumps(
                {
                    each.items: as_object(each.measured, OURS)
                    | {"least_cosine_to_bare": each.least_cosine}
                    for each in speeds
                }
            )
        )
        return
    for each in speeds:
        drawn = table(each.measured, OURS, each.items)
        drawn.caption = f"least cosine to the bare model's vectors: {each.least_cosine:.6f}"
        Console().print(drawn)


def _listed(folder: Path, n: int) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)[:n]


def _generated(folder: Path, n: int) -> list[Path]:
    files = [folder / f"{number}.jpg" for number in range(n)]
    for number, file in enumerate(files):
        random_picture(number).save(file, quality=95)
    return files
