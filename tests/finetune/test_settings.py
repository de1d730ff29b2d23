"""The recipes, and settings that cannot be used."""

import dataclasses
import re

import pytest

from finetune.errors import FinetuneError
from finetune.settings import RECIPES, Settings, parse_assignments


def test_the_usual_recipe_is_the_documented_one():
    usual = RECIPES["lora"]
    assert (usual.rank, usual.alpha, usual.dropout) == (8, 16, 0.1)
    assert usual.targets == ("q_proj", "v_proj")
    assert (usual.batch, usual.learning_rate, usual.epochs) == (128, 2e-5, 10)


def test_the_mixed_recipe_differs_in_precision_only():
    one, other = RECIPES["lora"].facts(), RECIPES["lora_mp"].facts()
    assert {name for name in one if one[name] != other[name]} == {"precision"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "half"}, "method is lora or full"),
        ({"rank": 0}, "rank is 1 or more"),
        ({"rank": 5000}, "rank 5000 is at most 4,096"),
        ({"alpha": 1e7}, "alpha 1e+07 at most 1,000,000"),
        ({"batch": 1}, "batch is 2 or more"),
        ({"micro_batch": 256}, "larger than batch 128"),
        ({"learning_rate": float("nan")}, "learning_rate is above 0"),
        ({"dropout": 1.5}, "dropout is between 0 and 0.99"),
        ({"warm_up": -0.1}, "warm_up is between"),
        ({"validation": 0.0}, "validation is between"),
        ({"validation": 0.6, "test": 0.6}, "leave too few"),
        ({"views": ()}, "at least one of views"),
        ({"views": ("{colour}",)}, "colour"),
        ({"template": "nonsense"}, "No template is called"),
        ({"adapter_weight": -1.0}, "weight"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(changes, message):
    with pytest.raises(FinetuneError, match=re.escape(message)):
        dataclasses.replace(Settings(), **changes)


def test_the_rate_rises_and_then_falls_along_a_cosine():
    settings = Settings(learning_rate=1.0, schedule="cosine", warm_up=0.1)
    rates = [settings.learning_rate_at(step, 100) for step in range(100)]
    assert rates[:2] == [0.1, 0.2]
    assert max(rates) == rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[55] == pytest.approx(0.5)


def test_the_documented_rate_stays():
    assert {Settings().learning_rate_at(step, 50) for step in range(50)} == {2e-5}


def test_the_rate_of_a_file_of_an_earlier_release_is_the_learning_rate():
    facts = Settings(learning_rate=1e-3, adapter_weight=0.5).facts()
    assert (facts["rate"], facts["strength"]) == (1e-3, 0.5)
    assert not {"learning_rate", "adapter_weight"} & set(facts)


def test_assignments_have_the_types_of_the_settings():
    assert parse_assignments(
        ["dropout=0", "micro-batch=4", "flip=false", "schedule=cosine", "views=title",
         "views={brand}, {title}"]
    ) == {
        "dropout": 0.0, "micro_batch": 4, "flip": False, "schedule": "cosine",
        "views": ("title", "{brand}, {title}"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("colour=red", "no setting is called 'colour': there are method, precision"),
        ("flip=perhaps", "flip is true or false, not 'perhaps'"),
        ("patience=2.5", "patience is a whole number, not '2.5'"),
        ("crop", "crop is a number, not ''"),
    ],
)
def test_an_assignment_that_cannot_be_used_is_one_sentence(assignment, message):
    with pytest.raises(ValueError, match=message):
        parse_assignments([assignment])
