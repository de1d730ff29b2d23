"""The rows of the adaptation experiment: what is trained, and what may be chosen among.

A row with one candidate is a fixed recipe. Of several, the one that does best on the validation
part of a fold is taken for that fold; the test part plays no role in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from finetune.settings import RECIPES, Settings

ALL_LINEAR = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
TITLES = ("title",)
TITLES_AND_TEXTS = ("title", "{description}", "title_description")

# Tried of each trained adapter, which costs one judgement each.
STRENGTHS = (0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: of its files.
        title: as the table has it.
        candidates: settings to choose among by validation; none is the base as it is.
        strengths: to choose among, for adapters.
    """

    name: str
    title: str
    candidates: Sequence[Settings] = ()
    strengths: Sequence[float] = (1.0,)


_DOCUMENTED = RECIPES["lora"]

# Long and patient, with a rate that falls: what the documented recipe's ten epochs at 2e-5 cannot
# do to adapters that begin at nothing.
_LONG = replace(
    _DOCUMENTED, precision="mixed", schedule="cosine", warm_up=0.1, epochs=40, patience=6
)
_FULL = replace(_LONG, method="full", epochs=30, weight_decay=0.05, views=TITLES_AND_TEXTS)

BEST = (
    replace(_LONG, rate=5e-4, views=TITLES),
    replace(_LONG, rate=5e-4, views=TITLES_AND_TEXTS),
    replace(_LONG, rate=2e-3, views=TITLES_AND_TEXTS),
    replace(_LONG, rate=5e-4, rank=32, alpha=64, targets=ALL_LINEAR, views=TITLES),
    replace(_LONG, rate=5e-4, rank=32, alpha=64, targets=ALL_LINEAR, views=TITLES_AND_TEXTS),
    replace(
        _LONG, rate=1e-3, rank=32, alpha=64, targets=ALL_LINEAR, batch=256, views=TITLES_AND_TEXTS
    ),
)
FULL = tuple(replace(_FULL, rate=rate) for rate in (1e-4, 3e-4, 1e-3))

ZEROSHOT = "zeroshot"
ROWS: Mapping[str, Row] = MappingProxyType(
    {
        row.name: row
        for row in (
            Row(ZEROSHOT, "zero-shot"),
            Row("lora", "LoRA, documented recipe", (RECIPES["lora"],)),
            Row("lora_mp", "LoRA + mixed precision, documented recipe", (RECIPES["lora_mp"],)),
            Row("lora_best", "LoRA, best settings found", BEST, STRENGTHS),
            Row("full", "full fine-tuning, best rate found", FULL),
            Row(
                "reference",
                "LoRA, the reference's loss without temperature",
                (replace(_DOCUMENTED, objective="reference", rate=2e-4),),
            ),
        )
    }
)
