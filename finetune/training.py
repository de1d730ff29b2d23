"""The loop: steps, a judgement after each epoch, checkpoints, an early stop."""

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
from finetune.model import Model, cuda_of
from finetune.precision import autocast_of, choose_attention, precision_of
from finetune.progress import Progress, Report, memory, no_progress
from finetune.settings import Settings
from finetune.snapshot import Snapshot, Snapshots, State

# Steps whose loss has not been looked at yet. On a GPU looking waits until the step is through,
# so it is done while the next one is under way.
PENDING = 2
# Points of the loss curve, at most; each is the mean of the steps since the one before.
POINTS = 500


@dataclass(frozen=True)
class Trained:
    """What a training came to; the model holds the weights of the best epoch.

    Attributes:
        state: the last one.
        samples_per_second: products learnt from, over all processes.
        memory: bytes at the most.
        precision: of the towers: float32, bfloat16 or float16.
    """

    state: State
    samples_per_second: float
    memory: int
    precision: str


class Training:
    """One run.

    Args:
        model: what is trained.
        batches: what it learns from.
        settings: how.
        accelerator: the processes.
        validate: gives the validation figures of the model as it is.
        snapshots: where checkpoints go; None keeps none.
        report: called with the state after every step.
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
    ) -> None:
        self.model, self.batches, self.settings = model, batches, settings
        self.accelerator, self.snapshots, self.report = accelerator, snapshots, report
        self._validate = validate
        self.dtype = precision_of(settings, accelerator.device)
        choose_attention(model.clip, accelerator.device, self.dtype)
        self._scaler = torch.amp.GradScaler(
            accelerator.device.type, enabled=self.dtype == torch.float16
        )
        self._gradients = Gradients(
            model, settings, accelerator, autocast_of(accelerator.device, self.dtype), self._scaler
        )
        self._optimiser = torch.optim.AdamW(
            model.groups(settings.weight_decay), lr=settings.learning_rate, weight_decay=0.0
        )
        self.steps = settings.epochs * batches.per_epoch
        self.state = State()
        self._best = model.tensors()
        self._pending_losses: deque[tuple[int, torch.Tensor]] = deque()
        self._window: list[float] = []
        self._loss = math.nan
        self._steps_here, self._seconds_here, self._evaluation_seconds = 0, 0.0, 0.0

    def run(self) -> Trained:
        """Train to the end, from the last checkpoint where there is one.

        Raises:
            Diverged: the loss is no longer a number.
            Unwritable: no space for a checkpoint.
            DataUnfit: a picture cannot be read.
        """
        self._resume()
        # Dropout is seeded for every step; the caller's random numbers stay as they are.
        with torch.random.fork_rng(devices=cuda_of(self.accelerator.device)):
            self.model.clip.train()
            if not self.state.base:
                self.state.base = self._evaluate()
                self._report(self.state.base)
            while not self.state.finished:
                self._epoch()
        self.model.restore(self._best)
        self.model.clip.eval()
        return Trained(
            self.state,
            self._speed(),
            memory(self.accelerator.device),
            str(self.dtype).removeprefix("torch."),
        )

    def _epoch(self) -> None:
        state = self.state
        began = time.perf_counter()
        for batch in self.batches.epoch(state.epoch, begin=state.place):
            self._step(batch)
            state.step, state.place = state.step + 1, batch.index + 1
            self._collect_losses(PENDING)
            # Waiting for the batch is part of the time that a step takes.
            self._count(time.perf_counter() - began)
            self._report()
            if state.step % self.settings.snapshot_every == 0:
                self._save()
            began = time.perf_counter()
        self._collect_losses(0)
        figures = self._evaluate()
        state.epoch, state.place = state.epoch + 1, 0
        self._record_epoch(figures)
        self._save()
        self._report(figures)

    def _step(self, batch: Batch) -> None:
        rate = self.settings.learning_rate_at(self.state.step, self.steps)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        loss = self._gradients(batch, self.state.step)
        self._scaler.step(self._optimiser)
        self._scaler.update()
        self._optimiser.zero_grad(set_to_none=True)
        self.model.clamp_scale()
        self._pending_losses.append((self.state.step + 1, loss))

    def _collect_losses(self, pending: int) -> None:
        """Look at the losses, but for the last few."""
        while len(self._pending_losses) > pending:
            step, loss = self._pending_losses.popleft()
            self._loss = float(loss)
            if not math.isfinite(self._loss):
                raise Diverged(step, self._divergence(step))
            self._window.append(self._loss)
            if step % math.ceil(self.steps / POINTS) == 0:
                mean = sum(self._window) / len(self._window)
                rate = self.settings.learning_rate_at(step - 1, self.steps)
                self.state.losses.append((step, mean, rate))
                self._window.clear()

    def _evaluate(self) -> dict[str, float]:
        """The validation figures, worked out by one process for all."""
        began = time.perf_counter()
        shared: list[dict[str, float] | None] = [None]
        if self.accelerator.is_main_process:
            try:
                shared = [dict(self._validate())]
            except VectorError as error:
                # The last step's loss was a number, and the weights it left give none.
                raise Diverged(self.state.step, self._divergence(self.state.step)) from error
        broadcast_object_list(shared)
        self._evaluation_seconds = time.perf_counter() - began
        return shared[0] or {}

    def _record_epoch(self, figures: dict[str, float]) -> None:
        """Note the figures of an epoch, and whether to go on."""
        state = self.state
        state.epochs.append({"epoch": state.epoch, "step": state.step, **figures})
        state.waited += 1
        if not state.best or figures[DECIDING] > state.best[DECIDING]:
            state.best, state.best_epoch, state.waited = figures, state.epoch, 0
            self._best = self.model.tensors()
        patience = self.settings.patience
        out_of_patience = 0 < patience <= state.waited
        state.finished = out_of_patience or state.epoch == self.settings.epochs

    def _save(self) -> None:
        self._collect_losses(0)
        if not self.model.is_finite():
            # The loss was still a number, its gradients were not.
            raise Diverged(self.state.step, self._divergence(self.state.step))
        if self.snapshots and self.accelerator.is_main_process:
            self.state.scaler = self._scaler.state_dict()
            self.snapshots.save(
                Snapshot(self.state, self.model.tensors(), self._best, self._optimiser.state_dict())
            )
        self.accelerator.wait_for_everyone()

    def _resume(self) -> None:
        found = self.snapshots.load() if self.snapshots else None
        if found is None:
            return
        self.state = found.state
        self.model.restore(found.weights)
        self._best = dict(found.best)
        self._optimiser.load_state_dict(dict(found.optimiser))
        if self.state.scaler:
            self._scaler.load_state_dict(self.state.scaler)

    def _divergence(self, step: int) -> str:
        last = self.snapshots.latest() if self.snapshots else None
        kept = f"the last good checkpoint is {last}" if last else "no checkpoint was written yet"
        return (
            f"Training diverged at step {step}: its loss, or what it left of the weights, is no "
            f"longer a number ({kept}); begin anew with a smaller --learning-rate, a --warm-up, or "
            "--precision float32."
        )

    def _count(self, seconds: float) -> None:
        self.state.seconds += seconds
        self._steps_here, self._seconds_here = self._steps_here + 1, self._seconds_here + seconds

    def _speed(self) -> float:
        """Products a second in this process's life; 0 before the first step."""
        if not self._seconds_here:
            return 0.0
        return self._steps_here * self.settings.batch / self._seconds_here

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
                memory=memory(self.accelerator.device),
                seconds_left=left + epochs * self._evaluation_seconds,
                validation=validation or {},
            )
        )
