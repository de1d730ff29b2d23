"""Training: the whole loop beside the bare forward and backward pass, and the reference's way.

    python -m benchmarks finetune --checkpoint FOLDER --batch 32 --steps 4

All train the same adapter on the same products in turns within each round, so that whatever else
the machine does touches each of them alike. The bare pass has float tensors in memory; the loop
decodes pictures from a 224-pixel store, tokenises, steps the optimiser; the reference's way opens
the shop's own large pictures and shrinks them between two steps. Where there is a GPU, both
precisions are measured, with memory and the share of the device's peak.
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.checkpoints import vit_b_32
from benchmarks.rounds import Measured, Rounds, Way, plain, table
from encoder.checkpoint import Checkpoint
from finetune.settings import RECIPES

BARE, OURS, THEIRS = "bare forward and backward", "vitrine finetune", "the reference's way"

# Dense TFLOP/s by the data sheets: float32 without, bfloat16 with tensor cores.
PEAKS: dict[str, dict[str, float]] = {
    "H200": {"float32": 67, "bfloat16": 989},
    "H100": {"float32": 67, "bfloat16": 989},
    "A100": {"float32": 19.5, "bfloat16": 312},
}

# What the project is to be told: products × epochs, and what the reference needed for 20 epochs of
# its ViT-B/32.
PROJECTED = 20_000 * 10
REFERENCE_MINUTES = {"lora": 1266, "lora_mp": 308}


@dataclass(frozen=True)
class Contest:
    """One precision.

    Attributes:
        variant: whose recipe.
        precision: of the towers.
        device: what a person calls it.
        ways: how fast each was.
        memory: most bytes of the whole loop: the device's, or the process's on a CPU.
        flops: floating-point operations of a product, forward and backward.
    """

    variant: str
    precision: str
    device: str
    ways: dict[str, Measured]
    memory: int
    flops: float

    @property
    def peak(self) -> float | None:
        """Share of the device's peak that the whole loop reaches; None where none is known."""
        for name, peaks in PEAKS.items():
            if name in self.device and self.precision in peaks:
                done = self.ways[OURS].per_second * self.flops
                return done / (peaks[self.precision] * 1e12)
        return None

    @property
    def minutes(self) -> float:
        """Projected for 20,000 products and 10 epochs."""
        return PROJECTED / self.ways[OURS].per_second / 60

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "precision": self.precision,
            "device": self.device,
            **plain(self.ways, OURS),
            "memory": self.memory,
            "share_of_peak": self.peak,
            "minutes_for_20000_products_10_epochs": round(self.minutes, 1),
            "reference_minutes_vit_b_32_20_epochs_a100": REFERENCE_MINUTES[self.variant],
        }


def measure(
    checkpoint: Path, *, batch: int, steps: int, rounds: int, variant: str = "lora", cpu: bool
) -> Contest:
    """Measure one precision.

    Args:
        checkpoint: folder of a CLIP checkpoint.
        batch: products in a step.
        steps: in a round, of each way.
        rounds: in each, every way runs once, in turns.
        variant: whose recipe.
        cpu: leave a GPU alone.
    """
    from accelerate import Accelerator

    from benchmarks.finetune_ways import Loop, Shelf, bare, theirs
    from finetune.artefact import device_name
    from finetune.precision import precision_of

    accelerator = Accelerator(cpu=cpu)
    settings = replace(RECIPES[variant], batch=batch, epochs=1, patience=0, views=("title",))
    found = Checkpoint.in_folder(checkpoint)
    with tempfile.TemporaryDirectory() as scratch:
        shelf = Shelf(Path(scratch), batch * steps)
        ours = Loop(shelf, found, settings, accelerator)
        ways: dict[str, Way] = {
            BARE: bare(shelf, found, settings, accelerator.device),
            OURS: ours,
            THEIRS: theirs(shelf, found, settings, accelerator.device),
        }
        timed = Rounds()
        for number in range(rounds + 1):
            timed.run(ways, warm_up=not number)
    return Contest(
        variant,
        str(precision_of(settings, accelerator.device)).removeprefix("torch."),
        device_name(accelerator.device),
        timed.measured(batch * steps),
        ours.memory,
        _flops(found, [example.title for example in shelf.examples.rows]),
    )


def _flops(checkpoint: Checkpoint, texts: Sequence[str]) -> float:
    """Operations of one product: forward, and as many again for the gradients of the inputs.

    Frozen weights need no gradients of their own; adapters add less than a hundredth.
    """
    from transformers import CLIPConfig

    from encoder.tokenizer import Tokenizer

    config = CLIPConfig.from_pretrained(checkpoint.folder)
    vision: Any = config.vision_config
    patches = (vision.image_size // vision.patch_size) ** 2 + 1
    tokens = Tokenizer(checkpoint.folder, checkpoint.max_tokens)
    lengths = [len(numbers) for numbers in tokens(texts)]
    words = float(np.mean([_tower(config.text_config, length) for length in lengths]))
    return 2 * 2 * (_tower(vision, patches) + words)


def _tower(config: Any, tokens: int) -> float:  # noqa: ANN401 (a tower's settings)
    """Multiplications of a tower's forward pass."""
    width, inner = config.hidden_size, config.intermediate_size
    layer = tokens * (4 * width**2 + 2 * width * inner) + 2 * tokens**2 * width
    return config.num_hidden_layers * layer


def command(
    checkpoint: Annotated[
        Path | None, typer.Option(help="Folder of a CLIP checkpoint; a random ViT-B/32 if none.")
    ] = None,
    batch: Annotated[int, typer.Option(min=2, help="Products in a step.")] = 128,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each way in a round.")] = 2,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds.")] = 3,
    variant: Annotated[
        list[str] | None, typer.Option(help="lora or lora_mp; repeatable; both if none.")
    ] = None,
    cpu: Annotated[bool, typer.Option("--cpu", help="Leave a GPU alone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Training speed beside the bare forward and backward pass and the reference's way."""
    for name in variant or ():
        if name not in RECIPES:
            raise typer.BadParameter(f"the recipes are {', '.join(RECIPES)}, not {name!r}")
    with tempfile.TemporaryDirectory() as scratch:
        folder = checkpoint or vit_b_32(Path(scratch))
        contests = [
            measure(folder, batch=batch, steps=steps, rounds=rounds, variant=name, cpu=cpu)
            for name in variant or RECIPES
        ]
    if as_json:
        typer.echo(json.dumps({each.variant: each.plain() for each in contests}))
    else:
        for each in contests:
            Console().print(_table(each))


def _table(contest: Contest) -> Table:
    title = f"{contest.variant}: {contest.precision} on {contest.device}"
    drawn = table(contest.ways, OURS, "products", title)
    peak = f", {contest.peak:.0%} of the device's peak" if contest.peak is not None else ""
    drawn.caption = (
        f"{contest.memory / 2**30:.1f} GiB{peak}; 20,000 products × 10 epochs: "
        f"{contest.minutes:,.1f} minutes (the reference's ViT-B/32: "
        f"{REFERENCE_MINUTES[contest.variant]:,} for 20 epochs on an A100)"
    )
    return drawn
