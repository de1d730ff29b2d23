import pytest

from qdrant.model import Hit
from search.fusion import PartScore, fuse


def hits(**scores: float) -> list[Hit]:
    return [Hit(name, score, {}) for name, score in scores.items()]


WORDS = hits(a=12.0, b=9.0, c=2.0)
TEXT = hits(d=0.9, b=0.8, a=0.4)


def scores(parts, weights, method):
    return {each.id: each.score for each in fuse(parts, weights, method)}


def test_a_convex_combination_is_the_weighted_mean_of_scaled_scores():
    found = scores({"words": WORDS, "text": TEXT}, {"words": 3, "text": 1}, "convex")
    assert found == pytest.approx({"a": 0.75, "b": 0.75 * 0.7 + 0.25 * 0.8, "d": 0.25, "c": 0.0})
    assert list(found) == ["a", "b", "d", "c"]


def test_reciprocal_rank_fusion_counts_ranks_alone():
    found = scores({"words": WORDS, "text": TEXT}, {"words": 1, "text": 1}, "rrf")
    assert found["b"] == pytest.approx(61 / 62)
    assert found["a"] == pytest.approx((1 + 61 / 63) / 2)
    assert list(found) == ["a", "b", "d", "c"]


@pytest.mark.parametrize("method", ["convex", "rrf"])
def test_each_product_has_its_rank_and_score_in_the_parts_that_found_it(method):
    found = {each.id: each.parts for each in fuse({"words": WORDS, "text": TEXT}, W, method)}
    assert found["a"] == {"words": PartScore(1, 12.0), "text": PartScore(3, 0.4)}
    assert found["d"] == {"text": PartScore(1, 0.9)}


W = {"words": 1.0, "text": 1.0}


@pytest.mark.parametrize("method", ["convex", "rrf"])
def test_a_part_of_weight_0_or_without_hits_changes_nothing(method):
    alone = fuse({"words": WORDS}, {"words": 1}, method)
    assert fuse({"words": WORDS, "text": TEXT}, {"words": 5, "text": 0}, method) == alone
    assert fuse({"words": WORDS, "text": []}, W, method) == alone
    assert fuse({"words": [], "text": []}, W, method) == []


def test_equal_scores_are_in_the_order_of_ids():
    assert [each.id for each in fuse({"words": hits(z=1.0, a=1.0)}, W, "convex")] == ["a", "z"]
