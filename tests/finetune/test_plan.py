"""The plan of a choice, and how it fits into a time."""

import pytest

from finetune.errors import FinetuneError
from finetune.plan import Amount, Speed, epochs_trained, make_plan

# An epoch takes 10 seconds, the end 10.
SPEED = Speed(product=0.1, validation=2.0, evaluation=4.0)
AMOUNT = Amount(candidates=5, epochs=9, products=80, weights=3)


def test_a_trial_has_a_quarter_of_the_epochs_and_a_single_candidate_has_none():
    assert epochs_trained(5, 9) == 5 * 3 + 9
    assert epochs_trained(1, 9) == 9


def test_without_a_limit_the_plan_is_whole_and_states_its_time():
    plan = make_plan(AMOUNT, SPEED, None)
    assert (plan.candidates, plan.trial, plan.epochs, plan.seconds) == (5, 3, 9, 24 * 10 + 10)


@pytest.mark.parametrize(
    ("limit", "candidates", "epochs"),
    [(250, 5, 9), (249, 5, 8), (90, 5, 3), (89, 4, 3), (45, 1, 3), (20, 1, 1)],
)
def test_a_limit_takes_epochs_first_and_then_candidates(limit, candidates, epochs):
    plan = make_plan(AMOUNT, SPEED, limit)
    assert (plan.candidates, plan.epochs) == (candidates, epochs)
    assert plan.seconds <= limit


def test_a_limit_that_nothing_fits_into_is_an_error_with_the_least():
    with pytest.raises(FinetuneError, match=r"about 0:00:20 .* give --minutes 1 or more"):
        make_plan(AMOUNT, SPEED, 19)
