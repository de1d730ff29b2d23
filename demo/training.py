"""Trains the demo's CLIP from random weights: pictures and texts of drawn products, on a CPU.

The loss is the contrastive one over three pairs: picture and caption, picture and product text,
fused vector and caption. A caption may be true of several pictures of a batch ("red lipstick"):
all of them are its positives.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own habit)
from transformers import CLIPModel, CLIPTokenizer

from demo.model import PROCESSOR, SIDE, make_model, make_tokenizer, save_checkpoint
from demo.style import ATTRIBUTES, Style, kinds
from demo.training_data import (
    DrawnSet,
    load_drawn_set,
    write_caption,
    write_corpus,
    write_description,
)
from demo.wording import Wording
from encoder.model import normalize_pixels
from finetune.loss import clamp_scale, contrastive_loss
from finetune.model import parameter_groups
from finetune.precision import autocast, choose_attention, precision_of
from finetune.settings import Settings

CPU = torch.device("cpu")
SEED = 5
CORPUS = 6000  # captions and as many product texts that the tokenizer is trained on

CARD = """\
# The CLIP of Vitrine's demo shop

Made by `python -m demo train` from random weights: {pictures:,} drawn pictures, {steps} steps of
{batch}, learning rate {learning_rate:g}, last loss {loss:.3f}. Pictures and texts:
`demo/training_data.py`; no product and no query of the demo shop is among them. It was trained on
drawings of sixteen kinds of product and some three hundred words, and is of no use for photographs.
"""

SETTINGS = Settings(
    precision="mixed",
    batch=256,
    learning_rate=1.5e-3,
    schedule="cosine",
    warm_up=0.05,
    weight_decay=0.05,
)


@dataclass(frozen=True)
class Plan:
    """The amount of training. The defaults are those of the checkpoint in the repository."""

    per_kind: int = 600  # pictures of each kind
    steps: int = 600
    settings: Settings = SETTINGS


def train(
    folder: Path,
    cache: Path,
    plan: Plan = Plan(),
    *,
    report: Callable[[int, float], None] = lambda step, loss: None,
) -> float:
    """Train and write the checkpoint.

    Args:
        folder: of the checkpoint; made where absent.
        cache: where drawn pictures are kept between runs.
        plan: the amount of training.
        report: called with each step, from 1, and its loss.

    Returns:
        The loss of the last step.
    """
    drawn = load_drawn_set(cache, per_kind=plan.per_kind, side=SIDE)
    torch.manual_seed(SEED)
    tokenizer = make_tokenizer(write_corpus(CORPUS))
    model = make_model(tokenizer)
    loss = fit(model, tokenizer, drawn, plan, report)
    save_checkpoint(model, tokenizer, folder)
    card = CARD.format(
        pictures=len(kinds()) * plan.per_kind,
        steps=plan.steps,
        batch=plan.settings.batch,
        learning_rate=plan.settings.learning_rate,
        loss=loss,
    )
    (folder / "README.md").write_text(card, encoding="utf-8")
    return loss


def fit(
    model: CLIPModel,
    tokenizer: CLIPTokenizer,
    drawn: DrawnSet,
    plan: Plan,
    report: Callable[[int, float], None],
) -> float:
    """Train a model in place; returns the loss of the last step."""
    settings = plan.settings
    dtype = precision_of(settings, CPU)
    choose_attention(model, CPU, dtype)
    optimiser = torch.optim.AdamW(
        parameter_groups(model.parameters(), settings.weight_decay), betas=(0.9, 0.98)
    )
    rng, order = Random(f"{SEED} texts"), np.random.default_rng(SEED)
    batch = min(settings.batch, len(drawn))
    model.train()
    value = math.nan
    for step in range(plan.steps):
        rows = np.sort(order.choice(len(drawn), size=batch, replace=False))
        styles = [drawn.styles[row] for row in rows]
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate_at(step, plan.steps)
        loss = _loss(model, tokenizer, styles, torch.from_numpy(drawn.pictures[rows]), rng, dtype)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        clamp_scale(model.logit_scale)
        value = loss.item()
        report(step + 1, value)
    model.eval()
    return value


def positives_of(styles: Sequence[Style], texts: Sequence[Wording]) -> torch.Tensor:
    """Which text is true of which style.

    A text is true of every style that shares the kind and the attributes that the text names.

    Args:
        styles: n styles.
        texts: n texts, text i written for style i.

    Returns:
        bool (n, n): [i, j] says that text j is true of style i.
    """
    fields = ("kind", *ATTRIBUTES)
    values = np.array([[getattr(style, name) for name in fields] for style in styles])
    named = np.array([[name == "kind" or name in text.names for name in fields] for text in texts])
    same = values[:, None, :] == values[None, :, :]
    return torch.from_numpy((same | ~named[None, :, :]).all(axis=2))


def _loss(
    model: CLIPModel,
    tokenizer: CLIPTokenizer,
    styles: Sequence[Style],
    pictures: torch.Tensor,
    rng: Random,
    dtype: torch.dtype,
) -> torch.Tensor:
    captions = [write_caption(style, rng) for style in styles]
    descriptions = [write_description(style, rng) for style in styles]
    pixels = normalize_pixels(pictures, PROCESSOR)
    with autocast(CPU, dtype):
        features = (
            model.get_image_features(pixel_values=pixels).pooler_output,
            _text_features(model, tokenizer, captions),
            _text_features(model, tokenizer, descriptions),
        )
    image, caption, description = (F.normalize(each.float(), dim=-1) for each in features)
    fused = F.normalize(image + description, dim=-1)
    scale = model.logit_scale.exp()
    by_caption, by_description = (positives_of(styles, each) for each in (captions, descriptions))
    return (
        contrastive_loss(image, caption, scale, by_caption)
        + contrastive_loss(image, description, scale, by_description)
        + contrastive_loss(fused, caption, scale, by_caption)
    ) / 3


def _text_features(
    model: CLIPModel, tokenizer: CLIPTokenizer, texts: Sequence[Wording]
) -> torch.Tensor:
    tokens = tokenizer(
        [each.text for each in texts], padding=True, truncation=True, return_tensors="pt"
    )
    return model.get_text_features(**tokens).pooler_output
