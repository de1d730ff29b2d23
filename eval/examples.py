"""The queries whose results differ most, with their pictures, for people to look at."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL.Image import Image

from eval.measures import DECIDING
from eval.results import SHOWN, Evaluation
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


def choose_examples(evaluation: Evaluation, pictures: PictureStore) -> dict[str, list[Example]]:
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
    return {
        heading: [_example(evaluation, row, names, pictures) for row in rows]
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


def _example(
    evaluation: Evaluation, row: int, names: Sequence[str], pictures: PictureStore
) -> Example:
    query = evaluation.queries[row]
    grades = evaluation.qrels[query.id]

    def card(product: str, score: float | None = None) -> Card:
        payload = evaluation.products.get(product, {})
        return Card(
            title=payload.get("title", product),
            picture=stored_picture(pictures, payload.get("picture", "")),
            relevant=product in grades,
            score=score,
        )

    results = {}
    for name in names:
        outcome = evaluation.outcomes[name]
        cards = [card(*result) for result in outcome.ranked[query.id][:SHOWN]]
        results[name] = float(outcome.scores[DECIDING][row]), cards
    opened = QueryPictures().open(query.picture) if query.picture else None
    return Example(
        text=query.text,
        picture=data_address(opened) if isinstance(opened, Image) else "",
        category=query.category,
        change=f"{DECIDING} {' → '.join(f'{value:.2f}' for value, _ in results.values())}",
        relevant=[card(product) for product in list(grades)[:2]],
        relevant_count=len(grades),
        results=results,
    )


def stored_picture(pictures: PictureStore, name: str) -> str:
    """A product's picture as a `data:` address; empty where it has none or it was deleted."""
    if not name:
        return ""
    try:
        return data_address(pictures.open(name))
    except Exception:  # noqa: BLE001 (no report is lost for a thumbnail)
        return ""


def data_address(picture: Image, side: int = SIDE) -> str:
    """A thumbnail of a picture as a `data:` address."""
    thumbnail = picture.convert("RGB")
    thumbnail.thumbnail((side, side))
    out = io.BytesIO()
    thumbnail.save(out, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
