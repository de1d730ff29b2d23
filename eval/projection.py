"""A sample of a collection on a plane: the two axes along which its vectors vary most (PCA).

Source: H. Hotelling, Analysis of a complex of statistical variables into principal components, J.
Educ. Psychol. 24, 1933.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL.Image import Image

from eval import EvalError
from eval.diagnostics import sample
from qdrant.store import Store
from search.embedding import encode
from search.engine import Engine
from search.query import Query
from search.results import Results

SAMPLE = 1_000  # points that a browser draws at once, each with its picture
FEWEST = 3  # products that span a plane


@dataclass(frozen=True)
class Projection:
    """A sample of a collection, and the plane it is projected on.

    Attributes:
        ids: of the products.
        payloads: of the products.
        points: their coordinates, float32 (m, 2).
        mean: of their vectors, (d,).
        axes: orthogonal unit vectors, (2, d).
        explained: the share of the variance along each axis, (2,).
    """

    ids: Sequence[str]
    payloads: Sequence[Mapping[str, Any]]
    points: np.ndarray
    mean: np.ndarray
    axes: np.ndarray
    explained: np.ndarray

    def project(self, vectors: np.ndarray) -> np.ndarray:
        """The coordinates of other vectors of the same space, (n, d), on the plane, (n, 2)."""
        return (vectors - self.mean) @ self.axes.T


def project_sample(store: Store, variant: str, vector: str, size: int = SAMPLE) -> Projection:
    """Project a sample of a collection.

    Args:
        store: where the collection is.
        variant: its name.
        vector: which vector of the products.
        size: products of the sample; those without the vector are left out.

    Raises:
        EvalError: too few of them have the vector.
    """
    products = sample(store, variant, size)
    vectors = products.vectors[vector]
    if len(vectors) < FEWEST:
        raise EvalError(
            f"{len(vectors)} of {len(products.ids):,} products of {variant} have the vector "
            f"`{vector}`: a plane takes {FEWEST}. Choose another vector."
        )
    mean = vectors.mean(axis=0)
    axes, explained = _principal_axes(vectors - mean)
    rows = products.products[vector]
    return Projection(
        [products.ids[row] for row in rows],
        [products.payloads[row] for row in rows],
        (vectors - mean) @ axes.T,
        mean,
        axes,
        explained,
    )


def _principal_axes(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first two axes of centred vectors (m, d), and the share of the variance along each."""
    values, axes = np.linalg.eigh(centred.T @ centred)  # ascending
    first_two = axes[:, ::-1][:, :2].T
    # An axis has no sign of its own: the largest component is positive, at every computation.
    largest = np.take_along_axis(first_two, np.abs(first_two).argmax(axis=1)[:, None], axis=1)
    variances = values[::-1].clip(min=0)
    return first_two * np.sign(largest), variances[:2] / max(variances.sum(), 1e-12)


@dataclass(frozen=True)
class Located:
    """A query and its results in the space of one vector.

    Attributes:
        query: the vector that is compared with the products', (d,).
        found: the results.
        vectors: those of the results, (k, d).
    """

    query: np.ndarray
    found: Results
    vectors: np.ndarray


def locate(engine: Engine, text: str, picture: Image | None, vector: str, k: int) -> Located:
    """Search a query by one vector, and read the vectors of its results.

    Args:
        engine: of the variant.
        text: words.
        picture: RGB.
        vector: of the products, that the query is compared with.
        k: results.

    Raises:
        QueryError: the query cannot be compared with this vector.
    """
    query = Query(text, picture, k=k, match="vectors", vector=vector, fold=False)
    found = engine.search(query)
    [reading] = engine.read([query])
    read = replace(reading.query, match="vectors")
    compared = encode([read], engine.encoder)[0].compared(vector, query.weight)
    if compared is None:
        raise EvalError(f"The query has nothing that is compared with the vector `{vector}`.")
    ids = [result.id for result in found.results]
    points = engine.store.retrieve(engine.variant.name, ids, vectors=True)
    vectors = np.array([points[each].vectors[vector] for each in ids if each in points])
    return Located(compared, found, vectors.reshape(len(vectors), len(compared)))
