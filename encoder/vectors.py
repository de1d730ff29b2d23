"""Arithmetic on vectors: unit length, and the weighted sum of text and image."""

import numpy as np

from encoder.errors import VectorError

# A vector shorter than this has no direction left in float32.
SHORTEST = 1e-12


def normalize(vectors: np.ndarray) -> np.ndarray:
    """Scale vectors to length 1.

    Args:
        vectors: (n, d), or one vector (d,).

    Returns:
        float32 of the same shape, each vector of length 1.

    Raises:
        VectorError: a vector is zero, NaN or infinite, or the shape is another.
    """
    vectors = np.asarray(vectors, dtype=np.float32)
    if vectors.ndim not in (1, 2) or vectors.shape[-1] == 0:
        raise VectorError(f"Vectors have the shape (n, d) or (d,), not {vectors.shape}.")
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    # Written so that NaN fails it too.
    good = (lengths > SHORTEST) & (lengths < np.inf)
    if not good.all():
        row = int(np.flatnonzero(~good.reshape(-1))[0])
        raise VectorError(
            f"Vector {row} has length {lengths.reshape(-1)[row]} and so no direction; "
            "vectors must be finite and not zero."
        )
    return vectors / lengths


def fuse(text: np.ndarray, image: np.ndarray, weight: float = 0.5) -> np.ndarray:
    """Fuse text and image vectors: normalize(w·normalize(text) + (1-w)·normalize(image)).

    With the default weight this is the reference system's product vector. Both are normalised
    first, so that their lengths have no effect.

    Args:
        text: (n, d) or (d,).
        image: the same shape.
        weight: w, the share of the text, 0 to 1.

    Returns:
        float32 unit vectors of the same shape.

    Raises:
        VectorError: shapes differ, the weight is outside 0 to 1, a vector has no direction, or
            text and image are exactly opposite.
    """
    if not 0 <= weight <= 1:
        raise VectorError(f"The text's weight is between 0 and 1, not {weight}.")
    if np.shape(text) != np.shape(image):
        raise VectorError(
            f"Text and image vectors differ in shape: {np.shape(text)} and {np.shape(image)}."
        )
    share = np.float32(weight)
    return normalize(share * normalize(text) + (1 - share) * normalize(image))
