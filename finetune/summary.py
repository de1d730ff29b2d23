"""The summary of a finished training, for people."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from encoder.variant import Variant
from eval.measures import DECIDING
from vitrine.command import messages


def print_summary(variant: Variant) -> None:
    """Print what was chosen, measured and recommended, on stdout; the next step on stderr."""
    figures = variant.manifest.notes["figures"]
    console = Console()
    if figures.get("choice"):
        console.print(_candidates(figures["choice"]))
    if figures["heldout"]:
        table = Table("", "nDCG@10", "base", variant.name, box=None, header_style="bold")
        for direction, both in figures["heldout"]["ways"].items():
            base, tuned = (both[name]["nDCG@10"]["value"] for name in ("base", "tuned"))
            table.add_row(direction, f"{tuned - base:+z.3f}", f"{base:.3f}", f"{tuned:.3f}")
        console.print(table)
    console.print(
        f"{variant.name}: epoch {figures['best_epoch']} of {figures['epochs']} kept, adapter "
        f"weight {variant.manifest.adapter_weight:g}, {figures['samples_per_second']:,.0f} "
        f"products/s. {variant.folder / 'README.md'}",
        highlight=False,
        soft_wrap=True,
    )
    if "recommended" in figures:  # not in those of earlier releases
        for sentence in _verdict(variant.name, figures):
            console.print(sentence, highlight=False, soft_wrap=True)
    if figures.get("recommended") is not False:
        messages.print(f"Next: vitrine ingest vectors --variant {variant.name}", markup=False)


def _candidates(choice: dict[str, Any]) -> Table:
    """The trials, with the validation nDCG@10 of each."""
    table = Table("candidate", "learning rate", f"validation {DECIDING}", "", box=None)
    for each in choice["candidates"]:
        score = "" if each["trial"] is None else f"{each['trial']:.3f}"
        remark = "chosen" if each["name"] == choice["chosen"] else ""
        rate = f"{each['settings'].get('rate', '')}"
        table.add_row(each["name"], rate, score, "diverged" if each["diverged"] else remark)
    table.add_row("base", "", f"{choice['base'][DECIDING]:.3f}")
    return table


def _verdict(name: str, figures: dict[str, Any]) -> Iterator[str]:
    """Whether the variant is recommended, and what it has forgotten, in sentences."""
    heldout = figures["heldout"]
    if not heldout:
        yield f"No test products were held out, so no gain of {name} is measured."
        return
    measured = f"{_change(heldout['gain'])} on {heldout['queries']:,} held-out products"
    if figures["recommended"]:
        yield f"{name} is recommended: {measured}."
    else:
        yield f"No gain is proven: {measured}. {name} is not recommended; search with its base."
    if found := heldout.get("pairs"):
        yield f"On {found['n']:,} held-out queries of people: {_change(found)}."
    for category, gap in heldout["by_category"].items():
        if gap["high"] < 0:
            yield f"Worse than its base in {category}: {_change(gap)} on {gap['n']:,} products."
    if forgotten := heldout["forgotten"]:
        remedy = (
            "; a larger mix forgets less, such as --set mix=0.5" if forgotten["high"] < 0 else ""
        )
        yield (
            f"On products of other categories: {_change(forgotten)} on {forgotten['n']:,} "
            f"products{remedy}."
        )


def _change(gap: dict[str, Any]) -> str:
    return (
        f"{gap['value']:+z.3f} {gap['measure']} (95 % interval {gap['low']:+z.3f} to "
        f"{gap['high']:+z.3f})"
    )
