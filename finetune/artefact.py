"""Writes the variant of a finished training, with its figures, split, curves and card."""

import importlib.metadata
import platform
import re
import shutil
import tempfile
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

import torch

from encoder.checkpoint import CHECKPOINTS, Checkpoint
from encoder.variant import MANIFEST, Variant
from encoder.variants import Variants
from finetune import card, curves, split
from finetune.checkpoint import write_checkpoint
from finetune.choice import Chosen
from finetune.evaluation import Evaluation, evaluate
from finetune.examples import Examples
from finetune.model import Model
from finetune.pairs import SplitPairs
from finetune.query_retrieval import QueryTask
from finetune.runs import RUN, RUNS
from finetune.split import Split, rows_of

LIBRARIES = ("torch", "transformers", "peft", "accelerate")


@dataclass(frozen=True)
class Finished:
    """A finished training.

    Attributes:
        chosen: the model, the result, and the settings.
        examples: all products.
        split: which were held out.
        run: identity of the run; 16 hex digits.
        pairs: queries of people; None: none.
    """

    chosen: Chosen
    examples: Examples
    split: Split
    run: str
    pairs: SplitPairs | None = None

    @property
    def model(self) -> Model:
        """The model, with the weights of the best epoch."""
        return self.chosen.training.model


def write_artefact(home: Path, name: str, finished: Finished) -> tuple[Variant, Evaluation | None]:
    """Evaluate on the test split, and write the variant.

    Args:
        home: the shop's folder.
        name: of the variant; an existing one is replaced.
        finished: the training.

    Raises:
        OSError: it cannot be written.
        EncoderError: the base has changed meanwhile.
    """
    settings = finished.chosen.settings
    _delete_unused(home, name)  # of runs that were killed before their variant
    with tempfile.TemporaryDirectory(prefix=".training-", dir=home) as folder:
        scratch = Path(folder)
        base = base_of(finished.model.checkpoint)
        tuned: dict[str, Any] = {"template": settings.template}
        if settings.method == "lora":
            finished.model.save_adapter(scratch / "adapter")
            tuned |= base
            tuned |= {"adapter": scratch / "adapter", "adapter_weight": settings.adapter_weight}
        else:
            tuned["base"] = str(_write_full(home, name, finished))
        evaluation = None
        if finished.split.test:
            variants = Variants(scratch)
            evaluation = evaluate(
                variants.add("base", **base, template=settings.template),
                variants.add("tuned", **tuned),
                finished.examples,
                rows_of(finished.examples, finished.split.test),
                others=rows_of(finished.examples, finished.split.others),
                task=QueryTask.of(finished.pairs, "test"),
                device=str(finished.model.device),
                seed=settings.seed,
            )
        notes = _notes(finished, evaluation)
        variant = Variants(home).add(name, **tuned, notes=notes, force=True, keep_base=True)
    facts: dict[str, Any] = {"seed": settings.seed, "data": finished.examples.fingerprint}
    if finished.pairs:
        facts["queries"] = {part: sorted(found) for part, found in finished.pairs.parts.items()}
    finished.split.write(variant.folder / split.FILE, facts)
    curves.draw_curves(finished.chosen.trained.state, variant.folder / curves.FILE)
    card.make_card(variant, settings, evaluation).save(variant.folder / card.FILE)
    _delete_unused(home, name)
    return variant, evaluation


def base_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """A checkpoint as arguments of `Variants.add`: a folder has no revision."""
    if Path(checkpoint.base).is_absolute():
        return {"base": checkpoint.base}
    return {"base": checkpoint.base, "revision": checkpoint.revision}


def _write_full(home: Path, name: str, finished: Finished) -> Path:
    """Write a model whose weights were all trained; the variant's base is this folder."""
    model, folder = finished.model, home / CHECKPOINTS / f"{name}-{finished.run}"
    # With --force the folder may be the present variant's base: it stays until that is replaced.
    numbered = (folder.with_name(f"{folder.name}-{number}") for number in count(2))
    free = next(each for each in chain([folder], numbered) if not each.exists())
    model.interpolate(finished.chosen.settings.adapter_weight)
    return write_checkpoint(model.dual_encoder, model.checkpoint, free)


def _delete_unused(home: Path, name: str) -> None:
    """Delete the checkpoints of earlier trainings of a name that no variant and no run is based on.

    Manifests are searched as text: a damaged one still protects its base.
    """
    own = re.compile(rf"\.?{name}-[0-9a-f]{{16}}(-\w+)?")  # with a dot: unfinished ones
    files = (*home.glob(f"variants/*/{MANIFEST}"), *home.glob(f"{RUNS}/*/{RUN}"))
    used = "".join(file.read_text(encoding="utf-8", errors="replace") for file in files)
    for folder in (home / CHECKPOINTS).glob("*"):
        if own.fullmatch(folder.name) and f'/{folder.name}"' not in used:
            shutil.rmtree(folder, ignore_errors=True)


def _notes(finished: Finished, evaluation: Evaluation | None) -> dict[str, Any]:
    """The facts of training, for the manifest."""
    checkpoint, trained = finished.model.checkpoint, finished.chosen.trained
    state = trained.state
    return {
        "run": finished.run,
        "trained_from": {"base": checkpoint.base, "revision": checkpoint.revision},
        "data": {
            "fingerprint": finished.examples.fingerprint,
            "split": finished.split.counts(),
            "left_out": dict(finished.examples.left_out),
            **_pairs_notes(finished),
        },
        "settings": finished.chosen.settings.facts(),
        "figures": {
            "steps": state.step,
            "epochs": len(state.epochs),
            "best_epoch": state.best_epoch,
            "validation": {"base": state.base, "best": state.best},
            "heldout": evaluation.facts() if evaluation else None,
            "recommended": evaluation.recommended if evaluation else None,
            "choice": finished.chosen.facts or None,
            "seconds": round(state.seconds, 1),
            "samples_per_second": round(trained.samples_per_second, 1),
            "memory": trained.memory,
        },
        "precision": trained.precision,
        "device": device_name(finished.model.device),
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }


def _pairs_notes(finished: Finished) -> dict[str, Any]:
    """The number of pairs of each part, and of those that were left out."""
    if finished.pairs is None or finished.examples.pairs is None:
        return {}
    counts = finished.pairs.counts()
    return {"pairs": {**counts, "unknown_products": finished.examples.pairs.unknown}}


def device_name(device: torch.device) -> str:
    """The device's name for people."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{platform.machine()} CPU, {threads} thread{'' if threads == 1 else 's'}"
