"""Chooses one of several candidates on the validation products, and trains it at full length.

`choice.json` in the run's folder holds the plan and the score of each trial. A job that was stopped
reads them, so it goes on in the middle of the trial in which it was stopped.
"""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from accelerate.utils import broadcast_object_list

from eval.measures import DECIDING
from finetune.errors import Diverged, FinetuneError
from finetune.plan import Amount, Plan, Speed, duration, make_plan, seconds_per_product
from finetune.progress import Report
from finetune.settings import Settings
from finetune.snapshot import Snapshots
from finetune.trainer import Trainer
from finetune.training import Trained, Training
from vitrine.command import messages
from vitrine.whole_files import write_whole

FILE, CHECKPOINTS = "choice.json", "checkpoints"
# Weights below 1 keep more of the base (Wortsman et al. 2022, WiSE-FT).
ADAPTER_WEIGHTS = (0.25, 0.5, 0.75)

Facts = dict[str, Any]


@dataclass
class Record:
    """The content of `choice.json`.

    Attributes:
        base: validation measures of the base.
        plan: of the choice.
        trials: the best validation nDCG@10 of each trial so far; None: it diverged.
        diverged: candidates that diverged at full length.
    """

    base: dict[str, float]
    plan: Plan
    trials: dict[str, float | None] = field(default_factory=dict)
    diverged: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, file: Path) -> "Record | None":
        """Read a record; None where there is none.

        Raises:
            FinetuneError: it is damaged.
        """
        if not file.exists():
            return None
        try:
            facts = json.loads(file.read_text(encoding="utf-8"))
            return cls(**{**facts, "plan": Plan(**facts["plan"])})
        except (ValueError, TypeError, KeyError) as error:
            raise FinetuneError(
                f"{file} cannot be read ({error}): start the run from the beginning with --restart."
            ) from error

    def write(self, file: Path) -> None:
        """Write it whole or not at all."""
        write_whole(file, json.dumps(asdict(self), indent=1) + "\n")


@dataclass(frozen=True)
class Chosen:
    """A finished training, and how its settings were chosen.

    Attributes:
        settings: those of the candidate, with the adapter weight that was chosen.
        training: with the model.
        trained: the result.
        facts: candidates and adapter weights with their scores, as JSON has them; empty where
            there was no choice.
    """

    settings: Settings
    training: Training
    trained: Trained
    facts: Facts


class Choice:
    """A choice among candidates.

    Args:
        trainer: of the job.
        candidates: settings by name, in order of usefulness.
        folder: of the run.
        seconds: at most; None: no limit.
        report: called with the progress after every step.
    """

    def __init__(
        self,
        trainer: Trainer,
        candidates: Mapping[str, Settings],
        folder: Path,
        seconds: float | None,
        report: Report,
    ) -> None:
        self._trainer, self._folder, self._report = trainer, folder, report
        self._record = Record.read(folder / FILE) or self._begin(candidates, seconds)
        plan = self._record.plan
        named = list(candidates.items())[: plan.candidates]
        self._candidates = {name: replace(each, epochs=plan.epochs) for name, each in named}

    def run(self, *, choose_weight: bool) -> Chosen:
        """Try the candidates, and train the best one.

        Args:
            choose_weight: choose the adapter weight, too.

        Raises:
            FinetuneError: all candidates diverged, or a checkpoint cannot be written.
        """
        name, training, trained = self._train_best(self._ranked())
        settings, weights = self._candidates[name], {1.0: trained.state.best[DECIDING]}
        if choose_weight and settings.method == "lora":
            weights |= _scores_by_weight(training)
            best = max(weights, key=lambda weight: (weights[weight], -weight))
            settings = replace(settings, adapter_weight=best)
        return Chosen(settings, training, trained, self._facts(name, trained, weights))

    def _begin(self, candidates: Mapping[str, Settings], seconds: float | None) -> Record:
        """Measure the base and the speed, and make the plan."""
        first = next(iter(candidates.values()))
        training = self._trainer.training(first)
        began = time.perf_counter()
        base = training.validate()
        validation = time.perf_counter() - began
        # Base and variant search the whole catalogue in the end.
        galleries = 2 * len(self._trainer.examples) / self._trainer.gallery
        speed = Speed(seconds_per_product(training), validation, galleries * validation)
        shared = [speed]
        broadcast_object_list(shared)  # every process makes the same plan
        amount = Amount(
            len(candidates),
            first.epochs,
            training.batches.per_epoch * first.batch,
            len(ADAPTER_WEIGHTS),
        )
        plan = make_plan(amount, shared[0], seconds)
        if self._trainer.first:
            messages.print(_announcement(plan, len(candidates), self._trainer, base), markup=False)
        record = Record(base, plan)
        self._write(record)
        return record

    def _ranked(self) -> list[str]:
        """The candidates by the scores of their trials, without those that diverged."""
        if len(self._candidates) == 1:
            return list(self._candidates)
        trials = self._record.trials
        for name, settings in self._candidates.items():
            if name in trials:
                continue
            trial = f"{name}_trial"
            training = self._training(replace(settings, epochs=self._record.plan.trial), trial)
            try:
                trials[name] = training.run().state.best[DECIDING]
            except Diverged:
                trials[name] = None
            self._write(self._record)
            if self._trainer.first:
                shutil.rmtree(self._folder / CHECKPOINTS / trial, ignore_errors=True)
        scores = {name: score for name, score in trials.items() if score is not None}
        return sorted(scores, key=lambda name: -scores[name])

    def _train_best(self, ranked: Sequence[str]) -> tuple[str, Training, Trained]:
        """Train the first candidate at full length, the next one where it diverges."""
        for name in ranked:
            if name in self._record.diverged:
                continue
            training = self._training(self._candidates[name], name)
            try:
                return name, training, training.run()
            except Diverged:
                self._record.diverged.append(name)
                self._write(self._record)
        raise FinetuneError(
            "All candidates diverged: their losses or weights are not finite; give a smaller "
            "--learning-rate, or --precision float32, and --restart."
        )

    def _training(self, settings: Settings, label: str) -> Training:
        return self._trainer.training(
            settings,
            Snapshots(self._folder / CHECKPOINTS / label),
            lambda progress: self._report(replace(progress, candidate=label)),
            self._record.base,
        )

    def _write(self, record: Record) -> None:
        if self._trainer.first:
            record.write(self._folder / FILE)

    def _facts(self, chosen: str, trained: Trained, weights: Mapping[float, float]) -> Facts:
        facts = {name: each.facts() for name, each in self._candidates.items()}
        first = facts[chosen]
        differing = [
            key for key in first if any(each[key] != first[key] for each in facts.values())
        ]
        record = self._record
        return {
            "estimated_seconds": round(record.plan.seconds),
            "base": record.base,
            "trial_epochs": record.plan.trial,
            "epochs": record.plan.epochs,
            "candidates": [
                {
                    "name": name,
                    "settings": {key: each[key] for key in differing},
                    "trial": record.trials.get(name),
                    "full": trained.state.best[DECIDING] if name == chosen else None,
                    "diverged": name in record.diverged or record.trials.get(name, 0.0) is None,
                }
                for name, each in facts.items()
            ],
            "chosen": chosen,
            "adapter_weights": [
                {"weight": weight, DECIDING: score} for weight, score in sorted(weights.items())
            ],
        }


def _scores_by_weight(training: Training) -> dict[float, float]:
    """Validation nDCG@10 of a trained adapter at lower weights."""
    scores = {}
    for weight in ADAPTER_WEIGHTS:
        with training.model.weighted(weight):
            scores[weight] = training.validate()[DECIDING]
    return scores


def _announcement(plan: Plan, candidates: int, trainer: Trainer, base: Mapping[str, float]) -> str:
    parts = trainer.split
    products = f"on {len(parts.train):,} products"
    tries = f"Trains {products}"
    if plan.candidates > 1:
        fewer = f" of {candidates}" if plan.candidates < candidates else ""
        tries = f"Tries {plan.candidates}{fewer} candidates {products}, and trains the best one"
    return (
        f"{tries} for at most {plan.epochs} epochs; chooses by {len(parts.validation):,} "
        f"validation products and evaluates on {len(parts.test):,} held-out products: at most "
        f"about {duration(plan.seconds)} on this machine. The base has a validation {DECIDING} of "
        f"{base[DECIDING]:.3f}."
    )
