"""The recipe of a training: the documented one of the reference system, and what may differ."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from encoder.adapter import check_adapter_weight
from encoder.errors import VariantInvalid
from encoder.template import DEFAULT_TEMPLATE, template
from finetune.errors import SettingsInvalid

Method = Literal["lora", "full"]
Precision = Literal["float32", "mixed"]
Objective = Literal["contrastive", "reference"]
Schedule = Literal["constant", "cosine"]

# Templates or formats, as variants have them. One of those that a product has words for is drawn.
VIEWS = ("title", "{summary}", "{description}")


# Keys of settings in files, where they are not the name: files of earlier releases stay readable.
FILE_KEYS = MappingProxyType({"learning_rate": "rate", "adapter_weight": "strength"})


@dataclass(frozen=True)
class Settings:
    """How to train. The defaults are the reference system's documented recipe.

    Attributes:
        method: adapters beside the weights, or all weights themselves.
        precision: float32, or bfloat16 (else float16) where it is enough.
        objective: CLIP's loss; "reference" is the reference system's, without a temperature.
        rank: of the adapters.
        alpha: their change is multiplied by alpha / rank.
        dropout: share of an adapter's inputs that is dropped.
        targets: layers that get an adapter, by the end of their name.
        batch: products in a step, over all processes.
        micro_batch: products that are in memory at once; 0 is all of the batch.
        learning_rate: the highest learning rate.
        schedule: the rate stays, or falls to 0 along a cosine.
        warm_up: share of the steps in which the rate rises from 0.
        weight_decay: of AdamW, on matrices.
        epochs: at most.
        patience: epochs without a better validation nDCG after which to stop; 0 is never.
        views: templates of the texts to learn from.
        crop: smallest share of a picture's side that is looked at.
        flip: whether every second picture is mirrored.
        template: what makes the product text of the variant.
        adapter_weight: 0 is the base, 1 what was trained, what lies between lies between.
        seed: of every draw.
        sample: at most so many products, drawn by group; 0 is all.
        validation: share of the products that training is judged by while it runs.
        test: share that is looked at once, at the end.
        snapshot_every: steps between two checkpoints; one is written after each epoch, too.
    """

    method: Method = "lora"
    precision: Precision = "float32"
    objective: Objective = "contrastive"
    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.1
    targets: tuple[str, ...] = ("q_proj", "v_proj")
    batch: int = 128
    micro_batch: int = 0
    learning_rate: float = 2e-5
    schedule: Schedule = "constant"
    warm_up: float = 0.0
    weight_decay: float = 0.01  # AdamW's own in torch, which the reference left as it is
    epochs: int = 10
    patience: int = 3
    views: tuple[str, ...] = VIEWS
    crop: float = 0.8
    flip: bool = True
    template: str = DEFAULT_TEMPLATE
    adapter_weight: float = 1.0
    seed: int = 0
    sample: int = 0
    validation: float = 0.1
    test: float = 0.1
    snapshot_every: int = 200

    def __post_init__(self) -> None:
        for names, possible in _ONE_OF:
            if getattr(self, names) not in possible:
                raise SettingsInvalid(
                    f"--{names} is {' or '.join(possible)}, not {getattr(self, names)!r}."
                )
        for name, least in _AT_LEAST.items():
            if getattr(self, name) < least:
                raise SettingsInvalid(
                    f"--{_flag(name)} is {least} or more, not {getattr(self, name)}."
                )
        for name, (low, high) in _BETWEEN.items():
            if not low <= getattr(self, name) <= high:
                raise SettingsInvalid(
                    f"--{_flag(name)} is between {low:g} and {high:g}, not {getattr(self, name)}."
                )
        for name in ("learning_rate", "alpha"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise SettingsInvalid(f"--{_flag(name)} is above 0, not {getattr(self, name)}.")
        self._check_together()

    def _check_together(self) -> None:
        if self.validation + self.test > MOST_HELD_OUT:
            raise SettingsInvalid(
                f"--validation {self.validation:g} and --test {self.test:g} leave too little to "
                f"learn from: together at most {MOST_HELD_OUT}."
            )
        if self.micro_batch > self.batch:
            raise SettingsInvalid(
                f"--micro-batch {self.micro_batch} is larger than --batch {self.batch}: leave it "
                "out, or make it smaller than the batch."
            )
        if not self.views or (self.method == "lora" and not self.targets):
            raise SettingsInvalid("Name at least one --view and one --target.")
        try:
            check_adapter_weight(self.adapter_weight)
            for name in (self.template, *self.views):
                template(name)
        except VariantInvalid as error:
            raise SettingsInvalid(str(error)) from error

    @property
    def chunk(self) -> int:
        """Products that are in memory at once."""
        return self.micro_batch or self.batch

    def learning_rate_at(self, step: int, steps: int) -> float:
        """The learning rate of a step, counted from 0, of so many."""
        warm = round(self.warm_up * steps)
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        if self.schedule == "constant":
            return self.learning_rate
        return (
            self.learning_rate
            * 0.5
            * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))
        )

    def facts(self) -> dict[str, Any]:
        """The settings as files have them; those of adapters only where there are any."""
        facts = {
            FILE_KEYS.get(name, name): value for name, value in dataclasses.asdict(self).items()
        }
        facts |= {"targets": list(self.targets), "views": list(self.views)}
        if self.method == "full":
            for name in ("rank", "alpha", "dropout", "targets"):
                del facts[name]
        return facts


_ONE_OF = (
    ("method", ("lora", "full")),
    ("precision", ("float32", "mixed")),
    ("objective", ("contrastive", "reference")),
    ("schedule", ("constant", "cosine")),
)
# Contrast needs two products.
_AT_LEAST = MappingProxyType(
    {"rank": 1, "batch": 2, "micro_batch": 0, "epochs": 1, "patience": 0, "sample": 0,
     "snapshot_every": 1, "weight_decay": 0.0}
)  # fmt: skip
_BETWEEN = MappingProxyType(
    {"dropout": (0.0, 0.99), "warm_up": (0.0, 1.0), "crop": (0.1, 1.0),
     "validation": (0.001, 0.9), "test": (0.0, 0.9)}
)  # fmt: skip
MOST_HELD_OUT = 0.9

# The recipes that have a name; a variant of another name begins with the first of them. The
# second differs in precision only, so that the two tell what precision does.
RECIPES: Mapping[str, Settings] = MappingProxyType(
    {"lora": Settings(), "lora_mp": Settings(precision="mixed")}
)


def recipe(variant: str) -> Settings:
    """The settings that a variant of this name begins with."""
    return RECIPES.get(variant, RECIPES["lora"])


def _flag(name: str) -> str:
    return name.replace("_", "-")
