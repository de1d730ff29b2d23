import math

import numpy as np
import pytest

from eval.sample_size import queries_needed, spread_of


@pytest.mark.parametrize(("effect", "needed"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_the_queries_of_a_paired_t_test_whose_number_is_known(effect, needed):
    """As exact computations of the non-central t distribution give them for 5 % and 80 %."""
    assert queries_needed(1.0, effect) == needed
    assert queries_needed(0.3, 0.3 * effect) == needed


def test_a_smaller_difference_and_more_power_need_more_queries():
    assert queries_needed(0.3, 0.02) > queries_needed(0.3, 0.05)
    assert queries_needed(0.3, 0.05, power=0.9) > queries_needed(0.3, 0.05)
    assert queries_needed(0.0, 0.05) == 2


def test_dependent_queries_are_one_in_the_spread():
    first, second = np.zeros(5), np.array([0.1, 0.1, 0.1, 0.3, 0.5])
    spread = spread_of(first, second, np.array([0, 0, 0, 1, 2]))
    assert spread.clusters == 3
    assert spread.mean == pytest.approx(0.3)
    assert spread.deviation == pytest.approx(0.2)
    assert math.isnan(spread_of(first[:1], second[:1], np.array([0])).deviation)
