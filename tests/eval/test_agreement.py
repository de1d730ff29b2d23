import math

import pytest

from eval.agreement import cohen_kappa, list_disagreements, measure_agreement, merge_judgements

ANNA = {"q": {"a": 2, "b": 1, "c": 0}, "r": {"a": 0}}
BEN = {"q": {"a": 2, "b": 0, "d": 1}, "r": {"a": 2}}


def test_kappa_of_a_table_whose_kappa_is_known():
    """20 and 15 of 50 items equal, 25 to 30 chosen alike: (0.7 - 0.5) / 0.5."""
    first = [1] * 20 + [1] * 5 + [0] * 10 + [0] * 15
    second = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    assert cohen_kappa(first, second) == pytest.approx(0.4)
    assert cohen_kappa(first, second, weighted=True) == pytest.approx(0.4)


def test_a_distant_disagreement_counts_more_where_kappa_is_weighted():
    judged = [0, 1, 2, 0, 1, 2]
    near, far = [0, 1, 2, 0, 1, 1], [0, 1, 2, 0, 1, 0]
    assert cohen_kappa(judged, near, weighted=True) > cohen_kappa(judged, far, weighted=True)
    # observed 2 / 6, expected (1 + 2 + 1 + 1 + 2·2 + 0 …) / 36 over all pairs of grades
    pairs = [abs(one - other) for one in judged for other in far]
    expected = 1 - (2 / 6) / (sum(pairs) / 36)
    assert cohen_kappa(judged, far, weighted=True) == pytest.approx(expected)


@pytest.mark.parametrize(("first", "second"), [([], []), ([1, 1], [1, 1])])
def test_kappa_is_nan_where_chance_alone_agrees_always(first, second):
    assert math.isnan(cohen_kappa(first, second))


def test_equal_judges_agree_wholly():
    assert cohen_kappa([0, 1, 2], [0, 1, 2], weighted=True) == 1


def test_agreement_is_of_what_both_have_judged():
    [each] = measure_agreement({"Anna": ANNA, "Ben": BEN})
    assert (each.first, each.second, each.pairs) == ("Anna", "Ben", 3)
    assert each.equal == pytest.approx(1 / 3)
    [nothing] = measure_agreement({"Anna": ANNA, "Cy": {"z": {"a": 1}}})
    assert nothing.pairs == 0
    assert math.isnan(nothing.equal)


def test_disagreements_are_listed_with_the_most_distant_first():
    found = list_disagreements({"Anna": ANNA, "Ben": BEN})
    assert [(each.query, each.product, each.distance) for each in found] == [
        ("r", "a", 2),
        ("q", "b", 1),
    ]
    assert found[0].grades == {"Anna": 0, "Ben": 2}


def test_judges_are_merged_by_the_lower_median():
    merged = merge_judgements({"Anna": ANNA, "Ben": BEN, "Cy": {"q": {"b": 0}}})
    assert merged == {"q": {"a": 2, "b": 0, "c": 0, "d": 1}, "r": {"a": 0}}
