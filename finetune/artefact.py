"""What a training leaves: a variant with its figures, its split, its curves and its card."""

import importlib.metadata
import platform
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from encoder.checkpoint import Checkpoint
from encoder.variant import Variant
from encoder.variants import Variants
from finetune import card, curves, split
from finetune.checkpoint import write_checkpoint
from finetune.errors import Unwritable
from finetune.evaluation import Evaluation, evaluate
from finetune.examples import Examples
from finetune.model import Model
from finetune.settings import Settings
from finetune.split import Split, rows_of
from finetune.training import Trained
from pictures.store import PictureStore

LIBRARIES = ("torch", "transformers", "peft", "accelerate")
CHECKPOINTS = "checkpoints"  # of the home: bases that were trained here in full


@dataclass(frozen=True)
class Finished:
    """A training that came to its end.

    Attributes:
        model: with the weights of the best epoch.
        trained: how it went.
        settings: how it was trained.
        examples: all products.
        split: which were evaluation out.
        pictures: where the products' pictures lie.
        run: what tells this run from others; 16 hex digits.
    """

    model: Model
    trained: Trained
    settings: Settings
    examples: Examples
    split: Split
    pictures: PictureStore
    run: str


def write_artefact(home: Path, name: str, finished: Finished) -> tuple[Variant, Evaluation | None]:
    """Look at the evaluation-out products, and write the variant.

    Args:
        home: the shop's folder.
        name: of the variant; one that is there is replaced.
        finished: the training.

    Raises:
        Unwritable: no space, or no right.
        EncoderError: the base has changed meanwhile.
    """
    try:
        return _write(home, name, finished)
    except OSError as error:
        raise Unwritable(
            f"The variant {name} cannot be written to {home / 'variants'} "
            f"({error.strerror or error}): free some space and run the same command again; the "
            "training itself is kept."
        ) from error


def _write(home: Path, name: str, finished: Finished) -> tuple[Variant, Evaluation | None]:
    checkpoint, settings = finished.model.checkpoint, finished.settings
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".training-", dir=home) as scratch:
        adapter = _adapter(finished, Path(scratch))
        if adapter:
            base: Mapping[str, Any] = base_of(checkpoint)
        else:
            base = {"base": str(_checkpoint(home, name, finished))}
        how: dict[str, Any] = {**base, "template": settings.template}
        if adapter:
            how |= {"adapter": adapter, "adapter_weight": settings.adapter_weight}
        evaluation = _evaluate(Path(scratch), how, finished)
        facts = _facts(finished, evaluation)
        variant = Variants(home).add(name, **how, notes=facts, force=True)
    _write_beside(variant, finished, evaluation, facts)
    return variant, evaluation


def base_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """A checkpoint as `Variants.add` takes it: a folder has no revision to ask for."""
    if Path(checkpoint.base).is_absolute():
        return {"base": checkpoint.base}
    return {"base": checkpoint.base, "revision": checkpoint.revision}


def _adapter(finished: Finished, scratch: Path) -> Path | None:
    if finished.settings.method == "full":
        return None
    finished.model.save_adapter(scratch / "adapter")
    return scratch / "adapter"


def _checkpoint(home: Path, name: str, finished: Finished) -> Path:
    """Where a model trained in full lies: the variant's own base."""
    folder = home / CHECKPOINTS / f"{name}-{finished.run}"
    shutil.rmtree(folder, ignore_errors=True)  # half a variant of a run that was stopped here
    model = finished.model
    weights = model.interpolated(finished.settings.adapter_weight)
    return write_checkpoint(model.clip, model.checkpoint, folder, weights)


def _evaluate(scratch: Path, how: Mapping[str, Any], finished: Finished) -> Evaluation | None:
    if not finished.split.test:
        return None
    here = Variants(scratch)
    return evaluate(
        here.add("base", **base_of(finished.model.checkpoint), template=how["template"]),
        here.add("tuned", **how),
        finished.examples,
        finished.pictures,
        rows_of(finished.examples, finished.split.test),
        device=str(finished.model.device),
        seed=finished.settings.seed,
    )


def _facts(finished: Finished, evaluation: Evaluation | None) -> dict[str, Any]:
    """The facts of training as the manifest keeps them."""
    checkpoint, state = finished.model.checkpoint, finished.trained.state
    return {
        "run": finished.run,
        "trained_from": {"base": checkpoint.base, "revision": checkpoint.revision},
        "data": {
            "fingerprint": finished.examples.fingerprint,
            "split": finished.split.counts(),
            "left_out": dict(finished.examples.left_out),
        },
        "settings": finished.settings.facts(),
        "figures": {
            "steps": state.step,
            "epochs": len(state.epochs),
            "best_epoch": state.best_epoch,
            "validation": {"base": state.base, "best": state.best},
            "heldout": evaluation.facts() if evaluation else None,
            "seconds": round(state.seconds, 1),
            "samples_per_second": round(finished.trained.samples_per_second, 1),
            "memory": finished.trained.memory,
        },
        "precision": finished.trained.precision,
        "device": device_name(finished.model.device),
        "versions": versions(),
    }


def _write_beside(
    variant: Variant, finished: Finished, evaluation: Evaluation | None, facts: Mapping[str, Any]
) -> None:
    finished.split.write(
        variant.folder / split.FILE,
        {"seed": finished.settings.seed, "data": finished.examples.fingerprint},
    )
    curves.draw_curves(finished.trained.state, variant.folder / curves.FILE)
    told = card.Facts(
        manifest=variant.manifest,
        base=finished.model.checkpoint.base,
        settings=finished.settings,
        state=finished.trained.state,
        parts=finished.split.counts(),
        left_out=finished.examples.left_out,
        heldout=evaluation,
        device=facts["device"],
        versions=facts["versions"],
    )
    (variant.folder / card.FILE).write_text(card.write_card(told), encoding="utf-8")


def device_name(device: torch.device) -> str:
    """What a person calls the device."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{platform.machine()} CPU, {threads} thread{'' if threads == 1 else 's'}"


def versions() -> dict[str, str]:
    """Of the libraries that take part in training."""
    return {name: importlib.metadata.version(name) for name in LIBRARIES}
