"""Shows, on a shop's own products, that AvgMeanSimilarity can climb while nothing improves.

Append one constant c to every unit vector, of queries and of products, and normalise again:

    cos′ = (cos + c²) / (1 + c²)

This is increasing in cos, so every ranking stays as it was, while every score moves towards 1.
Then a collapsed model: all products in nearly one place. Its AvgMeanSimilarity is greater
still, and its rankings are chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eval.indexes import QUERY_BLOCK
from eval.measures import Qrels, score

CONSTANTS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)  # c² of 64 leaves a 65th of every difference
DEPTH = 100
# The collapsed model: its vectors differ by so much. Small enough for a mean cosine of 0.9999.
SPREAD = 0.01


@dataclass(frozen=True, slots=True)
class Trial:
    """A model and what both numbers say of it.

    Attributes:
        name: of the model.
        constant: what was appended; NaN for the collapsed model.
        similarity: AvgMeanSimilarity@k.
        ndcg: mean nDCG@10.
        right_first: queries whose first answer is right.
        same: queries whose first answers are those of the model as it is, in the same order.
        queries: how many there are.
    """

    name: str
    constant: float
    similarity: float
    ndcg: float
    right_first: int
    same: int
    queries: int


def trials(
    queries: np.ndarray,
    names: Sequence[str],
    products: np.ndarray,
    ids: Sequence[str],
    qrels: Qrels,
    *,
    k: int = 5,
    seed: int = 0,
) -> list[Trial]:
    """The model as it is, with ever greater constants, and a collapsed one.

    Args:
        queries: unit vectors (n, d) of the queries.
        names: their ids.
        products: unit vectors (m, d), ascending by id.
        ids: product ids.
        qrels: right answers by query.
        k: of AvgMeanSimilarity@k.
        seed: of the collapsed model.
    """
    # Unit to the last digit of float64: float32's are so to 1e-8, and twins would change places.
    queries = appended(queries.astype(np.float64), 0.0)
    products = appended(products.astype(np.float64), 0.0)
    order, _ = _ranked(queries, products)

    def trial(name: str, constant: float, asked: np.ndarray, shelf: np.ndarray) -> Trial:
        order_now, cosines = _ranked(asked, shelf)
        shown = {
            query: [ids[row] for row in rows] for query, rows in zip(names, order_now, strict=True)
        }
        return Trial(
            name=name,
            constant=constant,
            similarity=float(cosines[:, :k].mean()),
            ndcg=float(score(qrels, shown)["nDCG@10"].mean()),
            right_first=sum(found[0] in qrels[query] for query, found in shown.items()),
            same=int((order_now == order).all(axis=1).sum()),
            queries=len(names),
        )

    found = [
        trial(
            f"c = {constant:g}" if constant else "the model as it is",
            constant,
            appended(queries, constant),
            appended(products, constant),
        )
        for constant in CONSTANTS
    ]
    rng = np.random.default_rng(seed)
    collapsed = _collapsed(rng, *queries.shape), _collapsed(rng, *products.shape)
    return [*found, trial("a collapsed model", float("nan"), *collapsed)]


def appended(vectors: np.ndarray, constant: float) -> np.ndarray:
    """Unit vectors (n, d) with one constant appended and normalised again, (n, d + 1)."""
    longer = np.hstack([vectors, np.full((len(vectors), 1), constant)])
    return longer / np.linalg.norm(longer, axis=1, keepdims=True)


def _ranked(queries: np.ndarray, products: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first rows of each query and their cosines, equals in order of row.

    Products that share a photo have equal vectors; their cosine is computed once, so that it is
    equal to the last digit under every model.
    """
    distinct, owner = np.unique(products, axis=0, return_inverse=True)
    depth = min(DEPTH, len(products))
    rows = np.empty((len(queries), depth), np.int64)
    cosines = np.empty(rows.shape)
    for start in range(0, len(queries), QUERY_BLOCK):
        block = slice(start, start + QUERY_BLOCK)
        for at, every in enumerate((queries[block] @ distinct.T)[:, owner.ravel()], start):
            least = np.partition(every, len(every) - depth)[-depth]
            among = np.flatnonzero(every >= least)
            rows[at] = among[np.argsort(-every[among], kind="stable")[:depth]]
            cosines[at] = every[rows[at]]
    return rows, cosines


def _collapsed(rng: np.random.Generator, count: int, dim: int) -> np.ndarray:
    """Vectors that know nothing of what they stand for, and lie in nearly one place."""
    vectors = np.zeros((count, dim))
    vectors[:, 0] = 1.0
    vectors += rng.normal(scale=SPREAD / np.sqrt(dim), size=vectors.shape)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
