from dataclasses import replace

import pytest

from encoder.variants import Variants
from eval import EvalError
from eval.columns import read_system, search_column, usual_systems, write_system
from eval.evaluation import evaluate
from eval.queries import QuerySet
from eval.query_files import read_queries
from eval.settings import Settings, System
from search.shop import open_shop
from tests import shop as small_shop


@pytest.fixture(scope="module")
def service(shop):
    with open_shop(shop) as opened:
        yield opened


@pytest.mark.parametrize(
    ("text", "system"),
    [
        ("tiny", System("tiny", "hybrid", "")),
        ("tiny:words", System("tiny", "words", "")),
        ("tiny:words:image", System("tiny", "words", "")),
        ("tiny:vectors:image", System("tiny", "vectors", "image")),
        ("tiny::text", System("tiny", "hybrid", "text")),
    ],
)
def test_a_column_is_a_variant_a_match_and_a_vector(text, system):
    assert read_system(text) == system
    assert read_system(write_system(system)) == system


@pytest.mark.parametrize(
    "text", ["", "../etc", "tiny:smell", "tiny:vectors:taste", "tiny:words:image:x", "Tiny"]
)
def test_what_is_no_column_is_refused_in_a_sentence(text):
    with pytest.raises(EvalError, match=r"is no column: write a variant, a match"):
        read_system(text)


def test_two_variants_are_compared_and_of_one_its_matches():
    assert usual_systems(["a", "b", "c"]) == [System("a", "hybrid", ""), System("b", "hybrid", "")]
    assert usual_systems(["a"]) == [System("a", "hybrid", ""), System("a", "vectors", "")]


def test_a_column_is_searched_by_its_own_variant_match_and_vector(service):
    hybrid = search_column(service, System("tiny", "hybrid", ""), "teal kettle", None, 5)
    image = search_column(service, System("other", "vectors", "image"), "teal kettle", None, 5)
    assert hybrid.ids[0] == "kettle-teal"
    assert (hybrid.match, hybrid.vector) == ("hybrid", "")
    assert (image.match, image.vector) == ("vectors", "image")
    assert {result.vector for result in image.found.results} == {"image"}
    assert hybrid.found.encode_seconds > 0
    assert hybrid.found.search_seconds > 0


def test_a_picture_alone_is_matched_by_vectors_whatever_the_column_says(service):
    picture = small_shop.draw("kettle-navy")
    column = search_column(service, System("tiny", "words", ""), "", picture, 3)
    assert (column.match, column.vector) == ("vectors", "image")
    assert column.ids[0] == "kettle-navy"


def test_why_a_column_cannot_be_searched_is_its_problem(service, shop, tmp_path, tiny_clip):
    gone = search_column(service, System("gone", "hybrid", ""), "teal", None, 5)
    assert "gone" in gone.problem
    assert gone.found is None
    assert gone.ids == []
    long = search_column(service, System("tiny", "hybrid", ""), "x" * 5_000, None, 5)
    assert "Shorten it" in long.problem
    home = small_shop.copy(shop, tmp_path / "home")
    Variants(home).add("spare", tiny_clip, template="title")
    with open_shop(home) as other:
        spare = search_column(other, System("spare", "hybrid", ""), "teal", None, 5)
        assert "`vitrine ingest vectors --variant spare`" in spare.problem


def test_an_evaluation_measures_these_columns_and_no_others(shop, typed_queries, catalogue):
    columns = [System("tiny", "hybrid", ""), System("other", "vectors", "image")]
    settings = replace(Settings.of_columns(columns), resamples=200)
    queries = read_queries(typed_queries, catalogue)
    evaluation = evaluate(shop, QuerySet("few", queries.queries[:6]), settings)
    assert list(evaluation.outcomes) == ["tiny-hybrid", "other-vectors-image"]
    own = search_column_ids(shop, columns[1], queries.queries[0].text)
    ranked = evaluation.outcomes["other-vectors-image"].ranked[queries.queries[0].id]
    assert [product for product, _ in ranked][:5] == own


def search_column_ids(shop, system, text):
    with open_shop(shop) as opened:
        return search_column(opened, system, text, None, 5).ids
