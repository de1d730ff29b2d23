"""The queries that moved most, with their pictures, for a person to look at."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL.Image import Image

from catalog.errors import CatalogError
from eval.measures import DECIDING
from eval.outcome import SHOWN, Evaluation
from eval.queries import LabelledQuery
from eval.retrieval import QueryPictures
from pictures.store import PictureStore

EXAMPLES = 5  # queries shown that gained most, and that lost most
SIDE = 112  # pixels of a shown picture; a report with 100 of them stays below a megabyte
QUALITY = 80


@dataclass(frozen=True)
class Card:
    """A product as it is shown: its title, picture as a `data:` address, and its score."""

    title: str
    picture: str
    right: bool
    score: float | None = None


@dataclass(frozen=True)
class Example:
    """A query, a right answer to it, and what each variant answered.

    Attributes:
        text, picture, category: of the query.
        change: in a sentence.
        right: first right answers.
        rights: how many there are.
        answers: first answers by variant, with the query's score.
    """

    text: str
    picture: str
    category: str
    change: str
    right: list[Card]
    rights: int
    answers: dict[str, tuple[float, list[Card]]]


def variants_to_show(evaluation: Evaluation) -> tuple[str, ...]:
    """The first variant and the best of the others; or the only one."""
    first, *others = evaluation.outcomes
    if not others:
        return (first,)
    best = max(others, key=lambda name: float(evaluation.outcomes[name].scores[DECIDING].mean()))
    return first, best


def examples(evaluation: Evaluation, pictures: PictureStore) -> dict[str, list[Example]]:
    """Queries under a heading each way; of a single variant, its best and its worst."""
    names = variants_to_show(evaluation)
    last = evaluation.outcomes[names[-1]].scores[DECIDING]
    if len(names) == 2:
        change = last - evaluation.outcomes[names[0]].scores[DECIDING]
        gained, lost = f"{names[1]} gained most on", f"{names[1]} lost most on"
        up = [row for row in np.argsort(-change, kind="stable")[:EXAMPLES] if change[row] > 0]
        down = [row for row in np.argsort(change, kind="stable")[:EXAMPLES] if change[row] < 0]
    else:
        gained, lost = "Answered best", "Answered worst"
        # Hundreds may have 1, or 0: which of them are shown is drawn, always the same.
        order = np.lexsort((np.random.default_rng(0).permutation(len(last)), -last))
        up = [row for row in order[:EXAMPLES] if last[row] > 0]
        down = [row for row in order[::-1][:EXAMPLES] if last[row] < 1 and row not in up]
    draw = _ExampleMaker(evaluation, pictures)
    found = {gained: [draw.shown(row, names) for row in up]}
    found[lost] = [draw.shown(row, names) for row in down]
    return {heading: shown for heading, shown in found.items() if shown}


class _ExampleMaker:
    def __init__(self, evaluation: Evaluation, pictures: PictureStore) -> None:
        self._evaluation = evaluation
        self._pictures = pictures
        self._queries = QueryPictures()

    def shown(self, row: int, names: Sequence[str]) -> Example:
        evaluation = self._evaluation
        query = evaluation.queries[row]
        grades = evaluation.qrels[query.id]
        values = [float(evaluation.outcomes[name].scores[DECIDING][row]) for name in names]
        told = " → ".join(f"{value:.2f}" for value in values)
        return Example(
            text=query.text,
            picture=self._query_picture(query),
            category=query.category,
            change=f"{DECIDING} {told}",
            right=[self._card(name, grades) for name in list(grades)[:2]],
            rights=len(grades),
            answers={
                name: (
                    value,
                    [
                        self._card(product, grades, score)
                        for product, score in evaluation.outcomes[name].ranked[query.id][:SHOWN]
                    ],
                )
                for name, value in zip(names, values, strict=True)
            },
        )

    def _card(self, product: str, grades: Mapping[str, int], score: float | None = None) -> Card:
        told: Mapping[str, Any] = self._evaluation.products.get(product, {})
        return Card(
            title=told.get("title", product),
            picture=self._stored(told.get("picture", "")),
            right=product in grades,
            score=score,
        )

    def _stored(self, name: str) -> str:
        if not name:
            return ""
        try:
            return as_address(self._pictures.open(name))
        except (CatalogError, OSError):
            return ""  # a report of a catalogue whose picture went since is still a report

    def _query_picture(self, query: LabelledQuery) -> str:
        if not query.picture:
            return ""
        opened = self._queries.open(query.picture)
        return as_address(opened) if isinstance(opened, Image) else ""


def as_address(picture: Image, side: int = SIDE) -> str:
    """A small copy of a picture as a `data:` address."""
    small = picture.convert("RGB")
    small.thumbnail((side, side))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
