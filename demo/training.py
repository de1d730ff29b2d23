"""Train the demo's CLIP from nothing: pictures and texts of drawn products, on two CPU cores.

The loss is CLIP's symmetric one over three pairs, with a learned temperature: picture and
caption, picture and product text, fused vector and caption. A batch holds several pictures of
which one caption is true ("red lipstick"), so the target of a row is spread over all of them.
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

from demo import training_data
from demo.model import SIDE, make_model, make_tokenizer, pixels, save_checkpoint
from demo.style import ATTRIBUTES, Style, kinds
from demo.training_data import DrawnSet, load_drawn_set, write_caption, write_description
from demo.wording import Wording

SEED = 5
CORPUS = 6000  # texts of each sort that the tokenizer learns from
# Cosines divided by less than 1/100 make CLIP's training unsteady (Radford et al. 2021, 2.5).
LARGEST_SCALE = math.log(100)
WEIGHT_DECAY = 0.05
WARM_UP = 0.05  # share of the steps


CARD = """\
# The CLIP of Vitrine's demo shop

Made by `python -m demo train` from nothing: {pictures:,} drawn pictures, {steps} steps of {batch},
learning rate {rate:g}, last loss {loss:.3f}. Pictures and texts: `demo/training_data.py`;
no product and no query of the demo shop is among them. It knows drawings of sixteen kinds of
product and some three hundred words, and is of no use for photographs.
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how hard to train. The defaults are those of the checkpoint kept here."""

    per_kind: int = 600  # pictures of each kind
    steps: int = 600
    batch: int = 256
    rate: float = 1.5e-3  # the highest learning rate; it rises, then falls along a cosine


def train(
    folder: Path,
    cache: Path,
    plan: Plan = Plan(),
    *,
    report: Callable[[int, float], None] = lambda step, loss: None,
) -> float:
    """Train and write the checkpoint.

    Args:
        folder: where the checkpoint goes; made where absent.
        cache: where drawn pictures are kept between runs.
        plan: how long and how hard.
        report: called with each step, from 1, and its loss.

    Returns:
        The loss of the last step.
    """
    drawn = load_drawn_set(cache, per_kind=plan.per_kind, side=SIDE)
    torch.manual_seed(SEED)
    tokenizer = make_tokenizer(training_data.corpus(CORPUS))
    model = make_model(tokenizer)
    # Written-out attention: in bfloat16 on a CPU its backward pass is twice as fast as the fused.
    model.set_attn_implementation("eager")
    loss = fit(model, tokenizer, drawn, plan, report)
    save_checkpoint(model, tokenizer, folder)
    (folder / "README.md").write_text(card(plan, loss), encoding="utf-8")
    return loss


def card(plan: Plan, loss: float) -> str:
    """The model card of a checkpoint made by this plan."""
    return CARD.format(
        pictures=len(kinds()) * plan.per_kind,
        steps=plan.steps,
        batch=plan.batch,
        rate=plan.rate,
        loss=loss,
    )


def fit(
    model: CLIPModel,
    tokenizer: CLIPTokenizer,
    drawn: DrawnSet,
    plan: Plan,
    report: Callable[[int, float], None],
) -> float:
    """Train a model in place; returns the loss of the last step."""
    optimiser = torch.optim.AdamW(_groups(model), lr=plan.rate, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, plan.steps))
    rng, order = Random(f"{SEED} texts"), np.random.default_rng(SEED)
    model.train()
    value = math.nan
    for step in range(1, plan.steps + 1):
        rows = np.sort(order.choice(len(drawn), size=min(plan.batch, len(drawn)), replace=False))
        styles = [drawn.styles[row] for row in rows]
        pictures = torch.from_numpy(drawn.pictures[rows])
        loss = _loss(model, tokenizer, styles, pictures, rng)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            model.logit_scale.clamp_(max=LARGEST_SCALE)
        value = loss.item()
        report(step, value)
    model.eval()
    return value


def true_of(styles: Sequence[Style], wordings: Sequence[Wording]) -> torch.Tensor:
    """Which text is true of which style.

    Row i was written for style i. A text is true of every style that shares the kind and the
    attributes that the text names.

    Returns:
        Booleans (n, n): [i, j] says whether text j is true of style i.
    """
    fields = ("kind", *ATTRIBUTES)
    codes = {value: number for number, value in enumerate(sorted(_values(styles)))}
    values = torch.tensor([[codes[getattr(style, name)] for name in fields] for style in styles])
    named = torch.tensor([[name == "kind" or name in w.names for name in fields] for w in wordings])
    same = values[:, None, :] == values[None, :, :]
    return (same | ~named[None, :, :]).all(dim=2)


def _loss(
    model: CLIPModel,
    tokenizer: CLIPTokenizer,
    styles: Sequence[Style],
    pictures: torch.Tensor,
    rng: Random,
) -> torch.Tensor:
    captions = [write_caption(style, rng) for style in styles]
    products = [write_description(style, rng) for style in styles]
    with torch.autocast("cpu", torch.bfloat16):
        image = model.get_image_features(pixel_values=pixels(pictures)).pooler_output
        caption = _text(model, tokenizer, captions)
        product = _text(model, tokenizer, products)
    image, caption, product = (F.normalize(x.float(), dim=-1) for x in (image, caption, product))
    fused = F.normalize(image + product, dim=-1)
    scale = model.logit_scale.exp()
    says, tells = true_of(styles, captions), true_of(styles, products)
    return (
        symmetric(scale * image @ caption.T, says)
        + symmetric(scale * image @ product.T, tells)
        + symmetric(scale * fused @ caption.T, says)
    ) / 3


def symmetric(logits: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Cross-entropy along rows and along columns, its target spread evenly over what is true.

    Args:
        logits: (n, n) scaled cosines.
        true: booleans (n, n), the diagonal true.
    """
    weight = true.float()
    rows = -(F.log_softmax(logits, dim=1) * weight).sum(1) / weight.sum(1)
    columns = -(F.log_softmax(logits, dim=0) * weight).sum(0) / weight.sum(0)
    return (rows.mean() + columns.mean()) / 2


def _text(model: CLIPModel, tokenizer: CLIPTokenizer, wordings: Sequence[Wording]) -> torch.Tensor:
    tokens = tokenizer(
        [each.text for each in wordings], padding=True, truncation=True, return_tensors="pt"
    )
    return model.get_text_features(**tokens).pooler_output


def _groups(model: CLIPModel) -> list[dict[str, object]]:
    """Weight matrices decay; gains, biases, positions and the temperature do not."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    return [
        {"params": matrices, "weight_decay": WEIGHT_DECAY},
        {"params": others, "weight_decay": 0.0},
    ]


def _rate(step: int, steps: int) -> float:
    warm = max(1, int(WARM_UP * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def _values(styles: Sequence[Style]) -> set[str]:
    return {getattr(style, name) for style in styles for name in ("kind", *ATTRIBUTES)}
