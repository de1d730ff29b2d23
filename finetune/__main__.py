"""`vitrine finetune`: train a variant, merge one into a plain checkpoint."""

import dataclasses
import json
import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from encoder.checkpoint import DEFAULT_BASE
from encoder.variants import Variants
from finetune.settings import Method, Objective, Precision, Schedule, Settings, recipe
from vitrine import home
from vitrine.command import CommandLine, Json

if TYPE_CHECKING:
    from finetune.job import Result

USUAL = Settings()


class _TrainByDefault(TyperGroup):
    """Takes `vitrine finetune --variant lora` for `vitrine finetune train --variant lora`."""

    def parse_args(self, ctx, args):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
        if args and args[0] not in {"--help", *self.commands}:
            args = ["train", *args]
        return super().parse_args(ctx, args)


app = CommandLine(
    cls=_TrainByDefault,
    no_args_is_help=True,
    help="Train CLIP on the shop's own products. VITRINE_HOME names the shop's folder.",
)


def _usual(value: object) -> str:
    return f"(default: {value})"


@app.command()
def train(
    variant: Annotated[
        str, typer.Option(help="Its name; lora and lora_mp are recipes, others begin as lora.")
    ] = "lora",
    base: Annotated[
        str, typer.Option(help="Folder of a CLIP checkpoint, or its id on the hub.")
    ] = DEFAULT_BASE,
    revision: Annotated[
        str | None, typer.Option(help="Branch, tag or commit on the hub; main by default.")
    ] = None,
    method: Annotated[
        Method | None, typer.Option(help=f"Adapters, or all weights. {_usual(USUAL.method)}")
    ] = None,
    precision: Annotated[
        Precision | None, typer.Option(help="Of the towers; lora_mp is mixed, others float32.")
    ] = None,
    objective: Annotated[
        Objective | None,
        typer.Option(help="CLIP's loss; reference has no temperature, for comparison only."),
    ] = None,
    rank: Annotated[int | None, typer.Option(help=_usual(USUAL.rank))] = None,
    alpha: Annotated[
        float | None, typer.Option(help=f"Change × alpha / rank. {_usual(USUAL.alpha)}")
    ] = None,
    dropout: Annotated[float | None, typer.Option(help=_usual(USUAL.dropout))] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Layers with an adapter; repeatable. {_usual(', '.join(USUAL.targets))}"
        ),
    ] = None,
    batch: Annotated[int | None, typer.Option(help=_usual(USUAL.batch))] = None,
    micro_batch: Annotated[
        int | None, typer.Option(help="Products in memory at once; the loss stays the batch's.")
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(help=f"Highest learning rate. {_usual(USUAL.learning_rate)}"),
    ] = None,
    rate: Annotated[float | None, typer.Option(hidden=True)] = None,
    schedule: Annotated[Schedule | None, typer.Option(help=_usual(USUAL.schedule))] = None,
    warm_up: Annotated[
        float | None, typer.Option(help=f"Share of the steps. {_usual(USUAL.warm_up)}")
    ] = None,
    weight_decay: Annotated[float | None, typer.Option(help=_usual(USUAL.weight_decay))] = None,
    epochs: Annotated[int | None, typer.Option(help=_usual(USUAL.epochs))] = None,
    patience: Annotated[
        int | None,
        typer.Option(help=f"Epochs without gain before a stop; 0: none. {_usual(USUAL.patience)}"),
    ] = None,
    view: Annotated[
        list[str] | None,
        typer.Option(help=f"Templates of texts; repeatable. {_usual(', '.join(USUAL.views))}"),
    ] = None,
    crop: Annotated[
        float | None, typer.Option(help=f"Least share of the side kept. {_usual(USUAL.crop)}")
    ] = None,
    flip: Annotated[
        bool | None, typer.Option("--flip/--no-flip", help="Mirror every second picture.")
    ] = None,
    template: Annotated[
        str | None, typer.Option(help=f"Of the variant's product text. {_usual(USUAL.template)}")
    ] = None,
    adapter_weight: Annotated[
        float | None, typer.Option(help=f"0 is the base, 1 what was trained. {_usual(1)}")
    ] = None,
    strength: Annotated[float | None, typer.Option(hidden=True)] = None,
    seed: Annotated[int | None, typer.Option(help=_usual(USUAL.seed))] = None,
    sample: Annotated[
        int | None, typer.Option(help="At most so many products; 0: all. (default: 0)")
    ] = None,
    validation: Annotated[
        float | None, typer.Option(help=f"Share to judge by. {_usual(USUAL.validation)}")
    ] = None,
    test: Annotated[
        float | None, typer.Option(help=f"Share for the last look. {_usual(USUAL.test)}")
    ] = None,
    snapshot_every: Annotated[
        int | None,
        typer.Option(help=f"Steps between checkpoints. {_usual(USUAL.snapshot_every)}"),
    ] = None,
    cpu: Annotated[bool, typer.Option("--cpu", help="Leave a GPU alone.")] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads that decode; one less than cores if none.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace another variant of that name.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew where a run was stopped.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train a variant on the catalogue; run again after a stop, it goes on.

    vitrine finetune --variant lora

    vitrine finetune --variant lora_wide --rank 32 --target q_proj --target fc1 --learning-rate 1e-4

    torchrun --nproc-per-node 4 -m finetune train --variant lora_mp
    """
    given: dict[str, Any] = {
        "method": method, "precision": precision, "objective": objective, "rank": rank,
        "alpha": alpha, "dropout": dropout, "targets": tuple(target or ()) or None,
        "batch": batch, "micro_batch": micro_batch,
        "learning_rate": rate if learning_rate is None else learning_rate, "schedule": schedule,
        "warm_up": warm_up, "weight_decay": weight_decay, "epochs": epochs, "patience": patience,
        "views": tuple(view or ()) or None, "crop": crop, "flip": flip, "template": template,
        "adapter_weight": strength if adapter_weight is None else adapter_weight,
        "seed": seed, "sample": sample, "validation": validation,
        "test": test, "snapshot_every": snapshot_every,
    }  # fmt: skip
    chosen = {key: value for key, value in given.items() if value is not None}
    settings = dataclasses.replace(recipe(variant), **chosen)
    # torch takes seconds to load, and a mistyped flag is told at once.
    from finetune import job
    from finetune.progress import no_progress, progress_bar

    # One of torchrun's processes speaks for all.
    alone = os.environ.get("RANK", "0") == "0"
    with progress_bar(variant) if alone else nullcontext(no_progress) as report:
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
    if result:
        _print(result, as_json)


@app.command()
def merge(
    variant: Annotated[str, typer.Argument(help="A variant's name.")],
    folder: Annotated[Path, typer.Argument(help="A new folder for the checkpoint.")],
    adapter_weight: Annotated[
        float | None, typer.Option(help="Of the adapter; the variant's own if none.")
    ] = None,
    strength: Annotated[float | None, typer.Option(hidden=True)] = None,
) -> None:
    """Write a variant as a plain CLIP checkpoint, its adapter in its weights.

    vitrine finetune merge lora ../models/clip-shop
    """
    found = Variants(home()).get(variant)
    from finetune.merge import merge as write

    weight = strength if adapter_weight is None else adapter_weight
    print(write(found, folder, adapter_weight=weight))


def _print(result: "Result", as_json: bool) -> None:
    variant, state, evaluation = result.variant, result.trained.state, result.heldout
    if as_json:
        figures = variant.manifest.notes["figures"]
        print(
            json.dumps(
                {"variant": variant.name, "fingerprint": variant.fingerprint,
                 "folder": str(variant.folder), **figures}
            )
        )  # fmt: skip
        return
    console = Console()
    if evaluation:
        table = Table("", "nDCG@10", "base", variant.name, box=None, header_style="bold")
        for direction, both in evaluation.estimates.items():
            base, tuned = (both[name]["nDCG@10"].value for name in ("base", "tuned"))
            table.add_row(direction, f"{tuned - base:+z.3f}", f"{base:.3f}", f"{tuned:.3f}")
        console.print(table)
    console.print(
        f"{variant.name}: epoch {state.best_epoch} of {len(state.epochs)} kept, "
        f"{result.trained.samples_per_second:,.0f} products/s. {variant.folder / 'README.md'}",
        highlight=False,
        soft_wrap=True,
    )
    Console(stderr=True).print(
        f"Next: vitrine ingest vectors --variant {variant.name}", markup=False
    )


if __name__ == "__main__":
    app(prog_name="python -m finetune")
