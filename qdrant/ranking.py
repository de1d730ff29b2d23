"""Top-k with ties: one order of equal scores for every engine."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from qdrant.layout import MAX_RESULTS
from qdrant.model import Hit

# Products that share a photo have equal scores. A few results more than k show where a run of
# equal scores ends, so that ids decide which of them are in the top k, and not chance.
SLACK = 16
# Results that a tie is followed to, so that 20,000 products of one placeholder picture do not make
# a search read all of them.
TIE_LIMIT = 1_000
# Neighbours whose scores differ by no more than this are equal, of scores above 1 no more than this
# share of them: the scores of equal vectors differ by 3e-7 within an engine and between two.
# Rounding would part those on both sides of a boundary.
TOLERANCE = 5e-7


class Scored(Protocol):
    """What has a score."""

    @property
    def score(self) -> float:
        """The higher, the better."""


T = TypeVar("T", bound=Scored)
# The best hits of the given queries, each as many as its limit, or all there are.
Fetch = Callable[[Sequence[int], Sequence[int]], list[list[Hit]]]


def top_hits(fetch: Fetch, ks: Sequence[int]) -> list[list[Hit]]:
    """Return the k best hits of each query, best first, ties by ascending product id.

    A tie is followed to `TIE_LIMIT` hits, or to `k + SLACK` where that is more. Of a longer one,
    the ids decide among the products that were seen, and the engine which these are.

    Args:
        fetch: searches for the queries of these numbers.
        ks: how many hits of each query.
    """
    limits = [max(k, min(k + SLACK, MAX_RESULTS)) for k in ks]
    last = [max(limit, TIE_LIMIT) for limit in limits]
    rows = list(range(len(ks)))
    found = fetch(rows, limits)
    while True:
        rows = [
            row
            for row in rows
            if limits[row] < last[row] and _cut_in_tie(found[row], ks[row], limits[row])
        ]
        if not rows:
            return [_ranked(hits)[:k] for hits, k in zip(found, ks, strict=True)]
        for row in rows:
            limits[row] = min(4 * limits[row], last[row])
        for row, hits in zip(rows, fetch(rows, [limits[row] for row in rows]), strict=True):
            found[row] = hits


def most_frequent(counts: dict[str, int]) -> dict[str, int]:
    """Return counts by descending count, ties by ascending value."""
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _cut_in_tie(hits: list[Hit], k: int, limit: int) -> bool:
    """Whether products beyond the limit may have the score of the k-th."""
    return len(hits) >= limit and all(map(are_equal, hits[k - 1 :], hits[k:]))


def runs_of_equals(ranked: Iterable[T]) -> Iterator[list[T]]:
    """Yield the runs of equal scores of hits that are ordered by score."""
    run: list[T] = []
    last = 0.0
    for each in ranked:
        score = each.score
        if run and last - score > TOLERANCE and not are_equal(run[-1], each):
            yield run
            run = []
        run.append(each)
        last = score
    if run:
        yield run


def are_equal(better: Scored, worse: Scored) -> bool:
    """Whether two hits, next to each other, count as equal."""
    return better.score - worse.score <= TOLERANCE * max(1.0, better.score)


def _ranked(hits: list[Hit]) -> list[Hit]:
    """Return hits, best first, with each run of equal scores by ascending id."""
    runs = runs_of_equals(sorted(hits, key=lambda hit: -hit.score))
    return [
        hit for run in runs for hit in (sorted(run, key=lambda hit: hit.id) if run[1:] else run)
    ]
