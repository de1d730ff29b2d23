"""`vitrine finetune`: train a variant, write one as a plain checkpoint."""

import math
import os
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from encoder.checkpoint import DEFAULT_BASE
from encoder.errors import VariantMissing
from encoder.variants import Variants
from finetune.candidates import COMMON, Search, common_settings
from finetune.settings import RECIPES, Precision, Settings, parse_assignments
from finetune.summary import print_summary
from vitrine import DEFAULT_VARIANT, home
from vitrine.command import CommandLine, Json, messages, print_json

AUTO = "auto"
PAIR_SHARE = 0.5  # of the texts: titles and descriptions name products that nobody has searched for
# The name that a recipe's variant has where none is given. The reference system's recipes are kept
# for comparison, under the names that its variants have.
VARIANTS = {AUTO: "tuned", "reference": "lora", "reference-mp": "lora_mp"}
CHOSEN = {
    *("targets", "learning_rate", "batch", "epochs", "patience"),
    *("adapter_weight", "validation", "test"),
}


class _TrainByDefault(TyperGroup):
    """Reads `vitrine finetune --minutes 60` as `vitrine finetune train --minutes 60`."""

    def parse_args(self, ctx, args):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
        if not args or args[0] not in {"--help", *self.commands}:
            args = ["train", *args]
        return super().parse_args(ctx, args)


app = CommandLine(
    cls=_TrainByDefault,
    help="Train a dual encoder on the shop's own products. VITRINE_HOME names the shop's folder.",
)


def _default(name: str) -> str:
    if name in CHOSEN:
        return "[default: chosen]"
    value = getattr(COMMON, name)
    return f"[default: {', '.join(value) if isinstance(value, tuple) else value}]"


def _others(*flags: str) -> str:
    """The settings that have no flag of their own, with their defaults."""
    names = [name for name in vars(COMMON) if name not in flags]
    return ", ".join(f"{name} {_default(name)}" for name in names)


@app.command()
def train(
    variant: Annotated[
        str | None, typer.Option(help="Its name. [default: tuned; lora or lora_mp by the recipe]")
    ] = None,
    recipe: Annotated[
        Literal["auto", "reference", "reference-mp"] | None,
        typer.Option(
            help="auto: chosen for this shop among several. reference: the reference system's, for "
            "comparison, in float32 or in mixed precision (mp). [default: auto; of the variants "
            "lora and lora_mp, the reference's]",
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0, help="Plan at most so many, by a measured estimate. [default: no limit]"
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            help="Folder of a checkpoint, or its id on the hub. "
            f"[default: that of the variant {DEFAULT_VARIANT}, else {DEFAULT_BASE}]"
        ),
    ] = None,
    revision: Annotated[
        str | None, typer.Option(help="Branch, tag or commit on the hub. [default: main]")
    ] = None,
    precision: Annotated[
        Precision | None,
        typer.Option(
            help="mixed: bfloat16, where the device has instructions for it. "
            f"{_default('precision')}"
        ),
    ] = None,
    rank: Annotated[int | None, typer.Option(help=_default("rank"))] = None,
    alpha: Annotated[
        float | None,
        typer.Option(help=f"The adapter's change × alpha / rank. {_default('alpha')}"),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(help=f"Layer with an adapter; repeatable. {_default('targets')}"),
    ] = None,
    batch: Annotated[int | None, typer.Option(help=_default("batch"))] = None,
    learning_rate: Annotated[float | None, typer.Option(help=_default("learning_rate"))] = None,
    rate: Annotated[float | None, typer.Option(hidden=True)] = None,
    epochs: Annotated[int | None, typer.Option(help=_default("epochs"))] = None,
    template: Annotated[
        str | None, typer.Option(help=f"The variant's product text. {_default('template')}")
    ] = None,
    adapter_weight: Annotated[
        float | None,
        typer.Option(help=f"0: the base; 1: as trained. {_default('adapter_weight')}"),
    ] = None,
    strength: Annotated[float | None, typer.Option(hidden=True)] = None,
    category: Annotated[
        list[str] | None,
        typer.Option(
            help="Train on the products of this category only; repeatable. What is forgotten on "
            "the others is measured, and limited by mixing some of them in. [default: all]"
        ),
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(
            help="Train on queries of people, too: JSON Lines of query and product, as `vitrine "
            f"eval from-events --pairs` writes. {PAIR_SHARE:g} of the texts of a product that has "
            "queries are such; --set pair_share=1 trains on queries alone."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help=_default("seed"))] = None,
    sample: Annotated[
        int | None, typer.Option(help=f"At most so many products; 0: all. {_default('sample')}")
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Any other setting; repeatable: "
            + _others(
                "precision",
                "rank",
                "alpha",
                "targets",
                "batch",
                "learning_rate",
                "epochs",
                "template",
                "adapter_weight",
                "categories",
                "seed",
                "sample",
            ),
        ),
    ] = None,
    cpu: Annotated[bool, typer.Option("--cpu", help="Do not use a GPU.")] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Decoding threads. [default: cores − 1]")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace another variant of that name.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Discard the checkpoints of a stopped run.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train a variant on the catalogue. A stopped run resumes when it is started again.

    Candidates are trained and compared on validation products; the best one is evaluated on
    held-out products. A setting that is given is the same for all candidates.

    vitrine finetune

    vitrine finetune --minutes 60 --variant tuned_titles --set views=title

    vitrine finetune --pairs pairs.jsonl --variant clicked

    vitrine finetune --recipe reference

    torchrun --nproc-per-node 4 -m finetune train
    """
    flags = {
        "precision": precision, "rank": rank, "alpha": alpha, "batch": batch,
        "targets": tuple(target) if target else None,
        "categories": tuple(category) if category else None,
        "learning_rate": rate if learning_rate is None else learning_rate,
        "epochs": epochs, "template": template, "seed": seed, "sample": sample,
        "adapter_weight": strength if adapter_weight is None else adapter_weight,
    }  # fmt: skip
    try:
        chosen = parse_assignments(assignments or ())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--set") from error
    chosen |= {name: value for name, value in flags.items() if value is not None}
    if pairs:
        chosen.setdefault("pair_share", PAIR_SHARE)
    elif chosen.get("pair_share"):
        raise typer.BadParameter("pair_share belongs to --pairs FILE.", param_hint="--set")
    name, settings = _named(variant, recipe, chosen, minutes)
    if base is None:
        base, usual_revision = _usual_base()
        revision = revision or usual_revision
    # Imported after the settings are checked: torch takes seconds to load.
    from finetune import job
    from finetune.progress import no_progress, progress_bar

    # One of torchrun's processes reports for all.
    first = os.environ.get("RANK", "0") == "0"
    with progress_bar(name) if first else nullcontext(no_progress) as report:
        result = job.train(
            home(),
            name,
            settings,
            base=base,
            revision=revision,
            cpu=cpu,
            workers=workers,
            force=force,
            restart=restart,
            pairs=pairs,
            report=report,
        )
    if result is None:
        return
    made = result.variant
    if result.trained is None:
        messages.print(
            f"{made.name} was trained with these settings on these products already; "
            "--force trains it again.",
            markup=False,
        )
    if as_json:
        print_json(
            {
                "variant": made.name,
                "fingerprint": made.fingerprint,
                "folder": str(made.folder),
                **made.manifest.notes["figures"],
            }
        )
    else:
        print_summary(made)


@app.command()
def merge(
    variant: Annotated[str, typer.Argument(help="A variant's name.")],
    folder: Annotated[Path, typer.Argument(help="A new folder for the checkpoint.")],
    adapter_weight: Annotated[
        float | None, typer.Option(help="0: the base; 1: as trained. [default: the variant's]")
    ] = None,
    strength: Annotated[float | None, typer.Option(hidden=True)] = None,
) -> None:
    """Write a variant as a plain checkpoint, its adapter merged into the weights.

    vitrine finetune merge lora ../models/clip-shop
    """
    found = Variants(home()).get(variant)
    from finetune.checkpoint import merge_variant

    weight = strength if adapter_weight is None else adapter_weight
    print(merge_variant(found, folder, adapter_weight=weight))


def _named(
    variant: str | None, recipe: str | None, chosen: dict[str, Any], minutes: float | None
) -> tuple[str, Settings | Search]:
    """The variant's name, and its settings or how they are chosen.

    Raises:
        FinetuneError: a setting cannot be used.
    """
    if recipe is None:
        recipe = next((key for key, name in VARIANTS.items() if name == variant), AUTO)
    name = variant or VARIANTS[recipe]
    if minutes is not None and not math.isfinite(minutes):
        raise typer.BadParameter("give a number, or leave it out", param_hint="--minutes")
    if recipe == AUTO:
        common_settings(chosen)  # raises for a setting that cannot be used
        return name, Search(chosen, minutes)
    if minutes is not None:
        raise typer.BadParameter(
            f"the recipe {recipe} has a fixed length: leave it out, or give --epochs",
            param_hint="--minutes",
        )
    return name, replace(RECIPES[VARIANTS[recipe]], **chosen)


def _usual_base() -> tuple[str, str | None]:
    """The base of the shop's usual variant, with its commit on the hub; else the default base."""
    try:
        manifest = Variants(home()).get(DEFAULT_VARIANT).manifest
    except VariantMissing:
        return DEFAULT_BASE, None
    return manifest.base, None if Path(manifest.base).is_absolute() else manifest.revision


if __name__ == "__main__":
    app(prog_name="python -m finetune")
