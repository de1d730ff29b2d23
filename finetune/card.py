"""The model card of a trained variant: what a person wants to know before using it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from encoder.variant import Manifest
from eval.comparison import Estimate, format_p
from eval.measures import DECIDING
from finetune.curves import FILE as CURVES
from finetune.evaluation import BASE, SHOWN, TUNED, Evaluation
from finetune.settings import Settings
from finetune.snapshot import State
from finetune.split import FILE as SPLIT

FILE = "README.md"

LIMITS = (
    "It knows the products of one shop; on others it may do worse than its base, which can be "
    "measured with `vitrine eval run`. Its scores compare with those of no other variant. "
    "The pictures and texts it learnt from belong to the shop, and so may what it learnt."
)


@dataclass(frozen=True)
class Facts:
    """What a card tells of.

    Attributes:
        manifest: of the variant.
        base: hub id or folder of the checkpoint that training began from.
        settings: how it was trained.
        state: how training went.
        parts: products of each part of the split.
        left_out: products that were not used, by reason.
        heldout: the last look; None where no test products were held out.
        device: what it was trained on.
        versions: of what it was trained with.
    """

    manifest: Manifest
    base: str
    settings: Settings
    state: State
    parts: Mapping[str, int]
    left_out: Mapping[str, int]
    heldout: Evaluation | None
    device: str
    versions: Mapping[str, str]


def write_card(facts: Facts) -> str:
    """Make the card's text."""
    return (
        "\n\n".join(
            part
            for part in (
                _head(facts),
                _introduction(facts),
                "## On products it never saw",
                _heldout(facts),
                "## How it was trained",
                _data(facts),
                f"![Loss and validation over the steps]({CURVES})",
                _run(facts),
                _settings(facts.settings),
                "## To use it",
                _use(facts),
                "## What to keep in mind",
                LIMITS,
            )
            if part
        )
        + "\n"
    )


def _head(facts: Facts) -> str:
    """What model libraries read."""
    library = "peft" if facts.settings.method == "lora" else "transformers"
    return (
        f"---\nlibrary_name: {library}\nbase_model: {_plain(facts.base)}\n"
        "pipeline_tag: zero-shot-image-classification\ntags: [clip, product-search"
        f"{', lora' if library == 'peft' else ''}]\n---\n\n# {facts.manifest.name}"
    )


def _introduction(facts: Facts) -> str:
    settings, manifest = facts.settings, facts.manifest
    if settings.method == "lora":
        what = (
            f"a LoRA adapter of rank {settings.rank} on {', '.join(settings.targets)}, "
            f"at strength {settings.adapter_weight:g}"
        )
    else:
        what = f"all of its weights trained, at strength {settings.adapter_weight:g}"
    warning = (
        " **It was trained with the reference system's loss, which has no temperature: it is kept "
        "for comparison, not for use.**"
        if settings.objective == "reference"
        else ""
    )
    return (
        f"`{facts.base}` with {what}, trained on {facts.parts['train']:,} products of one shop so "
        f"that titles find their pictures and pictures their texts.{warning}\n\n"
        f"Fingerprint `{manifest.fingerprint}`, made {manifest.created}."
    )


def _heldout(facts: Facts) -> str:
    held = facts.heldout
    if held is None:
        return "No test products were held out of this training, so nothing can be said here."
    lines = [
        f"{held.queries:,} products, held out with all that share their title, picture or parent, "
        f"asked each way among all {held.gallery:,}. In brackets: 95 % intervals over queries.",
        "",
        "| | | base | this variant | change |",
        "|---|---|---|---|---|",
    ]
    for way, both in held.estimates.items():
        for measure in SHOWN:
            base, tuned = both[BASE][measure], both[TUNED][measure]
            change = f"{tuned.value - base.value:+z.3f}"
            first = way if measure == SHOWN[0] else ""
            lines.append(f"| {first} | {measure} | {_cell(base)} | {_cell(tuned)} | {change} |")
    verdicts = [f"- {way}: {_verdict(held, way)}" for way in held.estimates]
    return "\n".join([*lines, "", *verdicts])


def _verdict(held: Evaluation, way: str) -> str:
    gap = held.differences[way]
    if gap.winner:
        better = "better" if gap.value > 0 else "**worse**"
        return (
            f"{better} than the base by {abs(gap.value):.3f} {DECIDING} "
            f"(p {_p(gap.p_holm)}, randomisation test, Holm's correction)."
        )
    return f"no difference beyond noise ({gap.value:+z.3f} {DECIDING}, p {_p(gap.p_holm)})."


def _data(facts: Facts) -> str:
    parts = facts.parts
    out = "".join(f" Left out, {reason}: {count:,}." for reason, count in facts.left_out.items())
    return (
        f"{parts['train']:,} products to learn from, {parts['validation']:,} to choose the epoch "
        f"by, {parts['test']:,} for the table above; which is which stands in `{SPLIT}`.{out}"
    )


def _run(facts: Facts) -> str:
    state = facts.state
    versions = ", ".join(f"{name} {version}" for name, version in facts.versions.items())
    return (
        f"{len(state.epochs)} of at most {facts.settings.epochs} epochs, {state.step:,} steps in "
        f"{state.seconds / 60:.1f} minutes on {facts.device}. Kept: epoch {state.best_epoch}, with "
        f"a validation {DECIDING} of {state.best[DECIDING]:.3f} (the base: "
        f"{state.base[DECIDING]:.3f}). {versions}."
    )


def _settings(settings: Settings) -> str:
    rows = [
        f"| {name.replace('_', ' ')} | {_value(value)} |"
        for name, value in settings.facts().items()
    ]
    return "\n".join(["| setting | |", "|---|---|", *rows])


def _use(facts: Facts) -> str:
    name = facts.manifest.name
    return (
        "```sh\n"
        f"vitrine ingest vectors --variant {name}    # build its collection\n"
        f'vitrine search "red lipstick" --variant {name}\n'
        f"vitrine finetune merge {name} FOLDER       # a plain CLIP checkpoint\n"
        "```"
    )


def _cell(told: Estimate) -> str:
    return f"{told.value:.3f} ({told.low:.3f}–{told.high:.3f})"


def _p(p: float) -> str:
    told = format_p(p)
    return told if told.startswith("<") else f"= {told}"


def _value(value: Any) -> str:  # noqa: ANN401 (any JSON value)
    if isinstance(value, list):
        return ", ".join(f"`{each}`" for each in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _plain(text: str) -> str:
    """Text as YAML takes it for a string."""
    return "'" + text.replace("'", "''") + "'"
