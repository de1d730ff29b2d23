"""nDCG@10 of a checkpoint on a query set: exact search in memory, without an installation.

Training validates by it, on products and queries that are drawn for that. For the shop itself,
`vitrine eval run` measures the same.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from demo.drawing import draw, draw_scene
from demo.queries import grade
from demo.style import ATTRIBUTES, Style
from demo.training_data import VALIDATION_SEED, load_drawn_set, write_caption, write_description
from encoder.encoder import Encoder
from encoder.variants import Variants
from encoder.vectors import fuse
from eval.indexes import ExactIndex
from eval.measures import CUT, DECIDING, score

VALIDATION_PER_KIND = 60
VALIDATION_QUERIES = {"text": 160, "picture": 80, "both": 80}


@dataclass(frozen=True, slots=True)
class LabelledQuery:
    """A query, of text, picture or both, with the grades of its relevant products."""

    id: str
    text: str
    picture: Image.Image | None
    relevant: Mapping[str, int]

    @property
    def form(self) -> str:
        """Text, picture or both."""
        if self.picture is None:
            return "text"
        return "both" if self.text else "picture"


@dataclass(frozen=True, slots=True)
class QuerySet:
    """Products with pictures, and queries for them."""

    ids: Sequence[str]
    texts: Sequence[str]
    pictures: Sequence[Image.Image]
    queries: Sequence[LabelledQuery]


@dataclass(frozen=True, slots=True)
class Score:
    """The mean nDCG@10 of the queries of one form ("all": of every form), and their number."""

    queries: str
    vector: str
    ndcg: float
    count: int


def open_encoder(checkpoint: Path) -> Encoder:
    """The encoder of a checkpoint, with the default product text."""
    with tempfile.TemporaryDirectory() as home:
        return Encoder.load(Variants(Path(home)).add("demo", checkpoint))


def evaluate(encoder: Encoder, query_set: QuerySet) -> list[Score]:
    """Search the `fused` and the `image` vectors with all queries.

    Returns:
        A score for each form of query and vector, and one over all queries for each vector.
    """
    image = encoder.encode_images(query_set.pictures)
    gallery = {"fused": fuse(encoder.encode_texts(query_set.texts), image), "image": image}
    query_vectors = _query_vectors(encoder, query_set.queries)
    qrels = {query.id: query.relevant for query in query_set.queries}
    forms = np.array([query.form for query in query_set.queries])
    scores = []
    for vector, vectors in gallery.items():
        _, rows = ExactIndex(vectors).search(query_vectors, CUT)
        ranked = {
            name: [query_set.ids[row] for row in best]
            for name, best in zip(qrels, rows, strict=True)
        }
        values = score(qrels, ranked)[DECIDING]
        for form in (*dict.fromkeys(forms.tolist()), "all"):
            chosen = values if form == "all" else values[forms == form]
            scores.append(Score(form, vector, float(chosen.mean()), len(chosen)))
    return scores


def _query_vectors(encoder: Encoder, queries: Sequence[LabelledQuery]) -> np.ndarray:
    """Unit vectors of the queries, float32 (n, d): of the text, the picture, or both fused."""
    texts = iter(encoder.encode_texts([each.text for each in queries if each.text]))
    images = iter(encoder.encode_images([each.picture for each in queries if each.picture]))
    vectors = {
        "text": lambda: next(texts),
        "picture": lambda: next(images),
        "both": lambda: fuse(next(texts), next(images)),
    }
    return np.stack([vectors[query.form]() for query in queries])


def validation_query_set(cache: Path, side: int) -> QuerySet:
    """Queries worded as the training texts, for drawn products that are not trained on.

    Choices are made by these; the demo's own queries are the test set.
    """
    drawn = load_drawn_set(cache, per_kind=VALIDATION_PER_KIND, side=side, seed=VALIDATION_SEED)
    rng = Random(VALIDATION_SEED)
    ids = [str(number) for number in range(len(drawn))]
    queries = [
        _validation_query(f"{form}{number}", form, ids, drawn.styles, rng)
        for form, count in VALIDATION_QUERIES.items()
        for number in range(count)
    ]
    return QuerySet(
        ids=ids,
        texts=[write_description(style, rng).text for style in drawn.styles],
        pictures=[Image.fromarray(picture) for picture in drawn.pictures],
        queries=queries,
    )


def _validation_query(
    name: str, form: str, ids: Sequence[str], styles: Sequence[Style], rng: Random
) -> LabelledQuery:
    style = rng.choice(styles)
    caption = write_caption(style, rng)
    attributes = tuple(caption.names) if form == "text" else ATTRIBUTES
    grades = {
        other: grade(style, attributes, each) for other, each in zip(ids, styles, strict=True)
    }
    return LabelledQuery(
        id=name,
        text="" if form == "picture" else caption.text,
        picture=None if form == "text" else draw(style, draw_scene(rng)),
        relevant={other: value for other, value in grades.items() if value},
    )
