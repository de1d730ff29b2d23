"""Encoding: `Encoder` beside the bare forward pass and beside sentence-transformers.

    python -m benchmarks encode --checkpoint FOLDER --pictures FOLDER --n 2000

All run on the same weights, pictures and texts, in turns within each round, so that whatever
else the machine does touches each of them alike. The ratios are what to read.
"""

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.checkpoints import vit_b_32
from benchmarks.rounds import Measured, Rounds, Way, plain, table
from encoder.checkpoint import Checkpoint
from encoder.variants import Variants

if TYPE_CHECKING:
    from encoder.encoder import Encoder

BARE, BARE_PER_CORE = "bare forward", "bare forward, a batch per core"
OURS, PEER = "Encoder", "SentenceTransformer"

# Shortest and longest generated text, words: a bare title, and one longer than CLIP reads.
WORDS = (3, 70)
VOCABULARY = [
    "red",
    "cotton",
    "shirt",
    "for",
    "men",
    "the",
    "matte",
    "lipstick",
    "analogue",
    "watch",
]


@dataclass(frozen=True)
class Encoding:
    """One benchmark: each way's speed, and how near our vectors are to the bare model's."""

    what: str
    ways: dict[str, Measured]
    least_cosine: float


def encode(
    pictures: Sequence[Path],
    texts: Sequence[str],
    checkpoint: Path,
    *,
    rounds: int = 5,
    batch_size: int | None = None,
    precision: str = "auto",
) -> list[Encoding]:
    """Measure pictures and texts.

    Args:
        pictures: files; each round takes its share.
        texts: as many as wanted; each round takes its share.
        checkpoint: folder of a CLIP checkpoint.
        rounds: in each, every way runs once, in turns.
        batch_size: pictures in a batch; the encoder's own choice when None.
        precision: the encoder's.

    Returns:
        What was measured, for pictures and for texts.
    """
    from sentence_transformers import SentenceTransformer

    from encoder.encoder import Encoder

    with tempfile.TemporaryDirectory() as home:
        variant = Variants(Path(home)).add("benchmark", checkpoint)
        encoder = Encoder.load(variant, precision=precision, batch_size=batch_size)  # type: ignore[arg-type]
        bare = Bare(checkpoint, encoder)
        kind = {"torch_dtype": bare.model.dtype}
        peer = SentenceTransformer(str(checkpoint), device=encoder.device, model_kwargs=kind)

        def our_pictures(files: Sequence[Path]) -> np.ndarray:
            batches = encoder.stream_images(files, Image.open)
            return np.concatenate([batch.vectors for batch in batches])

        def their_pictures(files: Sequence[Path]) -> np.ndarray:
            pictures = [Image.open(file).convert("RGB") for file in files]
            return peer.encode(pictures, batch_size=bare.size, normalize_embeddings=True)

        def their_texts(texts: Sequence[str]) -> np.ndarray:
            # As {"text": …}: it would download a text that is an address.
            asked = [{"text": text} for text in texts]
            return peer.encode(asked, batch_size=bare.size, normalize_embeddings=True)

        return [
            _contest(
                "pictures", pictures, rounds, bare, bare.pictures, our_pictures, their_pictures
            ),
            _contest("texts", texts, rounds, bare, bare.texts, encoder.encode_texts, their_texts),
        ]


class Bare:
    """The model as transformers loads it, on batches that lie ready in memory."""

    def __init__(self, checkpoint: Path, encoder: "Encoder") -> None:
        import torch
        from transformers import CLIPModel

        from encoder.tokenizer import Tokenizer

        found = Checkpoint.in_folder(checkpoint)
        model = CLIPModel.from_pretrained(found.folder, dtype=getattr(torch, encoder.precision))
        self.model = model.eval().to(encoder.device)
        self.size, self.processor = encoder.batch_size, found.processor
        self.order: list[int] = []  # which item each row of the last batches belongs to
        self.tokens = Tokenizer(found.folder, found.max_tokens)

    def pictures(self, files: Sequence[Path]) -> list[Any]:
        """Preprocessed pictures, float (n, 3, side, side) on the device."""
        import torch

        self.order = list(range(len(files)))
        factor, mean, std = self.processor.scale, self.processor.mean, self.processor.std
        batches = []
        for start in range(0, len(files), self.size):
            pixels = [
                self.processor.pixels(Image.open(file)) for file in files[start : start + self.size]
            ]
            values = (np.stack(pixels) * factor - np.array(mean)) / np.array(std)
            batch = torch.from_numpy(values).permute(0, 3, 1, 2).contiguous()
            batches.append(batch.to(self.model.device, self.model.dtype))
        return batches

    def texts(self, texts: Sequence[str]) -> list[Any]:
        """Token numbers (n, longest) on the device, in the encoder's own batches by length."""
        import torch

        from encoder.encoder import TOKENS_PER_PICTURE
        from encoder.tokenizer import group_by_length, pad

        tokens = self.tokens(texts)
        batches = list(group_by_length(tokens, TOKENS_PER_PICTURE * self.size))
        self.order = [row for batch in batches for row in batch]
        return [
            torch.from_numpy(pad([tokens[row] for row in rows])).to(self.model.device)
            for rows in batches
        ]

    def run(self, batch: Any) -> Any:  # noqa: ANN401 (a tensor)
        """Features of one batch, not unit: whole numbers are text, others are pictures."""
        import torch

        with torch.inference_mode():
            if batch.dtype.is_floating_point:
                return self.model.get_image_features(pixel_values=batch).pooler_output
            return self.model.get_text_features(input_ids=batch).pooler_output

    def per_core(self, batches: list[Any]) -> list[Any]:
        """The same, each core with a batch of its own, as the encoder does it on a CPU."""
        import torch

        from encoder.pipeline import prefetch

        runners = torch.get_num_threads() if self.model.device.type == "cpu" else 1
        return list(prefetch(batches, lambda batch: batch, self.run, runners))


def _contest(
    what: str,
    items: Sequence[Any],
    rounds: int,
    bare: Bare,
    prepare: Callable[[Any], list[Any]],
    ours: Callable[[Any], np.ndarray],
    theirs: Callable[[Any], np.ndarray],
) -> Encoding:
    timed = Rounds()
    nearest = 1.0
    share = len(items) // rounds
    for number in range(rounds + 1):
        # Round 0 warms everything up and is not counted.
        start = max(number - 1, 0) * share
        chosen = items[start : start + share] if number else items[: 2 * bare.size]
        batches = prepare(chosen)
        ways: dict[str, Way] = {
            BARE: partial(_each, bare.run, batches),
            BARE_PER_CORE: partial(bare.per_core, batches),
            OURS: partial(ours, chosen),
            PEER: partial(theirs, chosen),
        }
        results = timed.run(ways, warm_up=not number)
        nearest = min(nearest, _cosine(results[BARE], results[OURS][bare.order]))
    return Encoding(what, timed.measured(share), float(nearest))


def _each(run: Callable[[Any], Any], batches: list[Any]) -> list[Any]:
    return [run(batch) for batch in batches]


def _cosine(outputs: Sequence[Any], vectors: np.ndarray) -> float:
    features = np.concatenate([output.float().cpu().numpy() for output in outputs])
    lengths = np.linalg.norm(features, axis=1) * np.linalg.norm(vectors, axis=1)
    return float(((features * vectors).sum(axis=1) / lengths).min())


def random_pictures(folder: Path, n: int) -> list[Path]:
    """Write JPEG files with a shortest side of 224, as the picture store keeps them."""
    random = np.random.default_rng(0)
    files = []
    for number in range(n):
        coarse = random.integers(0, 256, (8, 6, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((224, 298), Image.Resampling.BICUBIC)
        files.append(folder / f"{number}.jpg")
        picture.save(files[-1], quality=95)
    return files


def random_texts(n: int) -> list[str]:
    """Make texts from the length of a title to longer than CLIP reads."""
    random = np.random.default_rng(0)
    return [" ".join(random.choice(VOCABULARY, random.integers(*WORDS))) for _ in range(n)]


def command(
    checkpoint: Annotated[
        Path | None, typer.Option(help="Folder of a CLIP checkpoint; a random ViT-B/32 if none.")
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="Folder of pictures, searched whole; made up if none.")
    ] = None,
    n: Annotated[int, typer.Option(min=1, help="Pictures, and texts.")] = 2000,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds that share them.")] = 5,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Pictures in a batch; the encoder's choice if none.")
    ] = None,
    precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Encoding speed beside the bare forward pass and sentence-transformers."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        kinds = (".jpg", ".jpeg", ".png", ".webp")
        files = (
            sorted(file for file in pictures.rglob("*") if file.suffix.lower() in kinds)[:n]
            if (pictures)
            else random_pictures(place, n)
        )
        if len(files) < rounds:
            raise typer.BadParameter(
                f"{pictures} has {len(files)} pictures, fewer than the {rounds} rounds."
            )
        measured = encode(
            files,
            random_texts(n),
            checkpoint or vit_b_32(place / "clip"),
            rounds=rounds,
            batch_size=batch_size,
            precision=precision,
        )
    if as_json:
        typer.echo(json.dumps({each.what: _plain(each) for each in measured}))
    else:
        for each in measured:
            Console().print(_table(each))


def _plain(encoding: Encoding) -> dict[str, Any]:
    return plain(encoding.ways, OURS) | {"least_cosine_to_bare": encoding.least_cosine}


def _table(encoding: Encoding) -> Table:
    drawn = table(encoding.ways, OURS, encoding.what)
    drawn.caption = f"least cosine to the bare model's vectors: {encoding.least_cosine:.6f}"
    return drawn
