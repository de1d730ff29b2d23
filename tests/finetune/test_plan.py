"""The rounds of successive halving, and how they fit into a time."""

import pytest

from finetune.errors import FinetuneError
from finetune.plan import Amount, Round, Speed, epochs_trained, make_plan, rounds_of

# An epoch takes 10 seconds, the end 10.
SPEED = Speed(product=0.1, validation=2.0, evaluation=4.0)
AMOUNT = Amount(candidates=5, epochs=9, products=80, weights=3)


@pytest.mark.parametrize(
    ("candidates", "epochs", "rounds"),
    [
        (5, 10, [(5, 1), (2, 3), (1, 10)]),
        (6, 30, [(6, 3), (2, 10), (1, 30)]),
        (3, 9, [(3, 3), (1, 9)]),
        (1, 4, [(1, 4)]),
        (5, 1, [(5, 1), (2, 1), (1, 1)]),
    ],
)
def test_a_third_of_the_candidates_goes_on_for_three_times_as_long(candidates, epochs, rounds):
    assert rounds_of(candidates, epochs) == [Round(*each) for each in rounds]


def test_no_epoch_is_trained_twice():
    assert epochs_trained(rounds_of(5, 9)) == 5 * 1 + 2 * (3 - 1) + 1 * (9 - 3)


def test_without_a_limit_the_plan_is_whole_and_states_its_time():
    plan = make_plan(AMOUNT, SPEED, None)
    assert (plan.candidates, plan.epochs, plan.seconds) == (5, 9, 15 * 10 + 10)


@pytest.mark.parametrize(
    ("limit", "candidates", "epochs"),
    [(160, 5, 9), (159, 5, 8), (80, 5, 3), (79, 4, 3), (45, 1, 3), (20, 1, 1)],
)
def test_a_limit_takes_epochs_first_and_then_candidates(limit, candidates, epochs):
    plan = make_plan(AMOUNT, SPEED, limit)
    assert (plan.candidates, plan.epochs) == (candidates, epochs)
    assert plan.seconds <= limit


def test_a_limit_that_nothing_fits_into_is_an_error_with_the_least():
    with pytest.raises(FinetuneError, match=r"about 0:00:20 .* give --minutes 1 or more"):
        make_plan(AMOUNT, SPEED, 19)
