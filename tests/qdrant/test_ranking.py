from collections.abc import Sequence

import pytest

from qdrant.model import Ranking
from qdrant.ranking import top_hits

LIMIT = 10_000  # of a server's strict mode
EQUAL = 20_000


def ranking(hits: Sequence[tuple[str, float]]) -> Ranking[str]:
    return Ranking([product for product, _ in hits], [score for _, score in hits])


class EqualProducts:
    """A fetch over products of one score, which come in descending order of ids."""

    def __init__(self) -> None:
        self.limits: list[int] = []

    def __call__(self, numbers: Sequence[int], limits: Sequence[int]) -> list[Ranking[str]]:
        self.limits += limits
        hits = [(f"p{EQUAL - place:05}", 0.5) for place in range(EQUAL)]
        return [ranking(hits[:limit]) for limit in limits]


@pytest.mark.parametrize(
    ("k", "most"), [(10, 2_000), (1_990, 2_006), (2_000, 2_016), (LIMIT - 5, LIMIT), (LIMIT, LIMIT)]
)
def test_a_tie_of_every_product_is_followed_to_a_limit(k: int, most: int):
    fetch = EqualProducts()
    [hits] = top_hits(fetch, [k])
    assert max(fetch.limits) == most
    assert hits.ids == [f"p{EQUAL - most + place:05}" for place in range(1, most + 1)]


def test_a_tie_is_returned_whole_and_by_id():
    def fetch(numbers: Sequence[int], limits: Sequence[int]) -> list[Ranking[str]]:
        better = [("x", 0.6)]
        tied = [(f"p{900 - place:03}", 0.5) for place in range(900)]
        others = [(f"q{place:03}", 0.4) for place in range(900)]
        return [ranking((better + tied + others)[:limit]) for limit in limits]

    [hits] = top_hits(fetch, [3])
    assert hits.ids == ["x", *(f"p{place:03}" for place in range(1, 901))]


def test_scores_that_differ_by_noise_on_both_sides_of_a_rounding_boundary_are_equal():
    noisy = Ranking(["b", "a", "c"], [0.50000057, 0.50000043, 0.4])
    assert round(noisy.scores[0], 6) != round(noisy.scores[1], 6)
    [hits] = top_hits(lambda numbers, limits: [noisy], [3])
    assert hits == Ranking(["a", "b", "c"], [0.50000043, 0.50000057, 0.4])


def test_scores_that_differ_by_more_are_not():
    apart = Ranking(["b", "a"], [0.500002, 0.5])
    [hits] = top_hits(lambda numbers, limits: [apart], [3])
    assert hits.ids == ["b", "a"]


def test_a_query_that_finds_nothing_or_one_product_has_that():
    few: list[Ranking[str]] = [Ranking([], []), Ranking(["a"], [7.0])]
    assert top_hits(lambda numbers, limits: few, [3, 3]) == few


def test_hits_that_an_engine_returns_in_another_order_are_put_in_order():
    mixed = Ranking(["b", "d", "a"], [0.3, 0.5, 0.5])
    [hits] = top_hits(lambda numbers, limits: [mixed], [3])
    assert hits == Ranking(["a", "d", "b"], [0.5, 0.5, 0.3])


def test_a_score_above_1_may_differ_by_a_share_of_it():
    noisy = Ranking(["b", "a", "c"], [20.000005, 20.0, 19.9])
    [hits] = top_hits(lambda numbers, limits: [noisy], [3])
    assert hits.ids == ["a", "b", "c"]


def test_a_query_whose_ties_do_not_matter_is_searched_once_and_for_no_more_than_it_wants():
    fetch = EqualProducts()
    [hits] = top_hits(fetch, [3], [False])
    assert len(hits) == 3
    assert fetch.limits == [3]


def test_only_the_query_whose_tie_goes_on_is_searched_for_again():
    tied = [(f"p{900 - place:03}", 0.5) for place in range(900)]
    apart = [(f"q{place:03}", 1 - place / 1000) for place in range(900)]
    rounds: list[tuple[list[int], list[int]]] = []

    def fetch(numbers: Sequence[int], limits: Sequence[int]) -> list[Ranking[str]]:
        rounds.append((list(numbers), list(limits)))
        return [
            ranking((tied if number else apart)[:limit])
            for number, limit in zip(numbers, limits, strict=True)
        ]

    first, second = top_hits(fetch, [5, 3])
    assert first.ids == ["q000", "q001", "q002", "q003", "q004"]
    assert second.ids == [f"p{place:03}" for place in range(1, 901)]
    assert rounds[0] == ([0, 1], [21, 19])
    assert all(numbers == [1] for numbers, _ in rounds[1:])
