"""Fusion: one ranking from the parts of a search.

Every method fuses here and not in the engine, so that the rank and the score in each part are known
and both engines agree.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, Literal

from qdrant.model import WORDS, Id, Ranking
from qdrant.ranking import are_equal

Method = Literal["margin", "convex", "rrf"]

# Of reciprocal rank fusion; Cormack, Clarke and Büttcher, SIGIR 2009.
RRF_K = 60


@dataclass(frozen=True, slots=True)
class PartScore:
    """A product's place in one part of a search.

    Attributes:
        rank: 1 is the best.
        score: exact cosine; of `words` the BM25 score.
    """

    rank: int
    score: float


@dataclass(frozen=True)
class Fused(Ranking[Id], Generic[Id]):
    """One ranking of several parts.

    Attributes:
        parts: what each part found, by its name.
    """

    parts: Mapping[str, Ranking[Id]] = field(default_factory=dict)

    @cached_property
    def ranks(self) -> Mapping[str, Mapping[Id, int]]:
        """The rank of each product, by part."""
        return {
            name: dict(zip(hits.ids, range(1, len(hits) + 1), strict=True))
            for name, hits in self.parts.items()
        }

    def places(self, product: Id) -> "Places":
        """A product's place in each part that found it."""
        return Places(self, product)


class Places(Mapping[str, PartScore]):
    """A product's place in each part that found it, looked up for the products that are shown."""

    __slots__ = ("_fused", "_product")

    def __init__(self, fused: Fused[Any], product: Any) -> None:  # noqa: ANN401 (an id)
        self._fused: Fused[Any] = fused
        self._product: Any = product

    def __getitem__(self, part: str) -> PartScore:
        rank = self._fused.ranks[part][self._product]
        return PartScore(rank, self._fused.parts[part].scores[rank - 1])

    def __iter__(self) -> Iterator[str]:
        return (part for part, ranks in self._fused.ranks.items() if self._product in ranks)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(slots=True)
class Candidate:
    """A product with its score, before its payload is read.

    Attributes:
        id: product id.
        score: what it is ranked by; the weighted sum over the parts, 0 to 1, where these are fused.
        parts: its place in each part that found it, by the part's name.
        facts: those of its payload that the stages of the query need.
    """

    id: str
    score: float
    parts: Mapping[str, PartScore]
    facts: Mapping[str, Any] = field(default_factory=dict)


def fuse(
    parts: Mapping[str, Ranking[Id]],
    weights: Mapping[str, float],
    method: Method,
    least: int | None = None,
) -> Fused[Id]:
    """Return the products of all parts, best first, ties by ascending id.

    Args:
        parts: the hits of each part, best first.
        weights: of each part, at least 0; their sum does not matter. A part of weight 0 adds
            nothing.
        method: how the score of a hit is made comparable; the fused score is the weighted mean.
            `margin`: of words, its share of the best hit's; of vectors, how far its cosine is
            above the last hit's. `convex`: scaled so that the part's best hit has 1 and its last 0
            (Bruch, Gai and Ingber, TOIS 2023). `rrf`: 1 / (60 + rank), scaled so that a product
            that is first in all parts has 1.
        least: as many products, and those after them whose scores are equal to the last one's;
            None for all.
    """
    used = {name: hits for name, hits in parts.items() if hits and weights.get(name, 0) > 0}
    total = sum(weights[name] for name in used)
    scores: dict[Id, float] = {}
    for name, hits in used.items():
        share = weights[name] / total
        for product, value in zip(hits.ids, METHODS[method](name, hits.scores), strict=True):
            scores[product] = scores.get(product, 0.0) + share * value
    best = sorted(scores, key=scores.__getitem__, reverse=True)
    if least is not None:
        best = best[: _end_of_tie([scores[product] for product in best], least)]
    best = [product for _, product in sorted((-round(scores[each], 9), each) for each in best)]
    return Fused(best, [scores[product] for product in best], used)


def best_of(parts: Mapping[str, Ranking[Id]], depth: int) -> Fused[Id]:
    """Return the products of parts whose scores compare, each by its highest score, best first.

    Of several products that are liked, those near to any of them come first: with the mean of
    their vectors, .22 of the first ten on 9,583 fashion products were of the article type of one
    of two, with the highest score .63.

    Args:
        parts: the hits of each part, best first.
        depth: hits that each part was searched for. A product below the last hit of a part that
            has as many, or more, is left out, since better ones may be missing.
    """
    if len(parts) == 1:
        [hits] = parts.values()
        return Fused(hits.ids, hits.scores, parts)
    full = [hits.scores[-1] for hits in parts.values() if len(hits) >= depth]
    floor = max(full) if full else float("-inf")
    scores: dict[Id, float] = {}
    for hits in parts.values():
        for product, score in zip(hits.ids, hits.scores, strict=True):
            scores[product] = max(score, scores.get(product, score))
    best = [product for product, score in scores.items() if score >= floor]
    best.sort(key=lambda product: (-round(scores[product], 6), product))
    return Fused(best, [scores[product] for product in best], parts)


def _end_of_tie(scores: Sequence[float], least: int) -> int:
    """How many scores there are up to the end of the tie that the last of `least` is in."""
    end = min(least, len(scores))
    while 0 < end < len(scores) and are_equal(scores[end - 1], scores[end]):
        end += 1
    return end


def _margins(part: str, scores: Sequence[float]) -> list[float]:
    """Of words their share of the best score, of cosines the margin over the last one.

    A product that words find has more than one that they do not find, however few these are. A
    model to which all products are nearly alike moves none of them far: scaled from 0 to 1, its
    noise would.
    """
    best, last = scores[0], scores[-1]
    if part == WORDS:
        return [score / best if best > 0 else 1.0 for score in scores]
    return [score - last for score in scores]


def _scaled(part: str, scores: Sequence[float]) -> list[float]:
    """Scores from 1 for the best to 0 for the last; all 1 where they are equal."""
    best, last = scores[0], scores[-1]
    if best <= last:
        return [1.0] * len(scores)
    return [(score - last) / (best - last) for score in scores]


def _reciprocal(part: str, scores: Sequence[float]) -> list[float]:
    return [(RRF_K + 1) / (RRF_K + rank) for rank in range(1, len(scores) + 1)]


METHODS: Mapping[Method, Callable[[str, Sequence[float]], list[float]]] = {
    "margin": _margins,
    "convex": _scaled,
    "rrf": _reciprocal,
}
