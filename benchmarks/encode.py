"""Encoding: `Encoder` beside the bare forward pass and beside sentence-transformers.

    python -m benchmarks encode --checkpoint FOLDER --pictures FOLDER --n 2000

All run on the same weights, pictures and texts, in turns within each round, so that whatever
else the machine does touches each of them alike. The ratios are what to read.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from PIL import Image
from rich.console import Console
from rich.table import Table

# Before torch: the encoder room's setting of OpenMP then holds for every way that is measured.
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
class Measured:
    """How fast one way was.

    Attributes:
        seconds: of each round.
        items: pictures or texts in a round.
    """

    seconds: list[float]
    items: int

    @property
    def per_second(self) -> float:
        """Items a second, at the median round."""
        return self.items / float(np.median(self.seconds))


@dataclass(frozen=True)
class Ratio:
    """Speed of one way over another's, round by round: median, least and greatest."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, ours: Measured, theirs: Measured) -> "Ratio":
        """Ratio of speeds: above 1 ours is the faster."""
        each = np.divide(theirs.seconds, ours.seconds)
        return cls(float(np.median(each)), float(each.min()), float(each.max()))


@dataclass(frozen=True)
class Encoding:
    """One benchmark: each way's speed, and how near our vectors are to the bare model's."""

    what: str
    ways: dict[str, Measured]
    least_cosine: float

    def ratio(self, to: str) -> Ratio:
        """Our speed over another way's."""
        return Ratio.of(self.ways[OURS], self.ways[to])


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

        from encoder.tokens import Tokens

        found = Checkpoint.in_folder(checkpoint)
        model = CLIPModel.from_pretrained(found.folder, dtype=getattr(torch, encoder.precision))
        self.model = model.eval().to(encoder.device)
        self.size, self.processor = encoder.batch_size, found.processor
        self.order: list[int] = []  # which item each row of the last batches belongs to
        self.tokens = Tokens(found.folder, found.max_tokens)

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
        from encoder.tokens import by_length, padded

        tokens = self.tokens(texts)
        batches = list(by_length(tokens, TOKENS_PER_PICTURE * self.size))
        self.order = [row for batch in batches for row in batch]
        return [
            torch.from_numpy(padded([tokens[row] for row in rows])).to(self.model.device)
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

        from encoder.ahead import run_ahead

        runners = torch.get_num_threads() if self.model.device.type == "cpu" else 1
        return list(run_ahead(batches, lambda batch: batch, self.run, runners))


def _contest(
    what: str,
    items: Sequence[Any],
    rounds: int,
    bare: Bare,
    prepare: Callable[[Any], list[Any]],
    ours: Callable[[Any], np.ndarray],
    theirs: Callable[[Any], np.ndarray],
) -> Encoding:
    seconds: dict[str, list[float]] = {}
    nearest = 1.0
    share = len(items) // rounds
    for number in range(rounds + 1):
        # Round 0 warms everything up and is not counted.
        start = max(number - 1, 0) * share
        chosen = items[start : start + share] if number else items[: 2 * bare.size]
        batches = prepare(chosen)
        ways: dict[str, Callable[[], Any]] = {
            BARE: partial(_each, bare.run, batches),
            BARE_PER_CORE: partial(bare.per_core, batches),
            OURS: partial(ours, chosen),
            PEER: partial(theirs, chosen),
        }
        results = _turn(ways, number, seconds)
        nearest = min(nearest, _cosine(results[BARE], results[OURS][bare.order]))
    return Encoding(what, {name: Measured(seconds[name], share) for name in ways}, float(nearest))


def _each(run: Callable[[Any], Any], batches: list[Any]) -> list[Any]:
    return [run(batch) for batch in batches]


def _turn(
    ways: dict[str, Callable[[], Any]], number: int, seconds: dict[str, list[float]]
) -> dict[str, Any]:
    """Run every way once, another one first in each round; round 0 warms up, untimed."""
    names = list(ways)
    first = number % len(names)
    results = {}
    for name in names[first:] + names[:first]:
        with _timed(seconds.setdefault(name, []), keep=number > 0):
            results[name] = ways[name]()
    return results


@contextmanager
def _timed(seconds: list[float], keep: bool) -> Iterator[None]:
    import torch

    start = time.perf_counter()
    yield
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    if keep:
        seconds.append(time.perf_counter() - start)


def _cosine(outputs: Sequence[Any], vectors: np.ndarray) -> float:
    features = np.concatenate([output.float().cpu().numpy() for output in outputs])
    lengths = np.linalg.norm(features, axis=1) * np.linalg.norm(vectors, axis=1)
    return float(((features * vectors).sum(axis=1) / lengths).min())


def random_vit_b_32(folder: Path) -> Path:
    """Write a ViT-B/32 CLIP with random weights: as fast as a trained one, and needs no hub."""
    from transformers import CLIPConfig, CLIPModel

    from tests.tiny_clip import tiny_processor, tiny_tokenizer

    tokenizer = tiny_tokenizer(text_tokens=77)
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    words = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id, **ends}
    # Everything else is the default: CLIPConfig() is ViT-B/32.
    CLIPModel(CLIPConfig(text_config=words)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    settings = json.dumps(tiny_processor(image_size=224))
    (folder / "preprocessor_config.json").write_text(settings, encoding="utf-8")
    return folder


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
            checkpoint or random_vit_b_32(place / "clip"),
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
    return {
        "per_second": {name: round(way.per_second, 1) for name, way in encoding.ways.items()},
        "ratio_to": {
            name: {"median": ratio.median, "least": ratio.least, "greatest": ratio.greatest}
            for name in encoding.ways
            if name != OURS
            for ratio in [encoding.ratio(name)]
        },
        "least_cosine_to_bare": encoding.least_cosine,
    }


def _table(encoding: Encoding) -> Table:
    table = Table("way", f"{encoding.what}/s", f"{OURS} over it (least – greatest round)")
    for name, way in encoding.ways.items():
        ratio = encoding.ratio(name)
        span = f"{ratio.median:.2f} ({ratio.least:.2f} – {ratio.greatest:.2f})"
        table.add_row(name, f"{way.per_second:.1f}", "" if name == OURS else span)
    table.caption = f"least cosine to the bare model's vectors: {encoding.least_cosine:.6f}"
    return table
