"""Pools: the first results of several systems together, to be judged.

What no system has among its first results is not judged, and counts as not relevant. A pool of
depth 10 has all that nDCG@10 of its own systems looks at.

Source: K. Spärck Jones, C. van Rijsbergen, Report on the need for and provision of an "ideal"
information retrieval test collection, Cambridge 1975.
"""

import random
from collections.abc import Sequence


def make_pool(rankings: Sequence[Sequence[str]], depth: int) -> list[str]:
    """The first products of each ranking, each once, in no order that a ranking has: by id.

    Args:
        rankings: product ids, best first.
        depth: of each ranking.
    """
    return sorted({product for ranking in rankings for product in ranking[:depth]})


def shuffle_pool(pool: Sequence[str], query: str, seed: int) -> list[str]:
    """A pool in an order that depends on nothing but the query and the seed.

    Args:
        pool: product ids.
        query: its id: the order of each query is another one.
        seed: equal for judges who are to see the same order.
    """
    return random.Random(f"{seed} {query}").sample(sorted(pool), len(pool))
