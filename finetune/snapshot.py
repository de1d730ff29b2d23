"""Checkpoints of a run: written into a new folder that is renamed, read without unpickling.

checkpoints/step-00000200/
    weights.safetensors     what is trained
    best.safetensors        the same at the best epoch so far
    optimiser.pt            AdamW's moments, read with weights_only=True
    state.json              step, schedule, stopping, history
"""

import dataclasses
import io
import json
import os
import pickle
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from finetune.errors import SnapshotDamaged, Unwritable

WEIGHTS, BEST, OPTIMISER, STATE = (
    "weights.safetensors",
    "best.safetensors",
    "optimiser.pt",
    "state.json",
)
PREFIX, UNFINISHED = "step-", ".new-"


@dataclass
class State:
    """How far a run has come.

    Attributes:
        step: steps done.
        epoch: the epoch it is in, counted from 0.
        place: batches of that epoch done.
        base: the validation figures before the first step.
        best: the validation figures of the best epoch; empty before the first.
        best_epoch: its number, counted from 1; 0 before the first.
        waited: epochs since then.
        finished: whether there is nothing left to do.
        seconds: spent in steps, over all the run's parts.
        scaler: of float16's gradients.
        epochs: a row for each epoch that was judged.
        losses: the mean loss of each stretch of steps, as (last step, loss, learning rate).
    """

    step: int = 0
    epoch: int = 0
    place: int = 0
    base: dict[str, float] = field(default_factory=dict)
    best: dict[str, float] = field(default_factory=dict)
    best_epoch: int = 0
    waited: int = 0
    finished: bool = False
    seconds: float = 0.0
    scaler: dict[str, Any] = field(default_factory=dict)
    epochs: list[dict[str, float]] = field(default_factory=list)
    losses: list[tuple[int, float, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Snapshot:
    """All that a stopped run needs to go on."""

    state: State
    weights: Mapping[str, torch.Tensor]
    best: Mapping[str, torch.Tensor]
    optimiser: Mapping[str, Any]


class Snapshots:
    """The checkpoints of a run.

    Args:
        folder: where they lie; made when the first one is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def latest(self) -> Path | None:
        """The folder of the last checkpoint; None where there is none."""
        found = sorted(self.folder.glob(f"{PREFIX}*"))
        return found[-1] if found else None

    def save(self, snapshot: Snapshot) -> Path:
        """Write a checkpoint; once it is there, the one before is removed.

        Raises:
            Unwritable: no space, or no right; the one before stays.
        """
        before = self.latest()
        target = self.folder / f"{PREFIX}{snapshot.state.step:08d}"
        optimiser = io.BytesIO()
        torch.save(dict(snapshot.optimiser), optimiser)
        files = {
            WEIGHTS: save(dict(snapshot.weights)),
            BEST: save(dict(snapshot.best)),
            OPTIMISER: optimiser.getvalue(),
            STATE: json.dumps(dataclasses.asdict(snapshot.state)).encode(),
        }
        try:
            self._write(files, target)
        except OSError as error:
            size = sum(map(len, files.values())) / 2**20
            kept = f"it goes on from {before.name}" if before else "it begins anew"
            raise Unwritable(
                f"The checkpoint of step {snapshot.state.step} cannot be written to "
                f"{self.folder} ({error.strerror or error}): free {2 * size:.0f} MB there and run "
                f"the same command again; {kept}."
            ) from error
        for old in self.folder.glob(f"{PREFIX}*"):
            if old != target:
                shutil.rmtree(old, ignore_errors=True)
        return target

    def load(self) -> Snapshot | None:
        """The last checkpoint; None where there is none.

        Raises:
            SnapshotDamaged: it cannot be read.
        """
        folder = self.latest()
        if folder is None:
            return None
        try:
            state = State(**json.loads((folder / STATE).read_text(encoding="utf-8")))
            state.losses = [(int(step), loss, rate) for step, loss, rate in state.losses]
            return Snapshot(
                state,
                load((folder / WEIGHTS).read_bytes()),
                load((folder / BEST).read_bytes()),
                torch.load(folder / OPTIMISER, weights_only=True),
            )
        except (
            OSError, ValueError, TypeError, EOFError, RuntimeError, SafetensorError,
            pickle.UnpicklingError,
        ) as error:  # fmt: skip
            raise SnapshotDamaged(
                f"The checkpoint {folder} cannot be read ({str(error).splitlines()[0]}): begin "
                "the run anew with --restart."
            ) from error

    def _write(self, files: Mapping[str, bytes], target: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for left in self.folder.glob(f"{UNFINISHED}*"):  # of a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=self.folder))
        try:
            for name, content in files.items():
                with (fresh / name).open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())  # or a power cut could leave names without bytes
            if target.exists():  # the same step again, as after an epoch's last step
                shutil.rmtree(target)
            fresh.rename(target)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
