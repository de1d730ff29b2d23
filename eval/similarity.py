"""The reference system's own numbers, as it defines them.

AvgMeanSimilarity@k is the mean over queries of the mean inner product of the top k. It tells
how close the first k products are, and not whether they are right; a model that puts
everything in one place has 1.

The ground-truth similarity is another quantity: the query's text vector, padded with zeros to
twice its length, against the product's text and picture vectors put end to end, as a cosine.
The second has length √2, so it is the text–text cosine divided by √2, and never above 0.707.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from eval.trec import Ranked
from qdrant.store import Point

GROUND_TRUTH = "GroundTruthSimilarity"
# Of a query with hundreds of right answers, such as a category, so many are looked at.
RIGHT_ANSWERS = 50


def average_name(k: int) -> str:
    """How the reference's measure is called at k."""
    return f"AvgMeanSimilarity@{k}"


def mean_of_top(ranked: Ranked, queries: Sequence[str], k: int) -> np.ndarray:
    """Mean score of the first k answers of each query; NaN where there is none.

    Args:
        ranked: answers by query, best first.
        queries: query ids.
        k: how many; a query with fewer answers is the mean of those.

    Returns:
        Float64 of shape (n,); its mean over queries is AvgMeanSimilarity@k.
    """
    tops = [[score for _, score in ranked.get(query, ())[:k]] for query in queries]
    return np.array([np.mean(top) if top else np.nan for top in tops])


def ground_truth(
    text_vectors: Mapping[str, np.ndarray],
    queries: Sequence[str],
    right: Mapping[str, Sequence[str]],
    points: Mapping[str, Point],
) -> np.ndarray:
    """Mean padded cosine of each query's text and its right answers.

    Args:
        text_vectors: unit vector (d,) of each query that has a text.
        queries: query ids.
        right: ids of right answers by query.
        points: the right answers with their vectors.

    Returns:
        Float64 of shape (n,); NaN where the query has no text, or no right answer a picture.
    """
    means = np.full(len(queries), np.nan)
    for row, query in enumerate(queries):
        if query not in text_vectors:
            continue
        asked = text_vectors[query]
        padded = np.concatenate([asked, np.zeros_like(asked)])
        cosines = [
            _cosine(padded, np.concatenate([point.vectors["text"], point.vectors["image"]]))
            for name in right[query]
            if "image" in (point := points[name]).vectors
        ]
        if cosines:
            means[row] = np.mean(cosines)
    return means


def right_answers(
    qrels: Mapping[str, Mapping[str, int]], *, most: int = RIGHT_ANSWERS
) -> dict[str, list[str]]:
    """The right answers of each query; of more than `most`, a fixed draw."""
    rng = np.random.default_rng(0)
    chosen = {}
    for query, grades in qrels.items():
        names = list(grades)
        if len(names) > most:
            names = [names[place] for place in sorted(rng.permutation(len(names))[:most])]
        chosen[query] = names
    return chosen


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))
