import pytest

from qdrant.model import Ranking
from search.fusion import METHODS, PartScore, fuse


def hits(**scores: float) -> Ranking[str]:
    return Ranking(list(scores), list(scores.values()))


WORDS = hits(a=12.0, b=9.0, c=2.0)
TEXT = hits(d=0.9, b=0.8, a=0.4)


def scores(parts, weights, method):
    fused = fuse(parts, weights, method)
    return dict(zip(fused.ids, fused.scores, strict=True))


def test_a_convex_combination_is_the_weighted_mean_of_scaled_scores():
    found = scores({"words": WORDS, "text": TEXT}, {"words": 3, "text": 1}, "convex")
    assert found == pytest.approx({"a": 0.75, "b": 0.75 * 0.7 + 0.25 * 0.8, "d": 0.25, "c": 0.0})
    assert list(found) == ["a", "b", "d", "c"]


def test_margins_are_shares_of_the_best_words_and_cosines_above_the_last():
    found = scores({"words": WORDS, "text": TEXT}, {"words": 3, "text": 1}, "margin")
    expected = {
        "a": 0.75,
        "b": 0.75 * 9 / 12 + 0.25 * 0.4,
        "c": 0.75 * 2 / 12,
        "d": 0.25 * 0.5,
    }
    assert found == pytest.approx(expected)
    assert list(found) == ["a", "b", "c", "d"]


def test_by_margins_noise_of_a_weak_model_does_not_outweigh_words():
    """All cosines are alike, and the last product that words find is still one that they find."""
    words, weak = hits(a=5.0, b=4.9, c=4.8), hits(x=0.84, y=0.83, c=0.82, a=0.80)
    weights = {"words": 0.7, "text": 0.3}
    assert set(list(scores({"words": words, "text": weak}, weights, "margin"))[:3]) == set("abc")
    assert "x" in list(scores({"words": words, "text": weak}, weights, "convex"))[:3]


def test_reciprocal_rank_fusion_counts_ranks_alone():
    found = scores({"words": WORDS, "text": TEXT}, {"words": 1, "text": 1}, "rrf")
    assert found["b"] == pytest.approx(61 / 62)
    assert found["a"] == pytest.approx((1 + 61 / 63) / 2)
    assert list(found) == ["a", "b", "d", "c"]


@pytest.mark.parametrize("method", METHODS)
def test_each_product_has_its_rank_and_score_in_the_parts_that_found_it(method):
    found = fuse({"words": WORDS, "text": TEXT}, W, method)
    assert found.places("a") == {"words": PartScore(1, 12.0), "text": PartScore(3, 0.4)}
    assert found.places("d") == {"text": PartScore(1, 0.9)}


W = {"words": 1.0, "text": 1.0}


@pytest.mark.parametrize("method", METHODS)
def test_a_part_of_weight_0_or_without_hits_changes_nothing(method):
    alone = fuse({"words": WORDS}, {"words": 1}, method)
    assert fuse({"words": WORDS, "text": TEXT}, {"words": 5, "text": 0}, method) == alone
    assert fuse({"words": WORDS, "text": Ranking()}, W, method) == alone
    assert fuse({"words": Ranking(), "text": Ranking()}, W, method).ids == []


def test_equal_scores_are_in_the_order_of_ids():
    assert fuse({"words": hits(z=1.0, a=1.0)}, W, "convex").ids == ["a", "z"]


def test_the_best_are_cut_after_all_of_equal_scores():
    words = hits(d=9.0, c=5.0, b=5.0, a=5.0, e=1.0)
    assert fuse({"words": words}, W, "convex", least=1).ids == ["d"]
    assert fuse({"words": words}, W, "convex", least=2).ids == ["d", "a", "b", "c"]
    assert fuse({"words": words}, W, "convex", least=9).ids == ["d", "a", "b", "c", "e"]
