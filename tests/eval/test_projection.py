import numpy as np
import pytest

from eval import EvalError
from eval.diagnostics import sample
from eval.projection import locate, project_sample
from search.query import QueryError
from search.shop import open_shop
from tests import shop as small_shop


@pytest.fixture(scope="module")
def engine(shop):
    with open_shop(shop) as opened:
        yield opened.engine("tiny")


def test_the_plane_has_the_two_axes_of_greatest_variance(engine):
    projection = project_sample(engine.store, "tiny", "image")
    vectors = sample(engine.store, "tiny").vectors["image"]
    _, values, axes = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    assert np.abs((projection.axes * axes[:2]).sum(axis=1)) == pytest.approx([1, 1], abs=1e-4)
    assert projection.explained == pytest.approx((values**2 / (values**2).sum())[:2], abs=1e-4)
    assert projection.project(vectors) == pytest.approx(projection.points, abs=1e-5)
    assert len(projection.ids) == len(projection.payloads) == 12  # one product has no picture


def test_the_plane_is_the_same_at_every_computation(engine):
    one, other = (project_sample(engine.store, "tiny", "text") for _ in range(2))
    assert one.ids == other.ids
    assert np.array_equal(one.points, other.points)
    largest = np.abs(one.axes).argmax(axis=1)
    assert (one.axes[[0, 1], largest] > 0).all()


def test_too_few_products_are_an_error_in_a_sentence(engine):
    with pytest.raises(EvalError, match=r"have the vector `image`: a plane takes 3"):
        project_sample(engine.store, "tiny", "image", size=2)


def test_a_query_is_located_among_its_results(engine):
    picture = small_shop.draw("kettle-teal")
    located = locate(engine, "", picture, "image", 3)
    own = engine.store.retrieve("tiny", ["kettle-teal"], vectors=True)["kettle-teal"]
    assert located.found.results[0].id == "kettle-teal"
    assert located.query @ own.vectors["image"] == pytest.approx(1, abs=0.01)
    scores = [result.score for result in located.found.results]
    assert located.vectors @ located.query == pytest.approx(scores, abs=1e-4)


def test_words_are_located_as_they_are_read(engine):
    plain = locate(engine, "kettle", None, "fused", 3)
    without = locate(engine, "kettle -teal", None, "fused", 3)
    scores = [result.score for result in plain.found.results]
    assert plain.vectors @ plain.query == pytest.approx(scores, abs=1e-4)
    assert without.query == pytest.approx(plain.query, abs=1e-5)


def test_a_vector_that_is_not_there_is_an_error(engine):
    with pytest.raises(QueryError, match="There is no vector"):
        locate(engine, "kettle", None, "taste", 3)
