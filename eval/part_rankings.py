"""What each part of a hybrid search finds for the queries, to be fused many times.

Choosing weights needs hundreds of fusions of the same hits, so these are kept as arrays, with a row
for each query and a column for each of its candidates. The order is that of `search.fusion.fuse`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np

from eval.measures import CUT, DISCOUNTS
from qdrant.model import WORDS, Ranking
from search.embedding import encode
from search.engine import Engine
from search.exact import EXACT
from search.fusion import METHODS
from search.query import Query
from search.results import Results
from search.settings import CANDIDATES, PARTS, SearchSettings
from search.syntax import read_syntax

BATCH = 256  # queries searched together

BEFORE_OTHERS = 10.0  # is added to a score, to be above every fused one
DECIMALS = 9  # of a fused score, as `search.fusion.fuse` rounds it before it orders


@dataclass
class Found:
    """What a search by parts finds for one text.

    Attributes:
        first: ids of the products that come before all others: their id, SKU, GTIN, title or brand
            is the text.
        parts: the products of each part, best first.
        text: as it was searched for, corrected; empty where it has operators, which filter.
    """

    first: list[str] = field(default_factory=list)
    parts: dict[str, Ranking[str]] = field(default_factory=dict)
    text: str = ""


def search_parts(engine: Engine, queries: Sequence[Query]) -> list[Found]:
    """Search by each part alone; every query is encoded once.

    Args:
        engine: of the variant.
        queries: with a text; those with a picture have no `fused` part, as in a hybrid search.
    """
    dense = engine.collection().vectors
    found = [Found() for _ in queries]
    for start in range(0, len(queries), BATCH):
        batch = [
            replace(query, k=CANDIDATES, match="hybrid", fold=False)
            for query in queries[start : start + BATCH]
        ]
        vectors = encode([reading.query for reading in engine.read(batch)], engine.encoder)
        for part in (WORDS, *dense):
            rows = [row for row, query in enumerate(batch) if not query.picture or part != "fused"]
            settings = SearchSettings(weights={part: 1.0})
            alone = Engine(engine.variant, engine.store, lambda: engine.encoder, settings)
            searched = alone.search_batch(
                [_by(part, batch[row]) for row in rows],
                {number: vectors[row] for number, row in enumerate(rows)},
            )
            for row, results in zip(rows, searched, strict=True):
                _add(found[start + row], part, batch[row].text, results)
    return found


def _by(part: str, query: Query) -> Query:
    """A query that only one part answers: its picture, or its text."""
    return replace(query, weight=float(part != "image")) if query.picture else query


def _add(found: Found, part: str, text: str, results: Results) -> None:
    """Add what a search by one part has found for a text."""
    places = sorted(
        (result.parts[part].rank, result.id, result.parts[part].score)
        for result in results.results
        if part in result.parts
    )
    found.parts[part] = Ranking(
        [product for _, product, _ in places], [score for *_, score in places]
    )
    if part == WORDS:
        found.text = _searched_text(text, results)
    exact = [each.id for each in results.results if EXACT & each.parts.keys()]
    found.first = list(dict.fromkeys([*found.first, *exact]))


def _searched_text(typed: str, results: Results) -> str:
    syntax = read_syntax(typed)
    if syntax.phrases or syntax.without:
        return ""
    return results.searched_for or syntax.text


class PartRankings:
    """The candidates of each query, and what each method makes of their places in each part.

    Args:
        found: of each query.
        grades: grade by product of each query.

    Attributes:
        parts: those that found anything.
        ids: the candidates of each query, ascending.
    """

    def __init__(self, found: Sequence[Found], grades: Sequence[Mapping[str, int]]) -> None:
        hits = {part: hits for each in found for part, hits in each.parts.items() if hits}
        self.parts = tuple(part for part in PARTS if part in hits)
        self.ids = [
            sorted({*each.first, *chain.from_iterable(hits.ids for hits in each.parts.values())})
            for each in found
        ]
        rows, columns = len(self.ids), max(map(len, self.ids), default=0)
        self._values = {method: np.zeros((len(self.parts), rows, columns)) for method in METHODS}
        self._offsets = np.full((rows, columns), -np.inf)
        self._gains = np.zeros((rows, columns))
        self._ideal = np.zeros(rows)
        for row, (each, judged) in enumerate(zip(found, grades, strict=True)):
            self._fill(row, each, judged)
        self._found = np.stack(
            [self._values["rrf"][number] > 0 for number in range(len(self.parts))]
        )

    def __len__(self) -> int:
        return len(self.ids)

    def ndcg(self, settings: SearchSettings, rows: np.ndarray) -> np.ndarray:
        """NDCG@10 of some queries, float64 (n,), where the parts are fused with these settings.

        Args:
            settings: method and weights.
            rows: of the queries.
        """
        scores = self._scores(settings, rows)
        gains = np.where(scores > -np.inf, self._gains[rows], 0)
        gains = np.take_along_axis(gains, _order(scores, CUT), axis=1)
        return (gains @ DISCOUNTS[: gains.shape[1]]) / self._ideal[rows]

    def ranked(self, settings: SearchSettings, row: int, depth: int) -> list[str]:
        """The first products of a query, best first."""
        scores = self._scores(settings, np.array([row]))
        columns = (column for column in _order(scores, depth)[0] if scores[0, column] > -np.inf)
        return [self.ids[row][column] for column in columns]

    def _fill(self, row: int, found: Found, grades: Mapping[str, int]) -> None:
        columns = {product: column for column, product in enumerate(self.ids[row])}
        for number, part in enumerate(self.parts):
            hits: Ranking[str] = found.parts.get(part, Ranking())
            at = [columns[product] for product in hits.ids]
            for method, scale in METHODS.items() if hits else ():
                self._values[method][number, row, at] = scale(part, hits.scores)
        self._offsets[row, : len(columns)] = 0
        self._offsets[row, [columns[product] for product in found.first]] = BEFORE_OTHERS
        for product, column in columns.items():
            self._gains[row, column] = grades.get(product, 0)
        ideal = np.sort(list(grades.values()))[::-1][:CUT]
        self._ideal[row] = ideal @ DISCOUNTS[: len(ideal)]

    def _scores(self, settings: SearchSettings, rows: np.ndarray) -> np.ndarray:
        """Fused scores, float64 (n, columns); −∞ for what no part of a weight above 0 found."""
        weights = np.array([settings.weights.get(part, 0.0) for part in self.parts])
        used = np.flatnonzero(weights)
        fused = np.zeros((len(rows), self._gains.shape[1]))
        found = np.zeros(fused.shape, bool)
        # Each query's parts that found something share the weight among them.
        for number in used:
            fused += weights[number] * self._values[settings.method][number][rows]
            found |= self._found[number][rows]
        any_hit = self._found[:, rows].any(axis=2)
        total = (weights[:, None] * any_hit).sum(axis=0)
        fused /= np.where(total > 0, total, 1)[:, None]
        offsets = self._offsets[rows]
        return np.where(found | (offsets > 0), np.round(fused, DECIMALS) + offsets, -np.inf)


def _order(scores: np.ndarray, depth: int) -> np.ndarray:
    """Columns of the highest scores of each row, best first, equal ones by ascending id."""
    return np.argsort(-scores, axis=1, kind="stable")[:, :depth]
