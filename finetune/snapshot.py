"""Checkpoints of a run: written to a new folder that is renamed, read without unpickling.

checkpoints/step-00000200/
    weights.safetensors     the trainable weights
    best.safetensors        the same after the best epoch so far
    optimiser.pt            AdamW's moments, read with weights_only=True
    state.json              step, schedule, early stopping, history
"""

import io
import json
import os
import pickle
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from finetune.errors import FinetuneError

WEIGHTS, BEST, OPTIMISER, STATE = (
    "weights.safetensors",
    "best.safetensors",
    "optimiser.pt",
    "state.json",
)
PREFIX, UNFINISHED = "step-", ".new-"
REPLACED = "replaced-"  # a checkpoint that another of the same step is about to replace
# Keys of state.json in earlier releases, and the fields they are now.
OLD_KEYS = {"place": "batches_done", "waited": "epochs_without_gain"}


@dataclass
class State:
    """Progress of a run.

    Attributes:
        step: steps done.
        epoch: the current epoch, counted from 0.
        batches_done: batches of that epoch done.
        base: validation measures before the first step.
        best: validation measures of the best epoch; empty before the first.
        best_epoch: its number, counted from 1; 0 before the first.
        epochs_without_gain: epochs since then.
        finished: whether training has ended.
        seconds: spent in steps, over all processes' lives.
        scaler: state of float16's gradient scaler.
        epochs: a row for each evaluated epoch.
        losses: mean losses of consecutive windows of steps, as (last step, loss, learning rate).
    """

    step: int = 0
    epoch: int = 0
    batches_done: int = 0
    base: dict[str, float] = field(default_factory=dict)
    best: dict[str, float] = field(default_factory=dict)
    best_epoch: int = 0
    epochs_without_gain: int = 0
    finished: bool = False
    seconds: float = 0.0
    scaler: dict[str, Any] = field(default_factory=dict)
    epochs: list[dict[str, float]] = field(default_factory=list)
    losses: list[tuple[int, float, float]] = field(default_factory=list)

    @classmethod
    def from_json(cls, text: str) -> "State":
        """Read state.json, of this release or an earlier one.

        Raises:
            ValueError, TypeError: it is damaged.
        """
        facts = {OLD_KEYS.get(key, key): value for key, value in json.loads(text).items()}
        facts["losses"] = [tuple(row) for row in facts["losses"]]
        return cls(**facts)


@dataclass(frozen=True)
class Snapshot:
    """What a stopped run needs to resume."""

    state: State
    weights: Mapping[str, torch.Tensor]
    best: Mapping[str, torch.Tensor]
    optimiser: Mapping[str, Any]


class Snapshots:
    """The checkpoints of a run.

    Args:
        folder: of the checkpoints; created with the first one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def latest(self) -> Path | None:
        """The folder of the last checkpoint; None before the first.

        The replaced one is the last where a process was killed between the two renames.
        """
        whole = self.folder.glob(f"{PREFIX}*")
        replaced = self.folder.glob(f"{REPLACED}*")
        return max(whole, default=None) or max(replaced, default=None)

    def save(self, snapshot: Snapshot) -> Path:
        """Write a checkpoint, then delete the one before.

        Raises:
            FinetuneError: it cannot be written; the one before stays.
        """
        before = self.latest()
        target = self.folder / f"{PREFIX}{snapshot.state.step:08d}"
        optimiser = io.BytesIO()
        torch.save(dict(snapshot.optimiser), optimiser)
        files = {
            WEIGHTS: save(dict(snapshot.weights)),
            BEST: save(dict(snapshot.best)),
            OPTIMISER: optimiser.getvalue(),
            STATE: json.dumps(asdict(snapshot.state)).encode(),
        }
        try:
            self._write(files, target)
        except OSError as error:
            size = sum(map(len, files.values())) / 2**20
            resume = f"it resumes from {before.name}" if before else "it starts from the beginning"
            raise FinetuneError(
                f"The checkpoint of step {snapshot.state.step} cannot be written to "
                f"{self.folder} ({error.strerror or error}): free {2 * size:.0f} MB there and run "
                f"the same command again; {resume}."
            ) from error
        for old in self.folder.iterdir():
            if old != target:
                shutil.rmtree(old, ignore_errors=True)
        return target

    def load(self) -> Snapshot | None:
        """The last checkpoint; None before the first.

        Raises:
            FinetuneError: it cannot be read.
        """
        folder = self.latest()
        if folder is None:
            return None
        try:
            return Snapshot(
                State.from_json((folder / STATE).read_text(encoding="utf-8")),
                load((folder / WEIGHTS).read_bytes()),
                load((folder / BEST).read_bytes()),
                torch.load(folder / OPTIMISER, weights_only=True),
            )
        except (
            OSError, ValueError, TypeError, KeyError, AttributeError, EOFError, RuntimeError,
            SafetensorError, pickle.UnpicklingError,
        ) as error:  # fmt: skip
            raise FinetuneError(
                f"The checkpoint {folder} cannot be read ({str(error).splitlines()[0]}): start "
                "the run from the beginning with --restart."
            ) from error

    def _write(self, files: Mapping[str, bytes], target: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for left in self.folder.glob(f"{UNFINISHED}*"):  # of a killed run
            shutil.rmtree(left, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=self.folder))
        try:
            for name, content in files.items():
                with (fresh / name).open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())  # else a power cut could leave empty files
            if target.exists():  # the same step again, after an epoch's last step
                replaced = self.folder / f"{REPLACED}{target.name}"
                shutil.rmtree(replaced, ignore_errors=True)  # of a killed run
                target.rename(replaced)
            fresh.rename(target)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
