"""Clusters of queries: those that look for the same products are no independent sample.

Were each of eight queries for one article counted as a query of its own, an interval would be too
narrow and a test would find differences between equal models.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from eval.groups import DisjointSets, normalize_title
from eval.queries import LabelledQuery


def cluster_queries(
    queries: Sequence[LabelledQuery],
    groups: Mapping[str, str],
    picture_hashes: Mapping[str, str] | None = None,
) -> np.ndarray:
    """The cluster of each query: of one text, one picture, or relevant products of the same groups.

    A query of several groups, such as a category, joins only queries of exactly these groups. Were
    one common group enough, the queries of a category would all become one cluster.

    Args:
        queries: in their order.
        groups: product group by product id; a product that is not there is a group of its own.
        picture_hashes: SHA-256 of pictures by address, where known.

    Returns:
        Int of shape (n,): equal numbers are one cluster.
    """
    hashes = picture_hashes or {}
    clusters = DisjointSets()
    for row, query in enumerate(queries):
        relevant = (product for product, grade in query.relevant.items() if grade)
        clusters.add(str(row))
        for key in (
            ("text", normalize_title(query.text)),
            ("picture", hashes.get(query.picture, query.picture)),
            ("groups", frozenset(groups.get(product, product) for product in relevant)),
        ):
            if key[1]:
                clusters.join(str(row), key)
    return np.array([int(clusters.root(name)) for name in clusters], np.int64)
