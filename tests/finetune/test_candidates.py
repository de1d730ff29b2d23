"""The candidates, and what depends on a shop's size."""

import pytest

from encoder.families import CLIP
from finetune.candidates import CANDIDATES, candidates_for, settings_for


@pytest.mark.parametrize(
    ("products", "batch", "epochs", "validation", "test"),
    [
        (20, 4, 30, 0.2, 0.3),
        (80, 16, 30, 0.2, 0.3),
        (1000, 16, 17, 0.1, 0.3),
        (2500, 32, 12, 0.1, 0.2),
        (100_000, 128, 3, 0.03, 0.05),
    ],
)
def test_parts_batch_and_epochs_follow_from_the_shops_size(
    products, batch, epochs, validation, test
):
    settings = settings_for(products, {})
    assert (settings.batch, settings.epochs) == (batch, epochs)
    assert (settings.validation, settings.test) == pytest.approx((validation, test))


def test_what_the_user_has_chosen_is_every_candidates():
    fixed = {"batch": 8, "epochs": 2, "test": 0.1, "rank": 4, "learning_rate": 1e-3}
    candidates = candidates_for(settings_for(500, fixed), CLIP.lora, fixed)
    for settings in candidates.values():
        assert {name: getattr(settings, name) for name in fixed} == fixed
    # Without their learning rates some candidates are the same.
    assert list(candidates) == ["tokens", "linear"]
    assert len(candidates_for(settings_for(500, {}), CLIP.lora, {})) == len(CANDIDATES)


def test_patience_follows_from_the_epochs_that_the_user_has_chosen():
    assert settings_for(500, {"epochs": 20}).patience == 6
    assert settings_for(500, {"epochs": 20, "patience": 2}).patience == 2


def test_candidates_for_all_weights_differ_in_their_learning_rates_only():
    fixed = {"method": "full"}
    candidates = candidates_for(settings_for(500, fixed), CLIP.lora, fixed)
    assert [each.learning_rate for each in candidates.values()] == [5e-4, 1e-4]


def test_some_candidates_train_the_token_embedding_and_some_do_not():
    targets = [
        settings.targets
        for settings in candidates_for(settings_for(500, {}), CLIP.lora, {}).values()
    ]
    assert 0 < sum("token_embedding" in each for each in targets) < len(targets)
