"""What a ranking measure does not tell: how a variant's vectors lie.

modality gap   distance between the mean picture vector and the mean text vector, 0 to 2
               (W. Liang et al., Mind the Gap, NeurIPS 2022)
collapse       mean cosine of random pairs: near 1, every product is in the same place
hubness        how unevenly products turn up among others' k nearest: the skewness of the
               k-occurrence (M. Radovanović et al., Hubs in space, JMLR 11, 2010), and the
               share that never turns up
scores         of right answers, of random other products, and of the strongest wrong answer

They are taken on a sample of products, the same for every variant of a catalogue.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from eval.indexes import ExactIndex
from eval.measures import Ranked
from qdrant.model import VECTORS, Point
from qdrant.store import Store

# 2,000 products against each other are 4 million cosines: the mean of as many random pairs is known
# to the third decimal, and reading and comparing them takes a fraction of the searches' time.
SAMPLE = 2_000
NEIGHBOURS = 10  # the k of the k-occurrence, as in Radovanović et al.
OTHERS = 200  # random products that each query's right answers are held against


@dataclass(frozen=True)
class Sample:
    """Some products and their vectors.

    Attributes:
        ids: product ids.
        vectors: float32 unit (m, d) by name; products without a picture are not among
            `image` and `fused`.
        owners: for each row of a vector, the number of its product in `ids`.
    """

    ids: Sequence[str]
    vectors: Mapping[str, np.ndarray]
    owners: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Diagnostics:
    """How the vectors of a variant lie; None where the products have no pictures.

    Attributes:
        products: size of the sample.
        modality_gap: distance of the means, 0 to 2.
        random_cosine: mean cosine of random pairs, by what is paired.
        asked: what the hubness was taken of: `text → image`, or `text → text`.
        hubness: skewness of the k-occurrence; 0 is even, some 1 usual, above 3 strong.
        never_found: share of products that are among nobody's k nearest, 0 to 1.
    """

    products: int
    modality_gap: float | None
    random_cosine: Mapping[str, float]
    asked: str
    hubness: float
    never_found: float


@dataclass(frozen=True)
class Scores:
    """Scores of right and of wrong answers.

    Attributes:
        right: of right answers, found or not.
        others: of random products that are not right.
        strongest: of the best-ranked wrong answer of each query.
        auc: how often a right answer scores above a random other, mean over queries,
            0 to 1; chance is 0.5. NaN where there was nothing to hold against.
    """

    right: np.ndarray
    others: np.ndarray
    strongest: np.ndarray
    auc: float


def sample(store: Store, variant: str, size: int = SAMPLE) -> Sample:
    """The first products in order of point id, which is a digest of the product's id: a draw
    without favour, and the same for every variant.
    """  # noqa: D205
    points = list(islice(store.scroll(variant, vectors=True), size))
    owners = {
        name: np.array([at for at, point in enumerate(points) if name in point.vectors], np.int64)
        for name in VECTORS
    }
    dim = len(next(iter(points[0].vectors.values()))) if points else 0
    vectors = {
        name: np.array([points[at].vectors[name] for at in rows], np.float32).reshape(-1, dim)
        for name, rows in owners.items()
    }
    return Sample([point.id for point in points], vectors, owners)


def diagnose(products: Sample) -> Diagnostics:
    """Look at how the vectors of a sample lie."""
    text, image = products.vectors["text"], products.vectors["image"]
    paired = text[np.searchsorted(products.owners["text"], products.owners["image"])]
    pictures = len(image) > 1
    cosines = {"text–text": mean_cosine(text)}
    if pictures:
        cosines["image–image"] = mean_cosine(image)
        cosines["text–image"] = float(paired.mean(axis=0) @ image.mean(axis=0))
    counts = occurrences(paired, image) if pictures else occurrences(text, text, itself=False)
    return Diagnostics(
        products=len(products.ids),
        modality_gap=(
            float(np.linalg.norm(image.mean(axis=0) - paired.mean(axis=0))) if pictures else None
        ),
        random_cosine=cosines,
        asked="text → image" if pictures else "text → text",
        hubness=skewness(counts),
        never_found=float((counts == 0).mean()) if len(counts) else 0.0,
    )


def mean_cosine(vectors: np.ndarray) -> float:
    """Mean cosine of all pairs of different rows of unit vectors (m, d); NaN below two.

    The sum over all pairs is the squared length of the sum, less each row with itself.
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
        itself: whether row i of one may be found by row i of the other; where queries are
            the products themselves it says nothing.

    Returns:
        Int of shape (m,).
    """
    k = min(k, len(products) - (not itself))
    if k < 1:
        return np.zeros(len(products), np.int64)
    _, found = ExactIndex(products).search(queries, k + (not itself))
    if not itself:
        own = found == np.arange(len(queries))[:, None]
        own[~own.any(axis=1), -1] = True  # a twin pushed it out: the last one goes instead
        found = found[~own].reshape(len(queries), k)
    return np.bincount(found.ravel(), minlength=len(products))


def skewness(counts: np.ndarray) -> float:
    """Third standardised moment; 0 where all are equal."""
    spread = counts.std() if len(counts) else 0.0
    return float(((counts - counts.mean()) ** 3).mean() / spread**3) if spread else 0.0


def compare_scores(
    vectors: Mapping[str, np.ndarray],
    searched: Mapping[str, str],
    right: Mapping[str, Sequence[str]],
    points: Mapping[str, Point],
    qrels: Mapping[str, Mapping[str, int]],
    products: Sample,
    ranked: Ranked,
) -> Scores:
    """Hold the scores of right answers against those of others.

    Args:
        vectors: each query's vector (d,).
        searched: the name of the vector that each query is scored against.
        right: ids of right answers by query.
        points: the right answers with their vectors.
        qrels: all right answers by query.
        products: what the others are drawn from.
        ranked: answers by query, best first.
    """
    rng = np.random.default_rng(0)
    drawn = {name: rng.permutation(len(rows))[:OTHERS] for name, rows in products.owners.items()}
    rights, others, strongest, above = [], [], [], []
    for query, names in right.items():
        vector, name = vectors[query], searched[query]
        own = np.array([points[each].vectors[name] @ vector for each in names])
        rows = drawn[name]
        wrong = np.array(
            [products.ids[products.owners[name][row]] not in qrels[query] for row in rows],
            bool,
        )
        against = products.vectors[name][rows[wrong]] @ vector
        rights.append(own)
        others.append(against)
        strongest += [s for each, s in ranked.get(query, ()) if each not in qrels[query]][:1]
        if len(against):
            higher = (own[:, None] > against).mean() + (own[:, None] == against).mean() / 2
            above.append(higher)
    return Scores(
        right=np.concatenate(rights),
        others=np.concatenate(others),
        strongest=np.array(strongest),
        auc=float(np.mean(above)) if above else float("nan"),
    )
