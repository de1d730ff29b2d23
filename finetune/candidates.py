"""The candidates that a training chooses among, and the settings that follow from a shop's size."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from encoder.families import LoraTargets
from encoder.template import DEFAULT_TEMPLATE
from finetune.settings import Settings

# Products of the parts: 500 show a gain of 0.02 in nDCG@10, fewer suffice to choose by. In a small
# shop at most these shares, in a large one at least.
TEST, TEST_SHARES = 500, (0.05, 0.3)
VALIDATION, VALIDATION_SHARES = (50, 250), (0.03, 0.2)
VALIDATION_SHARE = 0.1  # between the two numbers

# A power of two that makes so many steps an epoch, within these bounds: a larger batch has more
# negatives, and of a small shop's products it makes too few steps.
STEPS_PER_EPOCH = 40
MIN_BATCH, MAX_BATCH = 16, 128
# Steps of a whole training, as far as the number of epochs allows. A trial has a quarter of them:
# with 80, adapters on the token embedding at the high learning rate had not yet made up for what
# they lose at first, and those won that had hardly changed the base.
STEPS = 600
MIN_EPOCHS, MAX_EPOCHS = 5, 30
# Products of a whole training, of which a large shop needs fewer epochs: the reference system's.
PRODUCTS = 200_000
PATIENCE = 0.3  # of the epochs: in a small shop an epoch is a few steps, and its score is noisy

# What the candidates share. Adapters of rank 16 at twice their scale, as the reference's are.
COMMON = Settings(
    rank=16, alpha=32.0, schedule="cosine", warm_up=0.1, views=("title", DEFAULT_TEMPLATE)
)

# By name: parts of the model with an adapter, as `LoraTargets` names them, and the learning rate.
# The first ones are the most useful, and are left when the time is short. Token embeddings matter
# where titles consist of words that are rare in the base's own texts.
LINEAR = ("attention", "feed_forward", "projections")
CANDIDATES: Mapping[str, tuple[tuple[str, ...], float]] = MappingProxyType(
    {
        "tokens": ((*LINEAR, "embedding"), 5e-4),
        "tokens_slow": ((*LINEAR, "embedding"), 1e-4),
        "linear": (LINEAR, 5e-4),
    }
)


@dataclass(frozen=True)
class Search:
    """How settings are chosen.

    Attributes:
        fixed: settings that every candidate has.
        minutes: at most, by an estimate made before; None: no limit.
    """

    fixed: Mapping[str, Any]
    minutes: float | None = None


def common_settings(fixed: Mapping[str, Any]) -> Settings:
    """What all candidates share on any shop.

    They train on the texts that are compared: titles, which are queries, and product texts.

    Args:
        fixed: settings that the user has chosen.

    Raises:
        FinetuneError: one of them cannot be used.
    """
    return replace(COMMON, **{"views": ("title", fixed.get("template", COMMON.template)), **fixed})


def settings_for(products: int, fixed: Mapping[str, Any], paired: float = 1.0) -> Settings:
    """What all candidates share on a shop of some size.

    Args:
        products: that have a picture, of the categories to train on.
        fixed: settings that the user has chosen.
        paired: share of the products that are trained on: those with queries, where these are the
            only training texts.
    """
    validation = _clip(VALIDATION_SHARE * products, VALIDATION)
    shares = {
        "test": _clip(TEST / products, TEST_SHARES),
        "validation": _clip(validation / products, VALIDATION_SHARES),
    }
    settings = common_settings({**shares, **fixed})
    train = round(products * (1 - settings.test - settings.validation) * paired)
    settings = replace(settings, batch=fixed.get("batch", _batch(train)))
    per_epoch = max(1, train // settings.batch)
    least = min(MIN_EPOCHS, math.ceil(PRODUCTS / max(train, 1)))
    epochs = min(max(math.ceil(STEPS / per_epoch), least), MAX_EPOCHS)
    epochs = fixed.get("epochs", epochs)
    patience = max(settings.patience, round(PATIENCE * epochs))
    return replace(settings, **{"epochs": epochs, "patience": patience, **fixed})


def _batch(train: int) -> int:
    wanted = min(max(train // STEPS_PER_EPOCH, MIN_BATCH), MAX_BATCH, max(train // 2, 2))
    return 2 ** int(math.log2(wanted))


def _clip(value: float, bounds: tuple[float, float]) -> float:
    return min(max(value, bounds[0]), bounds[1])


def candidates_for(
    settings: Settings, lora: LoraTargets, fixed: Collection[str]
) -> dict[str, Settings]:
    """The candidates by name; those that the user's settings make equal are one.

    Args:
        settings: what they share.
        lora: layers of the base's family.
        fixed: names of the settings that the user has chosen, which no candidate changes.
    """
    found: dict[str, Settings] = {}
    for name, (parts, learning_rate) in CANDIDATES.items():
        changes: dict[str, Any] = {
            "targets": _layers(lora, parts),
            "learning_rate": learning_rate,
        }
        changed = {key: value for key, value in changes.items() if key not in fixed}
        candidate = replace(settings, **changed)
        if candidate.facts() not in (each.facts() for each in found.values()):
            found[name] = candidate
    return found


def _layers(lora: LoraTargets, parts: Sequence[str]) -> tuple[str, ...]:
    """The layers of some parts of a model."""
    names = (getattr(lora, part) for part in parts)
    return tuple(
        layer for named in names for layer in ((named,) if isinstance(named, str) else named)
    )
