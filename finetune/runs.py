"""Training runs: one at a time of a variant, begun or resumed, recorded in the catalogue."""

import json
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from catalog.catalogue import Catalogue
from catalog.runs import ActiveRun
from encoder.errors import VariantMissing
from encoder.variant import Variant
from encoder.variants import Variants
from finetune import choice
from finetune.errors import FinetuneError
from finetune.settings import FILE_KEYS
from finetune.snapshot import Snapshots
from vitrine.whole_files import write_whole

RUNS = "training"  # folder of the home: unfinished runs
RUN, CHECKPOINTS = "run.json", "checkpoints"
JOB = "finetune"  # in the catalogue's log of runs


def exclusive(catalogue: Catalogue, variant: str, first: bool) -> AbstractContextManager[None]:
    """Hold the lock of a variant's training.

    Args:
        catalogue: of the shop.
        variant: that is trained.
        first: whether this is the first of the run's processes, which holds it for all.

    Raises:
        CatalogError: another training of the variant is running.
    """
    return catalogue.exclusive(JOB, variant) if first else nullcontext()


def finished_variant(home: Path, name: str, run: str) -> Variant | None:
    """The variant that this run has already made; None where it is still to be trained.

    Raises:
        FinetuneError: another variant has the name.
        VariantInvalid: the name's manifest cannot be read.
    """
    try:
        variant = Variants(home).get(name)
    except VariantMissing:
        return None
    if variant.manifest.notes.get("run") != run:
        raise FinetuneError(
            f"Another variant is already called {name!r}: choose another --variant, or replace "
            "it with --force."
        )
    # A run that was stopped after its variant was written is resumed, and writes all of it again.
    return None if (home / RUNS / name / RUN).exists() else variant


def begin_or_resume(folder: Path, identity: Mapping[str, Any], restart: bool) -> None:
    """Resume the run that was stopped here if it has made progress, else begin one.

    Raises:
        FinetuneError: the run that was stopped here was another.
    """
    file = folder / RUN
    progress = (folder / choice.FILE).exists() or Snapshots(folder / CHECKPOINTS).latest()
    if file.exists() and not restart and progress:
        try:
            stopped = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            stopped = {}
        if stopped == identity:
            return
        raise FinetuneError(
            f"A training of {folder.name!r} was stopped in {folder} that differs in "
            f"{', '.join(_differing(stopped, identity))}: resume it with the same settings and "
            "products, or discard it with --restart."
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(exist_ok=True)
    write_whole(file, json.dumps(identity, indent=1) + "\n")


def _differing(stopped: Mapping[str, Any], identity: Mapping[str, Any]) -> list[str]:
    """What differs between two runs, by name."""
    then, now = stopped.get("settings", {}), identity["settings"]
    names = {key: name for name, key in FILE_KEYS.items()}
    settings = sorted(names.get(key, key) for key in {*then, *now} if then.get(key) != now.get(key))
    others = [key for key in identity if key != "settings" and stopped.get(key) != identity[key]]
    return [*settings, *others]


def recorded(
    catalogue: Catalogue, first: bool, settings: Mapping[str, Any]
) -> AbstractContextManager[ActiveRun]:
    """Record the run in the catalogue, with the figures that the caller adds to it."""
    return catalogue.recorded(JOB, settings) if first else nullcontext(ActiveRun(0))
