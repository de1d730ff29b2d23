"""Training speed: the training loop against the bare forward and backward pass.

    python -m benchmarks finetune --checkpoint FOLDER --batch 32 --steps 4

Both train the same adapter on the same products. The bare pass has its tensors in memory; the loop
also decodes pictures, tokenizes, and steps the optimizer. On a GPU, memory and the share of the
device's peak are reported, too.
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

from benchmarks.rounds import Measured, Rounds, as_object, table
from encoder.checkpoint import Checkpoint
from finetune.settings import RECIPES
from vitrine.command import Json

BARE, OURS = "bare forward and backward", "vitrine finetune"

# Dense TFLOP/s of the data sheets: float32 without tensor cores, bfloat16 with them.
PEAKS: dict[str, dict[str, float]] = {
    "H200": {"float32": 67, "bfloat16": 989},
    "H100": {"float32": 67, "bfloat16": 989},
    "A100": {"float32": 19.5, "bfloat16": 312},
}

# Time is projected for 20,000 products × 10 epochs. The reference system's own time is of 20
# epochs of a ViT-B/32 on an A100, minutes.
PROJECTED = 20_000 * 10
REFERENCE_MINUTES = {"lora": 1266, "lora_mp": 308}


@dataclass(frozen=True)
class TrainingSpeed:
    """Training with one recipe.

    Attributes:
        recipe: of `RECIPES`.
        precision: of the model.
        device: its name.
        measured: speeds, by `BARE` and `OURS`.
        memory: peak bytes of the loop: the device's, or the process's on a CPU.
        flops: floating-point operations of a product, forward and backward.
    """

    recipe: str
    precision: str
    device: str
    measured: dict[str, Measured]
    memory: int
    flops: float

    @property
    def share_of_peak(self) -> float | None:
        """Share of the device's peak FLOP/s that the loop reaches; None for unknown devices."""
        for name, peaks in PEAKS.items():
            if name in self.device and self.precision in peaks:
                done = self.measured[OURS].per_second * self.flops
                return done / (peaks[self.precision] * 1e12)
        return None

    @property
    def minutes(self) -> float:
        """Projected for 20,000 products and 10 epochs."""
        return PROJECTED / self.measured[OURS].per_second / 60


def measure(
    checkpoint: Path, *, recipe: str, batch: int, steps: int, rounds: int, cpu: bool
) -> TrainingSpeed:
    """Measure one recipe.

    Args:
        checkpoint: folder of a CLIP checkpoint.
        recipe: of `RECIPES`.
        batch: products in a step.
        steps: in a round.
        rounds: how many, after one that is not counted.
        cpu: do not use a GPU.
    """
    from accelerate import Accelerator

    from benchmarks.training_loops import TrainingLoop, bare_passes, fill
    from finetune.artefact import device_name
    from finetune.precision import precision_of

    accelerator = Accelerator(cpu=cpu)
    settings = replace(RECIPES[recipe], batch=batch, epochs=1, patience=0, views=("title",))
    found = Checkpoint.in_folder(checkpoint)
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        examples = fill(home, batch * steps)
        ours = TrainingLoop(examples, found, settings, accelerator)
        bare = bare_passes(examples, found, settings, accelerator.device)
        timed = Rounds()
        for number in range(rounds + 1):
            timed.run({BARE: bare, OURS: ours}, warm_up=not number)
    return TrainingSpeed(
        recipe,
        str(precision_of(settings, accelerator.device)).removeprefix("torch."),
        device_name(accelerator.device),
        timed.measured(batch * steps),
        ours.memory,
        _flops(found, [example.title for example in examples.rows]),
    )


def _flops(checkpoint: Checkpoint, texts: Sequence[str]) -> float:
    """Operations of one product: forward, and as many again for the gradients of the inputs.

    Frozen weights need no gradients; adapters add less than a hundredth.
    """
    from transformers import CLIPConfig

    from encoder.tokenizer import Tokenizer

    config = CLIPConfig.from_pretrained(checkpoint.folder)
    vision: Any = config.vision_config
    patches = (vision.image_size // vision.patch_size) ** 2 + 1
    tokens = Tokenizer(checkpoint.folder, checkpoint.family, checkpoint.max_tokens)(texts)
    text = np.mean([_multiplications(config.text_config, len(numbers)) for numbers in tokens])
    return 2 * 2 * (_multiplications(vision, patches) + float(text))


def _multiplications(config: Any, tokens: int) -> float:  # noqa: ANN401 (transformers' settings)
    """Multiplications in the forward pass of the text or the vision model."""
    width, inner = config.hidden_size, config.intermediate_size
    layer = tokens * (4 * width**2 + 2 * width * inner) + 2 * tokens**2 * width
    return config.num_hidden_layers * layer


def command(
    checkpoint: Annotated[
        Path | None, typer.Option(help="Folder of a CLIP checkpoint; a random ViT-B/32 if none.")
    ] = None,
    batch: Annotated[int, typer.Option(min=2, help="Products in a step.")] = 128,
    steps: Annotated[int, typer.Option(min=1, help="Steps in a round.")] = 2,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds.")] = 3,
    variant: Annotated[
        list[str] | None, typer.Option(help="lora or lora_mp; repeatable; both if none.")
    ] = None,
    cpu: Annotated[bool, typer.Option("--cpu", help="Do not use a GPU.")] = False,
    as_json: Json = False,
) -> None:
    """Training speed against the bare forward and backward pass."""
    for name in variant or ():
        if name not in RECIPES:
            raise typer.BadParameter(f"the recipes are {', '.join(RECIPES)}, not {name!r}")
    from benchmarks.checkpoints import vit_b_32

    with tempfile.TemporaryDirectory() as scratch:
        folder = checkpoint or vit_b_32(Path(scratch))
        speeds = [
            measure(folder, recipe=name, batch=batch, steps=steps, rounds=rounds, cpu=cpu)
            for name in variant or RECIPES
        ]
    if as_json:
        typer.echo(json.dumps({speed.recipe: _as_object(speed) for speed in speeds}))
    else:
        for speed in speeds:
            Console().print(_table(speed))


def _as_object(speed: TrainingSpeed) -> dict[str, Any]:
    return {
        "precision": speed.precision,
        "device": speed.device,
        **as_object(speed.measured, OURS),
        "memory": speed.memory,
        "share_of_peak": speed.share_of_peak,
        "minutes_for_20000_products_10_epochs": round(speed.minutes, 1),
        "reference_minutes_vit_b_32_20_epochs_a100": REFERENCE_MINUTES[speed.recipe],
    }


def _table(speed: TrainingSpeed) -> Table:
    title = f"{speed.recipe}: {speed.precision} on {speed.device}"
    drawn = table(speed.measured, OURS, "products", title)
    share = speed.share_of_peak
    drawn.caption = (
        f"{speed.memory / 2**30:.1f} GiB"
        f"{'' if share is None else f', {share:.0%} of the peak FLOP/s'}; "
        f"20,000 products × 10 epochs: {speed.minutes:,.1f} minutes (the reference system: "
        f"{REFERENCE_MINUTES[speed.recipe]:,} for 20 epochs of a ViT-B/32 on an A100)"
    )
    return drawn
