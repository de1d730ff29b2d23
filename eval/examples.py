"""The queries whose results differ most, with their pictures, for people to look at."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL.Image import Image

from eval.measures import DECIDING
from eval.results import SHOWN, Evaluation
from eval.retrieval import QueryPictures
from pictures.errors import PictureError
from pictures.store import PictureStore

EXAMPLES = 5  # queries shown that gained most, and that lost most
SIDE = 112  # pixels of a shown picture; a report with 100 of them stays below a megabyte
QUALITY = 80


@dataclass(frozen=True)
class Card:
    """A product as it is shown: its title, picture as a `data:` address, and its score."""

    title: str
    picture: str
    relevant: bool
    score: float | None = None


@dataclass(frozen=True)
class Example:
    """A query, relevant products, and the results of each variant.

    Attributes:
        text, picture, category: of the query.
        change: in a sentence.
        relevant: the first relevant products.
        relevant_count: how many there are.
        results: first results by variant, with the query's score.
    """

    text: str
    picture: str
    category: str
    change: str
    relevant: list[Card]
    relevant_count: int
    results: dict[str, tuple[float, list[Card]]]


def examples(evaluation: Evaluation, pictures: PictureStore) -> dict[str, list[Example]]:
    """Examples under two headings: gained and lost most; of a single variant, best and worst."""
    names = variants_to_show(evaluation)
    last = evaluation.outcomes[names[-1]].scores[DECIDING]
    if len(names) == 2:
        change = last - evaluation.outcomes[names[0]].scores[DECIDING]
        headings = f"{names[1]} gained most on", f"{names[1]} lost most on"
        up = [row for row in np.argsort(-change, kind="stable")[:EXAMPLES] if change[row] > 0]
        down = [row for row in np.argsort(change, kind="stable")[:EXAMPLES] if change[row] < 0]
    else:
        headings = "Best results", "Worst results"
        # Hundreds may have 1, or 0: which of them are shown is a draw with a fixed seed.
        order = np.lexsort((np.random.default_rng(0).permutation(len(last)), -last))
        up = [row for row in order[:EXAMPLES] if last[row] > 0]
        down = [row for row in order[::-1][:EXAMPLES] if last[row] < 1 and row not in up]
    maker = _ExampleMaker(evaluation, pictures)
    return {
        heading: [maker.example(row, names) for row in rows]
        for heading, rows in zip(headings, (up, down), strict=True)
        if rows
    }


def variants_to_show(evaluation: Evaluation) -> tuple[str, ...]:
    """The first variant and the best of the others; or the only one."""
    first, *others = evaluation.outcomes
    if not others:
        return (first,)
    best = max(others, key=lambda name: float(evaluation.outcomes[name].scores[DECIDING].mean()))
    return first, best


class _ExampleMaker:
    def __init__(self, evaluation: Evaluation, pictures: PictureStore) -> None:
        self._evaluation = evaluation
        self._pictures = pictures
        self._query_pictures = QueryPictures()

    def example(self, row: int, names: Sequence[str]) -> Example:
        evaluation = self._evaluation
        query = evaluation.queries[row]
        grades = evaluation.qrels[query.id]
        values = {name: float(evaluation.outcomes[name].scores[DECIDING][row]) for name in names}
        opened = self._query_pictures.open(query.picture) if query.picture else None
        return Example(
            text=query.text,
            picture=data_address(opened) if isinstance(opened, Image) else "",
            category=query.category,
            change=f"{DECIDING} {' → '.join(f'{value:.2f}' for value in values.values())}",
            relevant=[self._card(product, grades) for product in list(grades)[:2]],
            relevant_count=len(grades),
            results={
                name: (
                    value,
                    [
                        self._card(product, grades, score)
                        for product, score in evaluation.outcomes[name].ranked[query.id][:SHOWN]
                    ],
                )
                for name, value in values.items()
            },
        )

    def _card(self, product: str, grades: Mapping[str, int], score: float | None = None) -> Card:
        payload = self._evaluation.products.get(product, {})
        picture = payload.get("picture")
        return Card(
            title=payload.get("title", product),
            picture=self._stored(picture) if picture else "",
            relevant=product in grades,
            score=score,
        )

    def _stored(self, name: str) -> str:
        try:
            return data_address(self._pictures.open(name))
        except (PictureError, OSError):
            return ""  # the picture was deleted since the collection was built


def data_address(picture: Image, side: int = SIDE) -> str:
    """A thumbnail of a picture as a `data:` address."""
    thumbnail = picture.convert("RGB")
    thumbnail.thumbnail((side, side))
    out = io.BytesIO()
    thumbnail.save(out, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
