"""Encoding speed: `Encoder` against the bare forward pass and the libraries people use.

    python -m benchmarks encode --checkpoint FOLDER --pictures FOLDER --n 2000 --converted --memory

All run the same weights on the same pictures and texts, in batches and one by one. With
`--converted` these are sentence-transformers, ONNX Runtime (how rclip runs its models, where
onnxruntime and onnx are installed), and the encoder in every precision of torch and of OpenVINO.
open_clip is not among them: it needs torchvision. It runs the same torch layers as the bare pass.
"""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.console import Console

from benchmarks.generated import random_picture, random_texts
from benchmarks.rounds import Alternative, Measured, Rounds, as_object, table
from encoder.variants import Variants
from vitrine.command import Json

if TYPE_CHECKING:
    from benchmarks.bare_pass import BarePass

BARE, BARE_PER_CORE = "bare forward", "bare forward, a batch per core"
OURS, PEER = "Encoder", "SentenceTransformer"
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
SINGLES = 4  # pictures, and texts, that are encoded one by one in a round

Encode = Callable[[Any], np.ndarray]


@dataclass(frozen=True)
class EncodingSpeed:
    """Encoding of pictures or of texts.

    Attributes:
        items: `pictures` or `texts`.
        measured: speeds by alternative, in batches.
        one_by_one: the same for single items; empty for the bare pass.
        least_cosine: of the encoder's vectors to the bare model's.
    """

    items: str
    measured: dict[str, Measured]
    one_by_one: dict[str, Measured]
    least_cosine: float


@dataclass(frozen=True)
class Speeds:
    """What was measured.

    Attributes:
        each: of pictures, and of texts.
        memory: highest resident memory, MB, of a process of each encoder alone.
    """

    each: list[EncodingSpeed]
    memory: dict[str, int] = field(default_factory=dict)


def measure(
    pictures: Sequence[Path],
    texts: Sequence[str],
    checkpoint: Path,
    *,
    rounds: int = 5,
    batch_size: int | None = None,
    precision: str = "auto",
    converted: bool = False,
    memory: bool = False,
) -> Speeds:
    """Measure the encoding of pictures and of texts.

    Args:
        pictures: files; each round has its share.
        texts: each round has its share.
        checkpoint: its folder.
        rounds: how many, after one that is not counted.
        batch_size: images in a batch; the encoder's default when None.
        precision: the encoder's.
        converted: measure other precisions, OpenVINO and ONNX Runtime too.
        memory: measure the memory of each encoder in a process of its own.
    """
    from benchmarks.bare_pass import BarePass
    from benchmarks.encoders import encode_files, make_all, peak_memory, prepare_all
    from encoder.encoder import Encoder

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        variant = Variants(home).add("benchmark", checkpoint)
        encoder = Encoder.load(variant, precision=precision, batch_size=batch_size)  # type: ignore[arg-type]
        bare = BarePass(checkpoint, encoder)
        names = [PEER, *(prepare_all(checkpoint, home, pictures, texts) if converted else ())]
        others = make_all(names, checkpoint, home, batch_size)
        images: dict[str, Encode] = {OURS: partial(encode_files, encoder)}
        images |= {name: each.pictures for name, each in others.items()}
        words: dict[str, Encode] = {OURS: encoder.encode_texts}
        words |= {name: each.texts for name, each in others.items()}
        alone = [f"{OURS}, torch float32", *others] if memory else []
        return Speeds(
            [
                _measure("pictures", pictures, rounds, bare, bare.image_batches, images),
                _measure("texts", texts, rounds, bare, bare.text_batches, words),
            ],
            {name: peak_memory(name, checkpoint, home, pictures, texts) for name in alone},
        )


def _measure(
    name: str,
    items: Sequence[Any],
    rounds: int,
    bare: "BarePass",
    prepare: Callable[[Any], list[Any]],
    encoders: Mapping[str, Encode],
) -> EncodingSpeed:
    timed, singly = Rounds(), Rounds()
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
        few = chosen[:SINGLES]
        singly.run(
            {each: partial(_one_by_one, encode, few) for each, encode in encoders.items()},
            warm_up=not number,
        )
    return EncodingSpeed(name, timed.measured(share), singly.measured(min(share, SINGLES)), least)


def _one_by_one(encode: Encode, items: Sequence[Any]) -> None:
    for item in items:
        encode([item])


def _least_cosine(outputs: Sequence[Any], vectors: np.ndarray) -> float:
    features = np.concatenate([output.float().cpu().numpy() for output in outputs])
    lengths = np.linalg.norm(features, axis=1) * np.linalg.norm(vectors, axis=1)
    return float(((features * vectors).sum(axis=1) / lengths).min())


def command(
    checkpoint: Annotated[
        Path | None, typer.Option(help="Folder of a checkpoint; a random one of --size if none.")
    ] = None,
    size: Annotated[
        str, typer.Option(help="Of a random one: vit-b-32 or siglip-b-16.")
    ] = "vit-b-32",
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
        bool,
        typer.Option("--converted", help="Measure ONNX Runtime, and OpenVINO in every precision."),
    ] = False,
    memory: Annotated[
        bool, typer.Option("--memory", help="Measure each one's memory in a process of its own.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Encoding speed against the bare forward pass and the libraries people use."""
    from benchmarks.checkpoints import random_checkpoint
    from benchmarks.encoders import machine

    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        found = _listed(pictures, n) if pictures else _generated(scratch, n)
        if len(found) < rounds:
            raise typer.BadParameter(f"{len(found)} pictures are fewer than the {rounds} rounds.")
        speeds = measure(
            found,
            random_texts(n),
            checkpoint or random_checkpoint(size, scratch / "random"),
            rounds=rounds,
            batch_size=batch_size,
            precision=precision,
            converted=converted,
            memory=memory,
        )
    facts = machine()
    if as_json:
        shown: dict[str, Any] = {
            each.items: as_object(each.measured, OURS)
            | {
                "one_by_one": as_object(each.one_by_one, OURS),
                "least_cosine_to_bare": each.least_cosine,
            }
            for each in speeds.each
        }
        typer.echo(json.dumps(shown | {"memory_mb": speeds.memory, "machine": facts}))
        return
    console = Console()
    for each in speeds.each:
        drawn = table(each.measured, OURS, each.items)
        drawn.caption = f"least cosine to the bare model's vectors: {each.least_cosine:.6f}"
        console.print(drawn)
        console.print(table(each.one_by_one, OURS, each.items, "one by one"))
    for name, most in speeds.memory.items():
        console.print(f"{name}: {most:,} MB")
    console.print("; ".join(f"{name}: {value}" for name, value in facts.items()))


def _listed(folder: Path, n: int) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)[:n]


def _generated(folder: Path, n: int) -> list[Path]:
    files = [folder / f"{number}.jpg" for number in range(n)]
    for number, file in enumerate(files):
        random_picture(number).save(file, quality=95)
    return files
