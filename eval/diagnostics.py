"""Vector diagnostics: what a ranking measure does not show of a variant's vectors.

modality gap   distance between the mean image vector and the mean text vector, 0 to 2
               (W. Liang et al., Mind the Gap, NeurIPS 2022)
collapse       mean cosine of random pairs: near 1, all vectors are alike
hubness        how unevenly products are among others' k nearest neighbours: the skewness of the
               k-occurrence (M. Radovanović et al., Hubs in space, JMLR 11, 2010), and the
               share that is never among them
scores         of relevant products, of random others, and of the best-ranked irrelevant product

They are computed on a sample of products, the same for every variant of a catalogue.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from eval.indexes import ExactIndex, Matrices, stack
from eval.measures import Ranked
from qdrant.model import Point
from qdrant.store import Store

# 2,000 products against each other are 4 million cosines: the mean of as many random pairs is known
# to the third decimal, and reading and comparing them takes a fraction of the searches' time.
SAMPLE = 2_000
NEIGHBOURS = 10  # the k of the k-occurrence, as in Radovanović et al.
OTHERS = 200  # random products that each query's relevant products are compared with


@dataclass(frozen=True)
class Diagnostics:
    """Statistics of a variant's vectors; None where no product has texts and pictures of one model.

    Attributes:
        products: size of the sample.
        modality_gap: distance of the means, 0 to 2.
        random_cosine: mean cosine of random pairs, by what is paired.
        pairing: queries and products of the hubness: `text → image`, or `text → text`.
        hubness: skewness of the k-occurrence; 0 is even, some 1 usual, above 3 strong.
        never_found: share of products that are among nobody's k nearest, 0 to 1.
    """

    products: int
    modality_gap: float | None
    random_cosine: Mapping[str, float]
    pairing: str
    hubness: float
    never_found: float


@dataclass(frozen=True)
class ScoreSamples:
    """Scores of relevant and of other products.

    Attributes:
        relevant: of relevant products, found or not.
        others: of random products that are not relevant.
        strongest: of the best-ranked irrelevant product of each query.
        auc: area under the ROC curve: how often a relevant product scores above a random other,
            mean over queries, 0 to 1; 0.5 is the random baseline. NaN without others.
    """

    relevant: np.ndarray
    others: np.ndarray
    strongest: np.ndarray
    auc: float


def sample(store: Store, variant: str, size: int = SAMPLE) -> Matrices:
    """The first products in order of point id.

    A point id is a digest of the product's id, so this is an unbiased draw, the same for every
    variant.
    """
    return stack(islice(store.scroll(variant, vectors=True), size))


def diagnose(products: Matrices) -> Diagnostics:
    """Compute the statistics of a sample's vectors."""
    text, image = products.vectors["text"], products.vectors["image"]
    cosines = {"text–text": mean_cosine(text)}
    if len(image) > 1:
        cosines["image–image"] = mean_cosine(image)
    # Texts and pictures are comparable where they have a sum.
    pictures = len(products.vectors["fused"]) > 1 and len(text) > 1
    paired = text[:0]
    if pictures:
        paired = text[np.searchsorted(products.products["text"], products.products["image"])]
        cosines["text–image"] = float(paired.mean(axis=0) @ image.mean(axis=0))
    counts = occurrences(paired, image) if pictures else occurrences(text, text, itself=False)
    return Diagnostics(
        products=len(products.ids),
        modality_gap=(
            float(np.linalg.norm(image.mean(axis=0) - paired.mean(axis=0))) if pictures else None
        ),
        random_cosine=cosines,
        pairing="text → image" if pictures else "text → text",
        hubness=skewness(counts),
        never_found=float((counts == 0).mean()) if len(counts) else 0.0,
    )


def mean_cosine(vectors: np.ndarray) -> float:
    """Mean cosine of all pairs of different rows of unit vectors (m, d); NaN below two.

    The sum over all pairs is the squared length of the sum, less each row with itself:
    (‖Σ v‖² − m) / (m (m − 1)).
    """
    rows = len(vectors)
    if rows < 2:
        return float("nan")
    total = vectors.astype(np.float64).sum(axis=0)
    return float((total @ total - rows) / (rows * (rows - 1)))


def occurrences(
    queries: np.ndarray, products: np.ndarray, *, k: int = NEIGHBOURS, itself: bool = True
) -> np.ndarray:
    """How often each product is among the k nearest of a query.

    Args:
        queries: unit (n, d).
        products: unit (m, d).
        k: how many are nearest.
        itself: whether row i of one may be found by row i of the other; where the queries are
            the products themselves it is excluded.

    Returns:
        Int of shape (m,).
    """
    k = min(k, len(products) - (not itself))
    if k < 1:
        return np.zeros(len(products), np.int64)
    _, found = ExactIndex(products).search(queries, k + (not itself))
    if not itself:
        own = found == np.arange(len(queries))[:, None]
        own[~own.any(axis=1), -1] = True  # where duplicates displaced it, the last one is dropped
        found = found[~own].reshape(len(queries), k)
    return np.bincount(found.ravel(), minlength=len(products))


def skewness(counts: np.ndarray) -> float:
    """Third standardised moment, E[((x − μ) / σ)³]; 0 where all are equal."""
    spread = counts.std() if len(counts) else 0.0
    return float(((counts - counts.mean()) ** 3).mean() / spread**3) if spread else 0.0


def sample_scores(
    vectors: Mapping[str, np.ndarray],
    searched: Mapping[str, str],
    relevant: Mapping[str, Sequence[str]],
    points: Mapping[str, Point],
    qrels: Mapping[str, Mapping[str, int]],
    products: Matrices,
    ranked: Ranked,
) -> ScoreSamples:
    """Compare the scores of relevant products with those of others.

    Args:
        vectors: each query's vector (d,).
        searched: the name of the vector that each query is scored against.
        relevant: ids of relevant products by query.
        points: those products with their vectors.
        qrels: all relevant products by query.
        products: what the others are drawn from.
        ranked: results by query, best first.
    """
    rng = np.random.default_rng(0)
    drawn = {name: rng.permutation(len(rows))[:OTHERS] for name, rows in products.products.items()}
    matching, others, strongest, auc = [], [], [], []
    for query, names in relevant.items():
        vector, name = vectors[query], searched[query]
        compared = [points[each].vectors.get(name) for each in names]
        own = np.array([each @ vector for each in compared if each is not None])
        rows = drawn[name]
        irrelevant = np.array(
            [products.ids[products.products[name][row]] not in qrels[query] for row in rows], bool
        )
        # Where no product has a picture, there is no vector to compare with.
        near = products.vectors[name][rows[irrelevant]] if len(rows) else np.zeros((0, len(vector)))
        other = near @ vector
        matching.append(own)
        others.append(other)
        strongest += [s for each, s in ranked.get(query, ()) if each not in qrels[query]][:1]
        if len(own) and len(other):
            auc.append((own[:, None] > other).mean() + (own[:, None] == other).mean() / 2)
    return ScoreSamples(
        relevant=np.concatenate(matching),
        others=np.concatenate(others),
        strongest=np.array(strongest),
        auc=float(np.mean(auc)) if auc else float("nan"),
    )
