"""The rows of the adaptation experiment: what is trained, and what may be chosen among.

A row with one candidate is a fixed recipe. Of several, the one that does best on the validation
part of a fold is taken for that fold; the test part plays no role in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from finetune.settings import RECIPES, Settings

# Every layer that multiplies, and the table of words. A shop's own words are split into pieces that
# the base has hardly met; without the table, the same adapters found a third as much on validation.
EVERYTHING = (
    *("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"),
    *("visual_projection", "text_projection", "token_embedding"),
)
TITLES = ("title",)
TITLES_AND_TEXTS = ("title", "{description}", "title_description")

# Tried of what was trained, which costs one judgement each.
STRENGTHS = (0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: of its files.
        title: as the table has it.
        candidates: settings to choose among by validation; none is the base as it is.
        strengths: to choose among.
    """

    name: str
    title: str
    candidates: Sequence[Settings] = ()
    strengths: Sequence[float] = (1.0,)


_DOCUMENTED = RECIPES["lora"]

# Small batches, so that a small shop has steps enough: with 128, vectors of all products fell
# together within the first epoch and stayed so. No dropout: in so few steps it only slows.
_SHORT = replace(
    _DOCUMENTED,
    batch=32,
    schedule="cosine",
    warm_up=0.05,
    epochs=8,
    views=TITLES,
)
_WIDE = replace(_SHORT, rank=16, alpha=32, dropout=0.0, targets=EVERYTHING, learning_rate=5e-4)
_ALL = replace(_SHORT, method="full", weight_decay=0.05, learning_rate=3e-4, epochs=10)

BEST = (_WIDE, replace(_WIDE, views=TITLES_AND_TEXTS))
FULL = (_ALL, replace(_ALL, views=TITLES_AND_TEXTS))

# The reference's run without a temperature had this rate and so many epochs, not the documented
# ones. Here it may stop early, as every row may.
REFERENCE = replace(_DOCUMENTED, objective="reference", learning_rate=2e-4, epochs=20)

ZEROSHOT = "zeroshot"
ROWS: Mapping[str, Row] = MappingProxyType(
    {
        row.name: row
        for row in (
            Row(ZEROSHOT, "zero-shot"),
            Row("lora_best", "LoRA, best settings found", BEST, STRENGTHS),
            Row("full", "full fine-tuning", FULL, STRENGTHS),
            Row("lora", "LoRA, documented recipe", (RECIPES["lora"],)),
            Row("reference", "LoRA, the reference's loss, no temperature", (REFERENCE,)),
            Row("lora_mp", "LoRA + mixed precision, documented recipe", (RECIPES["lora_mp"],)),
        )
    }
)
