"""The training loop: steps, a validation after each epoch, checkpoints, early stopping."""

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list

from encoder.errors import VectorError
from eval.measures import DECIDING
from finetune.batches import Batch, Batches
from finetune.errors import Diverged
from finetune.gradients import Gradients
from finetune.model import Model, cuda_of, parameter_groups
from finetune.precision import choose_attention, precision_of
from finetune.progress import Progress, Report, no_progress, peak_memory
from finetune.settings import Settings
from finetune.snapshot import Snapshot, Snapshots, State

# Losses are read this many steps late: reading one waits for the GPU to finish the step.
PENDING = 2
MAX_POINTS = 500  # of the loss curve; each is the mean of the steps since the one before


@dataclass(frozen=True)
class Trained:
    """The result of a training; the model has the weights of the best epoch.

    Attributes:
        state: the last one.
        samples_per_second: products a second, over all processes.
        memory: peak bytes.
        precision: of matrix products: float32, bfloat16 or float16.
    """

    state: State
    samples_per_second: float
    memory: int
    precision: str


class Training:
    """One run.

    Args:
        model: the model.
        batches: the training data.
        settings: how to train.
        accelerator: the processes.
        validate: returns the validation measures of the model in its present state.
        snapshots: where checkpoints are written; None: nowhere.
        report: called with the progress after every step and every validation.
        base: validation measures of the base, where they are known; else they are computed.
    """

    def __init__(
        self,
        model: Model,
        batches: Batches,
        settings: Settings,
        accelerator: Accelerator,
        validate: Callable[[], Mapping[str, float]],
        snapshots: Snapshots | None = None,
        report: Report = no_progress,
        base: Mapping[str, float] | None = None,
    ) -> None:
        self.model, self.batches, self.settings = model, batches, settings
        self.accelerator, self.snapshots, self.report = accelerator, snapshots, report
        self._validate = validate
        device = accelerator.device
        self.dtype = precision_of(settings, device)
        choose_attention(model.dual_encoder, device, self.dtype)
        self._scaler = torch.amp.GradScaler(device.type, enabled=self.dtype == torch.float16)
        self._gradients = Gradients(model, settings, accelerator, self.dtype, self._scaler)
        self._optimiser = torch.optim.AdamW(
            parameter_groups(model.trained.values(), settings.weight_decay),
            lr=settings.learning_rate,
            weight_decay=0.0,
        )
        self.steps = settings.epochs * batches.per_epoch
        self.state = State(base=dict(base or {}))
        self._best = model.tensors()
        self._pending: deque[tuple[int, torch.Tensor]] = deque()  # losses that were not yet read
        self._window: list[float] = []
        self._loss = math.nan
        # Of this process's life; `state.seconds` counts those of earlier ones, too.
        self._steps, self._seconds, self._validation_seconds = 0, 0.0, 0.0

    def run(self) -> Trained:
        """Train to the end, from the last checkpoint if there is one.

        Raises:
            Diverged: the loss or the weights are NaN or infinite.
            FinetuneError: a checkpoint cannot be written, or a picture cannot be read.
        """
        self._resume()
        # Dropout is seeded for every step; the caller's random state is kept.
        with torch.random.fork_rng(devices=cuda_of(self.accelerator.device)):
            self.model.dual_encoder.train()
            if not self.state.base:
                self.state.base = self.validate()
                self._report(self.state.base)
            while not self.state.finished:
                self._epoch()
        self.model.restore(self._best)
        self.model.dual_encoder.eval()
        return Trained(
            self.state,
            self._speed(),
            peak_memory(self.accelerator.device),
            str(self.dtype).removeprefix("torch."),
        )

    def _epoch(self) -> None:
        state = self.state
        began = time.perf_counter()
        for batch in self.batches.epoch(state.epoch, begin=state.batches_done):
            self._step(batch)
            state.step, state.batches_done = state.step + 1, batch.index + 1
            self._read_losses(PENDING)
            # The time of a step includes waiting for its batch.
            self._count(time.perf_counter() - began)
            self._report()
            if state.step % self.settings.snapshot_every == 0:
                self._save()
            began = time.perf_counter()
        self._read_losses(0)
        measures = self.validate()
        state.epoch, state.batches_done = state.epoch + 1, 0
        self._record_epoch(measures)
        self._save()
        self._report(measures)

    def _step(self, batch: Batch) -> None:
        for group in self._optimiser.param_groups:
            group["lr"] = self.settings.learning_rate_at(self.state.step, self.steps)
        loss = self.compute_gradients(batch)
        self._scaler.step(self._optimiser)
        self._scaler.update()
        self._optimiser.zero_grad(set_to_none=True)
        self.model.clamp_scale()
        self._pending.append((self.state.step + 1, loss))

    def compute_gradients(self, batch: Batch) -> torch.Tensor:
        """Add a batch's gradients to the trainable weights'; returns its loss."""
        return self._gradients(batch, self.state.step)

    def _read_losses(self, pending: int) -> None:
        """Read the losses of all steps but the last `pending`."""
        while len(self._pending) > pending:
            step, loss = self._pending.popleft()
            self._loss = float(loss)
            if not math.isfinite(self._loss):
                raise self._diverged(step)
            self._window.append(self._loss)
            if step % math.ceil(self.steps / MAX_POINTS) == 0:
                mean = sum(self._window) / len(self._window)
                rate = self.settings.learning_rate_at(step - 1, self.steps)
                self.state.losses.append((step, mean, rate))
                self._window.clear()

    def validate(self) -> dict[str, float]:
        """The validation measures of the model as it is, computed by one process for all."""
        began = time.perf_counter()
        shared: list[dict[str, float]] = [{}]
        if self.accelerator.is_main_process:
            try:
                shared = [dict(self._validate())]
            except VectorError as error:
                # The last step's loss was finite, and the weights after it are not.
                raise self._diverged(self.state.step) from error
        broadcast_object_list(shared)
        self._validation_seconds = time.perf_counter() - began
        return shared[0]

    def _record_epoch(self, measures: dict[str, float]) -> None:
        """Record an epoch's measures, and decide whether training goes on."""
        state, patience = self.state, self.settings.patience
        state.epochs.append({"epoch": state.epoch, "step": state.step, **measures})
        state.epochs_without_gain += 1
        if not state.best or measures[DECIDING] > state.best[DECIDING]:
            state.best, state.best_epoch, state.epochs_without_gain = measures, state.epoch, 0
            self._best = self.model.tensors()
        stopped_early = 0 < patience <= state.epochs_without_gain
        state.finished = stopped_early or state.epoch == self.settings.epochs

    def _save(self) -> None:
        self._read_losses(0)
        if not self.model.is_finite():
            # The loss was finite, its gradients were not.
            raise self._diverged(self.state.step)
        if self.snapshots and self.accelerator.is_main_process:
            self.state.scaler = self._scaler.state_dict()
            self.snapshots.save(
                Snapshot(self.state, self.model.tensors(), self._best, self._optimiser.state_dict())
            )
        self.accelerator.wait_for_everyone()

    def _resume(self) -> None:
        snapshot = self.snapshots.load() if self.snapshots else None
        if snapshot is None:
            return
        self.state = snapshot.state
        self.model.restore(snapshot.weights)
        self._best = dict(snapshot.best)
        self._optimiser.load_state_dict(dict(snapshot.optimiser))
        if self.state.scaler:
            self._scaler.load_state_dict(self.state.scaler)

    def _diverged(self, step: int) -> Diverged:
        last = self.snapshots.latest() if self.snapshots else None
        kept = f"the last checkpoint is {last}" if last else "no checkpoint was written yet"
        return Diverged(
            step,
            f"Training diverged at step {step}: its loss or the weights after it are not finite "
            f"({kept}); start again with --restart and a smaller --learning-rate, with "
            "--set warm_up=0.1, or with --precision float32.",
        )

    def _count(self, seconds: float) -> None:
        self.state.seconds += seconds
        self._steps, self._seconds = self._steps + 1, self._seconds + seconds

    def _speed(self) -> float:
        """Products a second in this process's life; 0 before the first step."""
        return self._steps * self.settings.batch / self._seconds if self._seconds else 0.0

    def _report(self, validation: Mapping[str, float] | None = None) -> None:
        state, speed = self.state, self._speed()
        left = (self.steps - state.step) * self.settings.batch / speed if speed else 0.0
        epochs = self.settings.epochs - state.epoch
        self.report(
            Progress(
                step=state.step,
                steps=self.steps,
                epoch=state.epoch + (0 if validation is not None else 1),
                loss=self._loss,
                samples_per_second=speed,
                memory=peak_memory(self.accelerator.device),
                seconds_left=left + epochs * self._validation_seconds,
                validation=validation or {},
            )
        )
