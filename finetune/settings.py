"""The settings of a training, and the recipes that have a name."""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, Self, get_args, get_type_hints

from encoder.adapter import check_adapter_weight
from encoder.adapter_config import MAX_ALPHA, MAX_RANK
from encoder.errors import VariantInvalid
from encoder.families import Loss
from encoder.template import DEFAULT_TEMPLATE, find_template
from finetune.errors import FinetuneError

Method = Literal["lora", "full"]
Precision = Literal["float32", "mixed"]
Objective = Literal["family", "contrastive", "sigmoid", "reference"]
Schedule = Literal["constant", "cosine"]

VIEWS = ("title", "{summary}", "{description}")

# Keys in files that are not the setting's name: files of earlier releases stay readable.
FILE_KEYS = MappingProxyType({"learning_rate": "rate", "adapter_weight": "strength"})
LORA_ONLY = ("rank", "alpha", "dropout", "targets")
CATEGORIES_ONLY = ("categories", "mix")
PAIRS_ONLY = ("pair_share",)
MAX_HELD_OUT = 0.9  # share of validation and test products together


@dataclass(frozen=True)
class Settings:
    """How to train. The defaults are the reference system's documented recipe.

    Attributes:
        method: train LoRA adapters, or all weights.
        precision: float32, or mixed: bfloat16 (else float16) where the hardware has it.
        objective: the loss: the one that the base's family was trained with, the contrastive one,
            the sigmoid one (of a base with a bias, such as SigLIP), or the reference system's,
            which is contrastive and has no temperature.
        rank: rank of the adapters.
        alpha: an adapter's change is multiplied by alpha / rank.
        dropout: dropout probability of an adapter's inputs.
        targets: layers with an adapter, by the end of their name.
        batch: products in a step, over all processes.
        micro_batch: products in memory at once; 0: the whole batch.
        learning_rate: the highest one.
        schedule: keep the learning rate, or lower it to 0 along a cosine.
        warm_up: share of the steps in which the learning rate rises from 0.
        weight_decay: AdamW's, on matrices.
        epochs: at most.
        patience: stop after so many epochs without a better validation nDCG@10; 0: never.
        views: templates of the training texts; a product's text is drawn from those that it fills.
        crop: smallest share of a picture's side that a random crop keeps.
        flip: mirror half of the pictures.
        template: of the variant's product text.
        adapter_weight: 0 is the base, 1 the trained model; between them the weights are
            interpolated.
        categories: train on the products of these only; none: on all.
        mix: share of products of the other categories in a batch, which limits what is forgotten.
        pair_share: share of the training texts that are queries of the file of pairs, of products
            that have one; 1 trains on such products and on queries alone. 0 without a file.
        seed: of all random numbers.
        sample: train on at most so many products, drawn by group; 0: all.
        validation: share of the products held out to choose the epoch by.
        test: share held out for the evaluation of the finished variant.
        snapshot_every: steps between checkpoints; each epoch ends with one, too.
    """

    method: Method = "lora"
    precision: Precision = "float32"
    objective: Objective = "family"
    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.1
    targets: tuple[str, ...] = ("q_proj", "v_proj")
    batch: int = 128
    micro_batch: int = 0
    learning_rate: float = 2e-5
    schedule: Schedule = "constant"
    warm_up: float = 0.0
    weight_decay: float = 0.01  # torch's default for AdamW, which the reference kept
    epochs: int = 10
    patience: int = 3
    views: tuple[str, ...] = VIEWS
    crop: float = 0.8
    flip: bool = True
    template: str = DEFAULT_TEMPLATE
    adapter_weight: float = 1.0
    categories: tuple[str, ...] = ()
    mix: float = 0.2
    pair_share: float = 0.0
    seed: int = 0
    sample: int = 0
    validation: float = 0.1
    test: float = 0.1
    snapshot_every: int = 200

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                value = getattr(self, name)
                raise FinetuneError(f"{name} is {' or '.join(choices)}, not {value!r}.")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                allowed = (
                    f"{low:g} or more" if high == math.inf else f"between {low:g} and {high:g}"
                )
                raise FinetuneError(f"{name} is {allowed}, not {value}.")
        for name in ("learning_rate", "alpha"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise FinetuneError(f"{name} is above 0, not {value}.")
        self._check_together()

    def _check_together(self) -> None:
        if self.rank > MAX_RANK or self.alpha > MAX_ALPHA:
            raise FinetuneError(
                f"rank {self.rank} is at most {MAX_RANK:,}, and alpha {self.alpha:g} at most "
                f"{MAX_ALPHA:,.0f}: a variant takes no adapter beyond that."
            )
        if self.validation + self.test > MAX_HELD_OUT:
            raise FinetuneError(
                f"validation {self.validation:g} and test {self.test:g} leave too few products to "
                f"train on: together at most {MAX_HELD_OUT}."
            )
        if self.micro_batch > self.batch:
            raise FinetuneError(
                f"micro_batch {self.micro_batch} is larger than batch {self.batch}: leave it out, "
                "or make it smaller than the batch."
            )
        if not self.views or (self.method == "lora" and not self.targets):
            raise FinetuneError("Name at least one of views and one of targets.")
        try:
            check_adapter_weight(self.adapter_weight)
            for name in (self.template, *self.views):
                find_template(name)
        except VariantInvalid as error:
            raise FinetuneError(str(error)) from error

    def with_loss(self, loss: Loss) -> Self:
        """The same, with the loss named that the base's family was trained with."""
        return dataclasses.replace(self, objective=loss) if self.objective == "family" else self

    @property
    def chunk(self) -> int:
        """Products in memory at once."""
        return self.micro_batch or self.batch

    def learning_rate_at(self, step: int, steps: int) -> float:
        """The learning rate of a step, counted from 0, of `steps`."""
        warm = round(self.warm_up * steps)
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        if self.schedule == "constant":
            return self.learning_rate
        done = (step - warm) / max(1, steps - warm)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * done))

    def named(self) -> dict[str, Any]:
        """The settings by name, without those that have no effect."""
        unused = (
            *(LORA_ONLY if self.method != "lora" else ()),
            *(CATEGORIES_ONLY if not self.categories else ()),
            *(PAIRS_ONLY if not self.pair_share else ()),
        )
        return {
            name: value for name, value in dataclasses.asdict(self).items() if name not in unused
        }

    def facts(self) -> dict[str, Any]:
        """The settings as JSON files have them."""
        return {
            FILE_KEYS.get(name, name): list(value) if isinstance(value, tuple) else value
            for name, value in self.named().items()
        }


_CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "method": get_args(Method),
        "precision": get_args(Precision),
        "objective": get_args(Objective),
        "schedule": get_args(Schedule),
    }
)
_RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "rank": (1, math.inf),
        "batch": (2, math.inf),  # a contrast needs two products
        "micro_batch": (0, math.inf),
        "epochs": (1, math.inf),
        "patience": (0, math.inf),
        "sample": (0, math.inf),
        "snapshot_every": (1, math.inf),
        "weight_decay": (0, math.inf),
        "dropout": (0, 0.99),
        "warm_up": (0, 1),
        "crop": (0.1, 1),
        "mix": (0, 0.9),
        "pair_share": (0, 1),
        "validation": (0.001, 0.9),
        "test": (0, 0.9),
    }
)

# The reference system's, by the names of its variants. The two differ in precision only, so that
# comparing them measures the precision.
RECIPES: Mapping[str, Settings] = MappingProxyType(
    {"lora": Settings(), "lora_mp": Settings(precision="mixed")}
)


def parse_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """Settings from texts NAME=VALUE, typed as the dataclass has them.

    A tuple takes one value of each assignment to its name.

    Raises:
        ValueError: no setting of that name, or a value of another type; one sentence.
    """
    types = get_type_hints(Settings)
    found: dict[str, Any] = {}
    for assignment in assignments:
        name, _, text = assignment.partition("=")
        name = name.replace("-", "_")
        if name not in types:
            raise ValueError(f"no setting is called {name!r}: there are {', '.join(types)}.")
        try:
            if types[name] == tuple[str, ...]:
                found[name] = (*found.get(name, ()), text)
            else:
                found[name] = _parse(types[name], text)
        except (KeyError, ValueError):
            raise ValueError(f"{name} is {_KINDS[types[name]]}, not {text!r}.") from None
    return found


_KINDS = {bool: "true or false", int: "a whole number", float: "a number"}


def _parse(hint: Any, text: str) -> Any:  # noqa: ANN401 (a field's type)
    if hint is bool:
        return {"true": True, "false": False}[text.lower()]
    return hint(text) if hint in (int, float) else text
