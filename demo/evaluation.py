"""How well a checkpoint finds what is asked for: nDCG@10 of an exact search in memory.

The same figures come from `vitrine eval run` once the shop is ingested; this needs no
installation, and serves training too, with a catalogue and queries from the training side.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image

from demo import DemoError, shop
from demo.drawing import draw, draw_scene
from demo.queries import QUERIES, grade
from demo.style import ATTRIBUTES, Style
from demo.training_data import VALIDATION_SEED, load_drawn_set, write_caption, write_description
from encoder.encoder import Encoder
from encoder.variants import Variants
from encoder.vectors import fuse
from eval.measures import DECIDING, score
from pictures.errors import PictureError
from pictures.sources import open_file

VALIDATION_PER_KIND = 60
VALIDATION_QUERIES = {"text": 160, "picture": 80, "both": 80}


@dataclass(frozen=True, slots=True)
class LabelledQuery:
    """A query with its answers: text, picture or both."""

    id: str
    text: str
    picture: Image.Image | None
    relevant: Mapping[str, int]

    @property
    def sort(self) -> str:
        """What it is made of: "text", "picture" or "both"."""
        if self.picture is None:
            return "text"
        return "both" if self.text else "picture"


@dataclass(frozen=True, slots=True)
class QuerySet:
    """A catalogue of products with pictures, and queries about it."""

    ids: Sequence[str]
    texts: Sequence[str]
    pictures: Sequence[Image.Image]
    queries: Sequence[LabelledQuery]


@dataclass(frozen=True, slots=True)
class Score:
    """The mean nDCG@10 of some queries, and how many there were."""

    queries: str
    vector: str
    ndcg: float
    count: int


def open_encoder(checkpoint: Path) -> Encoder:
    """The encoder of a checkpoint, with the default product text."""
    with tempfile.TemporaryDirectory() as home:
        return Encoder.load(Variants(Path(home)).add("demo", checkpoint))


def evaluate(encoder: Encoder, query_set: QuerySet) -> list[Score]:
    """Ask all queries of aquery set, of the `fused` and of the `image` vectors.

    Returns:
        A score for each sort of query and vector, and one over all queries for each vector.
    """
    image = encoder.encode_images(query_set.pictures)
    gallery = {"fused": fuse(encoder.encode_texts(query_set.texts), image), "image": image}
    asked = _encode(encoder, query_set.queries)
    scores = []
    for vector, vectors in gallery.items():
        order = np.argsort(-(asked @ vectors.T), axis=1, kind="stable")[:, :10]
        ranked = {
            query.id: [query_set.ids[place] for place in row]
            for query, row in zip(query_set.queries, order, strict=True)
        }
        values = score({each.id: each.relevant for each in query_set.queries}, ranked)[DECIDING]
        sorts = np.array([query.sort for query in query_set.queries])
        for sort in dict.fromkeys(sorts):
            chosen = values[sorts == sort]
            scores.append(Score(str(sort), vector, float(chosen.mean()), len(chosen)))
        scores.append(Score("all", vector, float(values.mean()), len(values)))
    return scores


def shop_query_set(folder: Path) -> QuerySet:
    """The demo's own query set. Its grades count products without a picture, too.

    Raises:
        DemoError: the folder holds no demo shop.
    """
    try:
        products = _rows(folder / shop.PRODUCTS)
        queries = _rows(folder / QUERIES)
    except FileNotFoundError as error:
        raise DemoError(f"{folder} holds no demo shop: python -m demo make {folder}") from error
    kept: list[dict[str, Any]] = []
    pictures: list[Image.Image] = []
    for product in products:
        try:
            pictures.append(open_file(folder / product["image"]))
        except (PictureError, IsADirectoryError):
            continue
        kept.append(product)
    return QuerySet(
        ids=[product["id"] for product in kept],
        texts=[f"{product['title']}. {product['description']}" for product in kept],
        pictures=pictures,
        queries=[
            LabelledQuery(
                query["id"],
                query["text"],
                open_file(folder / query["image"]) if query["image"] else None,
                query["relevant"],
            )
            for query in queries
        ],
    )


def validation_query_set(cache: Path, side: int) -> QuerySet:
    """Aquery set in the wording of training, on drawn products that training does not see.

    Whatever is tuned is tuned on this; the demo's queries are for the last style only.
    """
    drawn = load_drawn_set(cache, per_kind=VALIDATION_PER_KIND, side=side, seed=VALIDATION_SEED)
    rng = Random(VALIDATION_SEED)
    ids = [str(number) for number in range(len(drawn))]
    queries = [
        _validation_query(f"{sort}{number}", sort, ids, drawn.styles, rng)
        for sort, count in VALIDATION_QUERIES.items()
        for number in range(count)
    ]
    return QuerySet(
        ids=ids,
        texts=[write_description(style, rng).text for style in drawn.styles],
        pictures=[Image.fromarray(picture) for picture in drawn.pictures],
        queries=queries,
    )


def _validation_query(
    name: str, sort: str, ids: Sequence[str], styles: Sequence[Style], rng: Random
) -> LabelledQuery:
    style = rng.choice(styles)
    caption = write_caption(style, rng)
    asks = tuple(caption.names) if sort == "text" else ATTRIBUTES
    grades = {other: grade(style, asks, each) for other, each in zip(ids, styles, strict=True)}
    return LabelledQuery(
        id=name,
        text="" if sort == "picture" else caption.text,
        picture=None if sort == "text" else draw(style, draw_scene(rng)),
        relevant={other: value for other, value in grades.items() if value},
    )


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _encode(encoder: Encoder, queries: Sequence[LabelledQuery]) -> np.ndarray:
    """Query vectors (n, d), in their order."""
    vectors = np.empty((len(queries), encoder.dim), dtype=np.float32)
    worded = [place for place, each in enumerate(queries) if each.text]
    drawn = [place for place, each in enumerate(queries) if each.picture is not None]
    vectors[worded] = encoder.encode_texts([queries[place].text for place in worded])
    if drawn:
        text = vectors[drawn]
        pictures = [each.picture for each in queries if each.picture is not None]
        seen = encoder.encode_images(pictures)
        both = np.array([bool(queries[place].text) for place in drawn])
        seen[both] = fuse(text[both], seen[both]) if both.any() else seen[both]
        vectors[drawn] = seen
    return vectors
