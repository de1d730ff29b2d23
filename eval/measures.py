"""Ranking measures of each query, their random baseline, and the reference system's similarities.

The ranking measures are computed by `ir-measures`. nDCG has linear gains, as in trec_eval: a
product of grade 2 counts twice as much as one of grade 1. Recall@k is the share of a query's
relevant products among the first k, so with more than k of them it cannot reach 1. MRR takes the
whole depth of the run.

AvgMeanSimilarity@k is the mean over queries of the mean inner product of the top k. It measures
how close the first k products are, and not whether they are relevant: a collapsed model, whose
vectors are all alike, has 1.
"""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

import ir_measures
import numpy as np
from ir_measures import RR, R, nDCG

from qdrant.model import Point

Qrels = Mapping[str, Mapping[str, int]]  # query id → product id → grade
Ranked = dict[str, list[tuple[str, float]]]  # query id → (product id, score), best first

_MEASURES = MappingProxyType(
    {
        "nDCG@10": nDCG @ 10,
        "MRR": RR,
        "Recall@1": R @ 1,
        "Recall@5": R @ 5,
        "Recall@10": R @ 10,
        "Recall@50": R @ 50,
    }
)
MEASURES: tuple[str, ...] = tuple(_MEASURES)
JUDGED = "Judged@10"  # the share of the first ten that the qrels have a grade of, 0 included
DECIDING = "nDCG@10"  # the measure that names a winner
CUT = 10  # of nDCG@10
MAX_GRADE = 1_000_000  # `ir-measures` computes with C integers
DISCOUNTS = 1 / np.log2(np.arange(2, CUT + 2))

AVERAGE, GROUND_TRUTH = "AvgMeanSimilarity", "GroundTruthSimilarity"
# Of a query with hundreds of relevant products, such as a category, this many are compared.
RELEVANT_SAMPLE = 50


def average_name(k: int) -> str:
    """The name of the reference's measure at k."""
    return f"{AVERAGE}@{k}"


def is_similarity(measure: str) -> bool:
    """Whether a measure is a mean cosine, −1 to 1, and no ranking measure, 0 to 1."""
    return measure == GROUND_TRUTH or measure.startswith(AVERAGE)


def score(qrels: Qrels, ranked: Mapping[str, Sequence[str]]) -> dict[str, np.ndarray]:
    """Each ranking measure of each query.

    `ir-measures` orders a run by score and equal scores by descending id; the search engine orders
    equals by ascending id. The negative rank as score keeps the order that was shown.

    Args:
        qrels: the queries and their relevant products; each has at least one of grade ≥ 1.
        ranked: product ids by query, best first; a query that is missing or empty scores 0.

    Returns:
        Float64 arrays of shape (n,) by measure, in the order of `qrels`.
    """
    run = {
        query: {product: float(-rank) for rank, product in enumerate(products)}
        for query, products in ranked.items()
        if products
    }
    rows = {query: row for row, query in enumerate(qrels)}
    scores = {name: np.zeros(len(qrels)) for name in MEASURES}
    names = {measure: name for name, measure in _MEASURES.items()}
    judged = {query: dict(grades) for query, grades in qrels.items()}
    for value in ir_measures.iter_calc(list(names), judged, run):
        scores[names[value.measure]][rows[value.query_id]] = value.value
    return scores


def judged_share(judged: Sequence[Collection[str]], ranked: Sequence[Sequence[str]]) -> np.ndarray:
    """The share of each query's first ten products that were judged; NaN where nothing was found.

    Where it is low, a measure says little: what was not judged counts as not relevant.

    Args:
        judged: the products that each query's qrels have a grade of, 0 included.
        ranked: product ids, best first.
    """
    firsts = [found[:CUT] for found in ranked]
    return np.array(
        [
            np.mean([product in known for product in first]) if first else np.nan
            for known, first in zip(judged, firsts, strict=True)
        ]
    )


def random_baseline(qrels: Qrels, sizes: Sequence[int], depth: int) -> dict[str, np.ndarray]:
    """The expectation of each measure over all orders of the searched products.

    Recall@k: min(k, m) / m of m products. nDCG@10: every position holds the mean grade,
    Σ grades / m · Σ discounts / ideal DCG. MRR: Σ P(first relevant product at rank r) / r, drawn
    without replacement.

    Args:
        qrels: grades by product by query.
        sizes: for each query, how many products are searched.
        depth: results per query, the depth of MRR.

    Returns:
        Float64 arrays of shape (n,) by measure, in the order of `qrels`.
    """
    products = np.asarray(sizes, np.float64)
    relevant = np.array([len(grades) for grades in qrels.values()], np.float64)
    return {
        "nDCG@10": np.array(
            [_random_ndcg(grades, m) for grades, m in zip(qrels.values(), products, strict=True)]
        ),
        "MRR": _random_mrr(relevant, products, depth),
    } | {f"Recall@{k}": np.minimum(k, products) / products for k in (1, 5, 10, 50)}


def _random_ndcg(grades: Mapping[str, int], products: float) -> float:
    ideal = np.sort(np.array(list(grades.values()), np.float64))[::-1][:CUT]
    discounts = DISCOUNTS[: int(min(CUT, products))].sum()
    mean_grade = sum(grades.values()) / products
    return float(mean_grade * discounts / (ideal @ DISCOUNTS[: len(ideal)]))


def _random_mrr(relevant: np.ndarray, products: np.ndarray, depth: int) -> np.ndarray:
    total, none_before = np.zeros(len(products)), np.ones(len(products))
    for rank in range(1, depth + 1):
        left = np.maximum(products - rank + 1, 1)
        none_yet = none_before * np.clip(1 - relevant / left, 0, 1)
        total += (none_before - none_yet) / rank
        none_before = none_yet
    return total


def mean_similarity(ranked: Ranked, queries: Sequence[str], k: int) -> np.ndarray:
    """Mean score of the first k results of each query; NaN where there is none.

    Args:
        ranked: results by query, best first.
        queries: query ids.
        k: how many; a query with fewer results has the mean of those.

    Returns:
        Float64 of shape (n,); its mean over queries is AvgMeanSimilarity@k.
    """
    tops = [[score for _, score in ranked.get(query, ())[:k]] for query in queries]
    return np.array([np.mean(top) if top else np.nan for top in tops])


def ground_truth_similarity(
    text_vectors: Mapping[str, np.ndarray],
    relevant: Mapping[str, Sequence[str]],
    points: Mapping[str, Point],
) -> np.ndarray:
    """The reference's ground-truth similarity: mean padded cosine of query text and products.

    The query's text vector t, padded with zeros to twice its length, is compared with the product's
    text and image vectors concatenated: cos([t, 0], [text, image]) = t · text / √2, since both are
    unit vectors. It never exceeds 0.707.

    Args:
        text_vectors: unit vector (d,) of each query that has a text.
        relevant: ids of relevant products by query.
        points: those products with their vectors.

    Returns:
        Float64 of shape (n,), in the order of `relevant`; NaN where the query has no text, or no
        relevant product an image.
    """
    means = np.full(len(relevant), np.nan)
    for row, (query, products) in enumerate(relevant.items()):
        vectors = [points[product].vectors for product in products]
        texts = [each["text"] for each in vectors if {"image", "text"} <= each.keys()]
        if query in text_vectors and texts:
            means[row] = np.mean(np.stack(texts) @ text_vectors[query]) / np.sqrt(2)
    return means


def sample_relevant(qrels: Qrels, *, most: int = RELEVANT_SAMPLE) -> dict[str, list[str]]:
    """The relevant products of each query; of more than `most`, a draw with a fixed seed."""
    rng = np.random.default_rng(0)
    chosen = {}
    for query, grades in qrels.items():
        names = list(grades)
        if len(names) > most:
            names = [names[row] for row in sorted(rng.permutation(len(names))[:most])]
        chosen[query] = names
    return chosen
