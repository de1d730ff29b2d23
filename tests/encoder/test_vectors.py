"""Unit vectors and their joining."""

import numpy as np
import pytest

from encoder.errors import VectorError
from encoder.vectors import fuse, normalize


def test_unit_gives_float32_of_length_one_and_keeps_the_shape():
    many = normalize(np.array([[3.0, 4.0], [0.0, 1e-6]]))
    assert many.dtype == np.float32
    np.testing.assert_allclose(many, [[0.6, 0.8], [0.0, 1.0]], rtol=1e-6)
    assert normalize(np.array([0.0, 2.0])).tolist() == [0.0, 1.0]
    assert normalize(np.empty((0, 5))).shape == (0, 5)


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf, -np.inf])
def test_a_vector_without_direction_is_refused_and_named(bad):
    vectors = np.ones((4, 3))
    vectors[2] = bad
    with pytest.raises(VectorError, match="Vector 2 "):
        normalize(vectors)


@pytest.mark.parametrize("shape", [(), (2, 3, 4), (3, 0)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(VectorError, match="shape"):
        normalize(np.ones(shape))


def test_fusing_weighs_directions_and_not_lengths():
    text, image = np.array([[100.0, 0.0]]), np.array([[0.0, 0.1]])
    assert fuse(text, image)[0].tolist() == pytest.approx([0.5**0.5, 0.5**0.5])
    assert fuse(text, image, weight=1)[0].tolist() == [1, 0]
    assert fuse(text, image, weight=0)[0].tolist() == [0, 1]
    assert fuse(text, image, weight=0.75)[0].tolist() == pytest.approx([3 / 10**0.5, 1 / 10**0.5])


def test_fusing_opposite_vectors_is_refused():
    with pytest.raises(VectorError):
        fuse(np.array([1.0, 0.0]), np.array([-1.0, 0.0]))


@pytest.mark.parametrize("weight", [-0.1, 1.1, np.nan])
def test_a_weight_outside_zero_to_one_is_refused(weight):
    with pytest.raises(VectorError, match="weight"):
        fuse(np.ones(2), np.ones(2), weight)


def test_fusing_needs_equal_shapes():
    with pytest.raises(VectorError, match="shape"):
        fuse(np.ones((1, 2)), np.ones((2, 2)))
