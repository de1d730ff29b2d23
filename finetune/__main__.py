"""`vitrine finetune`: train a variant, write one as a plain checkpoint."""

import os
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from encoder.checkpoint import DEFAULT_BASE
from encoder.variants import Variants
from finetune.settings import Precision, Settings, parse_assignments, recipe
from vitrine import home
from vitrine.command import CommandLine, Json, messages, print_json

if TYPE_CHECKING:
    from encoder.variant import Variant

DEFAULTS = Settings()


class _TrainByDefault(TyperGroup):
    """Reads `vitrine finetune --variant lora` as `vitrine finetune train --variant lora`."""

    def parse_args(self, ctx, args):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
        if args and args[0] not in {"--help", *self.commands}:
            args = ["train", *args]
        return super().parse_args(ctx, args)


app = CommandLine(
    cls=_TrainByDefault,
    no_args_is_help=True,
    help="Train CLIP on the shop's own products. VITRINE_HOME names the shop's folder.",
)


def _default(name: str) -> str:
    value = getattr(DEFAULTS, name)
    return f"[default: {', '.join(value) if isinstance(value, tuple) else value}]"


def _others(*flags: str) -> str:
    """The settings that have no flag of their own, with their defaults."""
    names = [name for name in vars(DEFAULTS) if name not in flags]
    return ", ".join(f"{name} {_default(name)}" for name in names)


@app.command()
def train(
    variant: Annotated[
        str, typer.Option(help="Its name. Recipes: lora, lora_mp (mixed precision).")
    ] = "lora",
    base: Annotated[
        str, typer.Option(help="Folder of a CLIP checkpoint, or its id on the hub.")
    ] = DEFAULT_BASE,
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

    vitrine finetune --variant lora

    vitrine finetune --variant lora_wide --rank 32 --target q_proj --set schedule=cosine

    torchrun --nproc-per-node 4 -m finetune train --variant lora_mp
    """
    flags = {
        "precision": precision, "rank": rank, "alpha": alpha, "batch": batch,
        "targets": tuple(target) if target else None,
        "learning_rate": rate if learning_rate is None else learning_rate,
        "epochs": epochs, "template": template, "seed": seed, "sample": sample,
        "adapter_weight": strength if adapter_weight is None else adapter_weight,
    }  # fmt: skip
    try:
        chosen = parse_assignments(assignments or ())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--set") from error
    chosen |= {name: value for name, value in flags.items() if value is not None}
    settings = replace(recipe(variant), **chosen)
    # Imported after the settings are checked: torch takes seconds to load.
    from finetune import job
    from finetune.progress import no_progress, progress_bar

    # One of torchrun's processes reports for all.
    first = os.environ.get("RANK", "0") == "0"
    with progress_bar(variant) if first else nullcontext(no_progress) as report:
        result = job.train(
            home(),
            variant,
            settings,
            base=base,
            revision=revision,
            cpu=cpu,
            workers=workers,
            force=force,
            restart=restart,
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
        _print(made)


@app.command()
def merge(
    variant: Annotated[str, typer.Argument(help="A variant's name.")],
    folder: Annotated[Path, typer.Argument(help="A new folder for the checkpoint.")],
    adapter_weight: Annotated[
        float | None, typer.Option(help="0: the base; 1: as trained. [default: the variant's]")
    ] = None,
    strength: Annotated[float | None, typer.Option(hidden=True)] = None,
) -> None:
    """Write a variant as a plain CLIP checkpoint, its adapter merged into the weights.

    vitrine finetune merge lora ../models/clip-shop
    """
    found = Variants(home()).get(variant)
    from finetune.checkpoint import merge_variant

    weight = strength if adapter_weight is None else adapter_weight
    print(merge_variant(found, folder, adapter_weight=weight))


def _print(variant: "Variant") -> None:
    figures = variant.manifest.notes["figures"]
    console = Console()
    if figures["heldout"]:
        table = Table("", "nDCG@10", "base", variant.name, box=None, header_style="bold")
        for direction, both in figures["heldout"]["ways"].items():
            base, tuned = (both[name]["nDCG@10"]["value"] for name in ("base", "tuned"))
            table.add_row(direction, f"{tuned - base:+z.3f}", f"{base:.3f}", f"{tuned:.3f}")
        console.print(table)
    console.print(
        f"{variant.name}: epoch {figures['best_epoch']} of {figures['epochs']} kept, "
        f"{figures['samples_per_second']:,.0f} products/s. {variant.folder / 'README.md'}",
        highlight=False,
        soft_wrap=True,
    )
    messages.print(f"Next: vitrine ingest vectors --variant {variant.name}", markup=False)


if __name__ == "__main__":
    app(prog_name="python -m finetune")
