"""Top-k with ties: one order of equal scores for every engine."""

from collections.abc import Callable, Sequence

from qdrant.layout import MAX_RESULTS
from qdrant.model import Hit

# Products that share a photo have equal scores. A few results more than k show where a run of
# equal scores ends, so that ids decide which of them are in the top k, and not chance.
SLACK = 16
# Results that a tie is followed to, so that 20,000 products of one placeholder picture do not make
# a search read all of them.
TIE_LIMIT = 1_000
# Scores are compared at this many decimals: two engines agree on a cosine to about 1e-7.
DECIMALS = 6

# The given queries' best `limit` hits each, or all there are.
Fetch = Callable[[Sequence[int], int], list[list[Hit]]]


def top_hits(fetch: Fetch, queries: int, k: int) -> list[list[Hit]]:
    """Return the k best hits of each query, best first, ties by ascending product id.

    A tie is followed to `TIE_LIMIT` hits, or to `k + SLACK` where that is more. Of a longer one,
    the ids decide among the products that were seen, and the engine which these are.

    Args:
        fetch: searches for the queries of these numbers.
        queries: how many there are.
        k: how many hits.
    """
    limit = max(k, min(k + SLACK, MAX_RESULTS))
    last = max(limit, TIE_LIMIT)
    found = fetch(range(queries), limit)
    while limit < last:
        unclear = [row for row, hits in enumerate(found) if _cut_in_tie(hits, k, limit)]
        if not unclear:
            break
        limit = min(4 * limit, last)
        for row, hits in zip(unclear, fetch(unclear, limit), strict=True):
            found[row] = hits
    return [sorted(hits, key=_order)[:k] for hits in found]


def most_frequent(counts: dict[str, int]) -> dict[str, int]:
    """Return counts by descending count, ties by ascending value."""
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _cut_in_tie(hits: list[Hit], k: int, limit: int) -> bool:
    """Whether products beyond the limit may have the score of the k-th."""
    if len(hits) < limit:
        return False
    return round(hits[k - 1].score, DECIMALS) == round(hits[limit - 1].score, DECIMALS)


def _order(hit: Hit) -> tuple[float, str]:
    return -round(hit.score, DECIMALS), hit.id
