"""What guessing would score: the expectation of each measure over all orders of the gallery.

A number says little without it: Recall@10 is 0.01 by chance among 1,000 products.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from eval.measures import Qrels

CUT = 10  # of nDCG@10
DISCOUNTS = 1 / np.log2(np.arange(2, CUT + 2))


def expected(qrels: Qrels, galleries: Sequence[int], depth: int) -> dict[str, np.ndarray]:
    """Each measure of each query under a random order.

    Args:
        qrels: grades by product by query.
        galleries: for each query, how many products are searched.
        depth: answers per query, as deep as MRR looks.

    Returns:
        Float64 arrays of shape (n,) by measure, in the order of `qrels`.
    """
    sizes = np.asarray(galleries, np.float64)
    rights = np.array([len(grades) for grades in qrels.values()], np.float64)
    told = {f"Recall@{k}": np.minimum(k, sizes) / sizes for k in (1, 5, 10, 50)}
    told["nDCG@10"] = np.array(
        [_ndcg(grades, size) for grades, size in zip(qrels.values(), sizes, strict=True)]
    )
    told["MRR"] = _reciprocal(rights, sizes, depth)
    return told


def _ndcg(grades: Mapping[str, int], size: float) -> float:
    """Every place holds the mean grade of the gallery."""
    best = np.sort(np.array(list(grades.values()), np.float64))[::-1][:CUT]
    places = DISCOUNTS[: int(min(CUT, size))].sum()
    return float(sum(grades.values()) / size * places / (best @ DISCOUNTS[: len(best)]))


def _reciprocal(rights: np.ndarray, sizes: np.ndarray, depth: int) -> np.ndarray:
    """Mean of 1/rank of the first right answer, drawn without putting back."""
    total, none_yet = np.zeros(len(sizes)), np.ones(len(sizes))
    for rank in range(1, depth + 1):
        left = np.maximum(sizes - rank + 1, 1)
        still_none = none_yet * np.clip(1 - rights / left, 0, 1)
        total += (none_yet - still_none) / rank
        none_yet = still_none
    return total
