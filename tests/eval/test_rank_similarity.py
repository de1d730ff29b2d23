import pytest

from eval.rank_similarity import PERSISTENCE, overlap, rank_biased_overlap


def by_definition(first, second, p=PERSISTENCE, ranks=2_000):
    """The sum over depths, each agreement from sets; beyond both ends it goes on as it was."""
    shorter, longer = sorted((first, second), key=len)
    s, n = len(shorter), len(longer)
    common = [len(set(shorter[:depth]) & set(longer[:depth])) for depth in range(1, n + 1)]
    at_s = common[s - 1]
    agreements = [
        (count + (at_s * (depth - s) / s if depth > s else 0)) / depth
        for depth, count in enumerate(common, start=1)
    ]
    agreements += [agreements[-1]] * (ranks - n)
    return (1 - p) * sum(p**rank * each for rank, each in enumerate(agreements))


@pytest.mark.parametrize(
    ("first", "second"),
    [("abcde", "abcde"), ("abcde", "edcba"), ("abcde", "abxcy"), ("abc", "bxaycd"), ("a", "xya")],
)
def test_rank_biased_overlap_is_the_sum_over_depths_of_its_definition(first, second):
    expected = by_definition(first, second)
    assert rank_biased_overlap(first, second) == pytest.approx(expected, abs=1e-9)
    assert rank_biased_overlap(second, first) == pytest.approx(expected, abs=1e-9)


def test_rank_biased_overlap_weighs_the_top_most():
    at_the_top, at_the_bottom = "bacdefgh", "abcdefhg"
    assert rank_biased_overlap("abcdefgh", at_the_top) < rank_biased_overlap(
        "abcdefgh", at_the_bottom
    )


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [("abc", "abc", 1), ("abc", "xyz", 0), ("", "", 1), ("a", "", 0)],
)
def test_rank_biased_overlap_of_equal_different_and_empty_rankings(first, second, expected):
    assert rank_biased_overlap(first, second) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("first", "second", "k", "expected"),
    [("abcd", "badc", 2, 1), ("abcd", "abxy", 4, 0.5), ("ab", "abcd", 4, 0.5), ("", "", 5, 1)],
)
def test_overlap_is_the_share_of_the_first_k_in_any_order(first, second, k, expected):
    assert overlap(first, second, k) == expected
