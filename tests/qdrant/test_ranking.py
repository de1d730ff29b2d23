from collections.abc import Sequence

import pytest

from qdrant.model import Hit
from qdrant.ranking import top_hits

LIMIT = 10_000  # of a server's strict mode
EQUAL = 20_000


class EqualProducts:
    """A fetch over products of one score, which come in descending order of ids."""

    def __init__(self) -> None:
        self.limits: list[int] = []

    def __call__(self, numbers: Sequence[int], limits: Sequence[int]) -> list[list[Hit]]:
        self.limits += limits
        hits = [Hit(f"p{EQUAL - place:05}", 0.5, {}) for place in range(EQUAL)]
        return [hits[:limit] for limit in limits]


@pytest.mark.parametrize(
    ("k", "most"), [(10, 1_000), (990, 1_006), (1_000, 1_016), (LIMIT - 5, LIMIT), (LIMIT, LIMIT)]
)
def test_a_tie_of_every_product_is_followed_to_a_limit(k: int, most: int):
    fetch = EqualProducts()
    [hits] = top_hits(fetch, [k])
    assert max(fetch.limits) == most
    assert len(hits) == k
    assert hits[-1].id == f"p{EQUAL - most + k:05}"  # by id among those seen


def test_a_tie_that_ends_below_the_limit_is_cut_by_id():
    def fetch(numbers: Sequence[int], limits: Sequence[int]) -> list[list[Hit]]:
        tied = [Hit(f"p{900 - place:03}", 0.5, {}) for place in range(900)]
        others = [Hit(f"q{place:03}", 0.4, {}) for place in range(900)]
        return [(tied + others)[:limit] for limit in limits]

    [hits] = top_hits(fetch, [3])
    assert [hit.id for hit in hits] == ["p001", "p002", "p003"]


def test_scores_that_differ_by_noise_on_both_sides_of_a_rounding_boundary_are_equal():
    noisy = [Hit("b", 0.50000057, {}), Hit("a", 0.50000043, {}), Hit("c", 0.4, {})]
    assert round(noisy[0].score, 6) != round(noisy[1].score, 6)
    [hits] = top_hits(lambda numbers, limits: [noisy], [3])
    assert [hit.id for hit in hits] == ["a", "b", "c"]


def test_scores_that_differ_by_more_are_not():
    apart = [Hit("b", 0.500002, {}), Hit("a", 0.5, {})]
    [hits] = top_hits(lambda numbers, limits: [apart], [3])
    assert [hit.id for hit in hits] == ["b", "a"]


def test_a_score_above_1_may_differ_by_a_share_of_it():
    noisy = [Hit("b", 20.000005, {}), Hit("a", 20.0, {}), Hit("c", 19.9, {})]
    [hits] = top_hits(lambda numbers, limits: [noisy], [3])
    assert [hit.id for hit in hits] == ["a", "b", "c"]


def test_only_the_query_whose_tie_goes_on_is_searched_for_again():
    tied = [Hit(f"p{900 - place:03}", 0.5, {}) for place in range(900)]
    apart = [Hit(f"q{place:03}", 1 - place / 1000, {}) for place in range(900)]
    rounds: list[tuple[list[int], list[int]]] = []

    def fetch(numbers: Sequence[int], limits: Sequence[int]) -> list[list[Hit]]:
        rounds.append((list(numbers), list(limits)))
        return [
            (tied if number else apart)[:limit]
            for number, limit in zip(numbers, limits, strict=True)
        ]

    first, second = top_hits(fetch, [5, 3])
    assert [hit.id for hit in first] == ["q000", "q001", "q002", "q003", "q004"]
    assert [hit.id for hit in second] == ["p001", "p002", "p003"]
    assert rounds[0] == ([0, 1], [21, 19])
    assert all(numbers == [1] for numbers, _ in rounds[1:])
