"""Top-k with ties: one order of equal scores for every engine."""

import operator
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from qdrant.layout import MAX_RESULTS
from qdrant.model import Id, Ranking

# Products that share a photo have equal scores. A few results more than k show where a run of
# equal scores ends, so that ids decide which of them are in the top k, and not chance.
SLACK = 16
# Results that a tie is followed to, so that 20,000 products of one placeholder picture do not make
# a search read all of them. No page of a search shows a product beyond these.
TIE_LIMIT = 2_000
# Neighbours whose scores differ by no more than this are equal, of scores above 1 no more than this
# share of them: the scores of equal vectors differ by 3e-7 within an engine and between two.
# Rounding would part those on both sides of a boundary.
TOLERANCE = 5e-7


# The best hits of the given queries, each as many as its limit, or all there are.
Fetch = Callable[[Sequence[int], Sequence[int]], list[Ranking[Id]]]


def top_hits(
    fetch: Fetch[Id], ks: Sequence[int], followed: Sequence[bool] | None = None
) -> list[Ranking[Id]]:
    """Return the k best hits of each query, best first, ties by ascending id.

    All hits whose scores equal that of the k-th are among them, so there may be more than k. A tie
    is followed to `TIE_LIMIT` hits, or to `k + SLACK` where that is more. Of a longer one, the
    engine decides which products are seen.

    Args:
        fetch: searches for the queries of these numbers.
        ks: how many hits of each query, at least.
        followed: whether ties of each query are; None for all. Of one whose ties are not, the
            engine decides which of equal hits are among the k.
    """
    follow = [True] * len(ks) if followed is None else followed
    limits = [
        max(k, min(k + SLACK, MAX_RESULTS)) if more else k
        for k, more in zip(ks, follow, strict=True)
    ]
    last = [
        max(limit, TIE_LIMIT) if more else limit for limit, more in zip(limits, follow, strict=True)
    ]
    rows = list(range(len(ks)))
    found = fetch(rows, limits)
    while True:
        rows = [
            row
            for row in rows
            if limits[row] < last[row] and _cut_in_tie(found[row].scores, ks[row], limits[row])
        ]
        if not rows:
            return [_ranked(hits, k) for hits, k in zip(found, ks, strict=True)]
        for row in rows:
            limits[row] = min(4 * limits[row], last[row])
        for row, hits in zip(rows, fetch(rows, [limits[row] for row in rows]), strict=True):
            found[row] = hits


def most_frequent(counts: dict[str, int]) -> dict[str, int]:
    """Return counts by descending count, ties by ascending value."""
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def ties(scores: Sequence[float]) -> Iterator[tuple[int, int]]:
    """Yield where each run of two or more equal scores begins and ends; these are best first."""
    values = np.asarray(scores)
    equal = values[:-1] - values[1:] <= TOLERANCE * np.maximum(1.0, values[:-1])
    if not equal.any():  # as of most vectors
        return iter(())
    edges = np.flatnonzero(np.diff(equal, prepend=False, append=False)).tolist()
    return ((start, end + 1) for start, end in zip(edges[::2], edges[1::2], strict=True))


def are_equal(better: float, worse: float) -> bool:
    """Whether two scores, next to each other, count as equal."""
    return better - worse <= TOLERANCE * max(1.0, better)


def _cut_in_tie(scores: Sequence[float], k: int, limit: int) -> bool:
    """Whether products beyond the limit may have the score of the k-th."""
    return len(scores) >= limit and all(map(are_equal, scores[k - 1 :], scores[k:]))


def _ranked(hits: Ranking[Id], k: int) -> Ranking[Id]:
    """Return the first k hits and those equal to the last, each run of equals by ascending id."""
    ids, scores = list(hits.ids), list(hits.scores)
    if not all(map(operator.ge, scores, scores[1:])):
        order = sorted(range(len(ids)), key=scores.__getitem__, reverse=True)
        ids, scores = [ids[row] for row in order], [scores[row] for row in order]
    last = k
    for start, end in ties(scores):
        if start < k:
            run = sorted(zip(ids[start:end], scores[start:end], strict=True))
            ids[start:end], scores[start:end] = zip(*run, strict=True)
            last = max(k, end)
    return Ranking(ids[:last], scores[:last])
