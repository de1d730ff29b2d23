"""Chooses one of several candidates on the validation products, and trains it to its end.

`choice.json` in the run's folder holds the plan and the scores of each round. A job that was
stopped reads them, so it goes on in the middle of the candidate in which it was stopped.
"""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from accelerate.utils import broadcast_object_list

from eval.measures import DECIDING
from finetune.errors import Diverged, FinetuneError
from finetune.plan import Amount, Plan, Round, Speed, duration, make_plan, seconds_per_product
from finetune.progress import Report
from finetune.settings import Settings
from finetune.snapshot import Snapshots
from finetune.trainer import Trainer
from finetune.training import Trained, Training
from vitrine.command import messages

FILE, CHECKPOINTS = "choice.json", "checkpoints"
# Weights below 1 keep more of the base (Wortsman et al. 2022, WiSE-FT).
ADAPTER_WEIGHTS = (0.25, 0.5, 0.75)

ALL_DIVERGED = (
    "All candidates diverged: their losses or weights are not finite; give a smaller "
    "--learning-rate, or --precision float32, and --restart."
)


@dataclass
class Record:
    """The content of `choice.json`.

    Attributes:
        base: validation measures of the base.
        seconds: at most, as estimated.
        rounds: candidates and epochs of each round.
        scores: of each round so far, the best validation nDCG@10 by candidate; None: it diverged.
    """

    base: dict[str, float]
    seconds: float
    rounds: list[tuple[int, int]]
    scores: list[dict[str, float | None]] = field(default_factory=list)

    @classmethod
    def read(cls, file: Path) -> "Record | None":
        """Read a record; None where there is none.

        Raises:
            FinetuneError: it is damaged.
        """
        if not file.exists():
            return None
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise FinetuneError(
                f"{file} cannot be read ({error}): start the run from the beginning with --restart."
            ) from error

    def write(self, file: Path) -> None:
        """Write it whole or not at all."""
        unfinished = file.with_suffix(".new")
        unfinished.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        unfinished.replace(file)

    @property
    def plan(self) -> Plan:
        """The plan that the run follows."""
        return Plan([Round(*each) for each in self.rounds], self.seconds)


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
    facts: dict[str, Any]


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
        """Train the candidates by the plan.

        Args:
            choose_weight: choose the adapter weight, too.

        Raises:
            FinetuneError: all candidates diverged, or a checkpoint cannot be written.
        """
        *rounds, last = self._record.plan.rounds
        names = list(self._candidates)
        for number, each in enumerate(rounds):
            names = self._round(number, names[: each.candidates], each.epochs)
            self._delete_all_but(names[: self._record.plan.rounds[number + 1].candidates])
        name, training, trained = self._finish(len(rounds), names, last.epochs)
        settings, weights = self._candidates[name], {1.0: trained.state.best[DECIDING]}
        if choose_weight and settings.method == "lora":
            weights |= _scores_by_weight(training)
            best = max(weights, key=lambda weight: (weights[weight], -weight))
            settings = replace(settings, adapter_weight=best)
        return Chosen(settings, training, trained, self._facts(name, weights))

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
            messages.print(_announcement(plan, len(candidates), self._trainer), markup=False)
        rounds = [(each.candidates, each.epochs) for each in plan.rounds]
        record = Record(base, plan.seconds, rounds)
        self._write(record)
        return record

    def _round(self, number: int, names: Sequence[str], epochs: int) -> list[str]:
        """Train some candidates up to an epoch; returns their names, the best one first.

        Those that diverged are not among them.
        """
        for name in names:
            if name not in self._scores(number):
                with suppress(Diverged):
                    self._train(number, name, epochs)
        scores = {name: score for name, score in self._scores(number).items() if score is not None}
        if not scores:
            raise FinetuneError(ALL_DIVERGED)
        return sorted(scores, key=lambda name: -scores[name])

    def _finish(
        self, number: int, names: Sequence[str], epochs: int
    ) -> tuple[str, Training, Trained]:
        """Train the first candidate to its end, the next one where it diverges."""
        for name in names:
            if self._scores(number).get(name, 0.0) is not None:
                with suppress(Diverged):
                    return name, *self._train(number, name, epochs)
        raise FinetuneError(ALL_DIVERGED)

    def _train(self, number: int, name: str, epochs: int) -> tuple[Training, Trained]:
        """Train one candidate up to an epoch, and record its score."""
        training = self._trainer.training(
            self._candidates[name],
            Snapshots(self._folder_of(name)),
            lambda progress: self._report(replace(progress, candidate=name)),
            self._record.base,
        )
        scores = self._scores(number)
        try:
            trained = training.run(epochs)
        except Diverged:
            scores[name] = None
            raise
        else:
            scores[name] = trained.state.best[DECIDING]
        finally:
            if name in scores:
                self._write(self._record)
        return training, trained

    def _scores(self, number: int) -> dict[str, float | None]:
        """The scores of a round so far."""
        while len(self._record.scores) <= number:
            self._record.scores.append({})
        return self._record.scores[number]

    def _write(self, record: Record) -> None:
        if self._trainer.first:
            record.write(self._folder / FILE)

    def _folder_of(self, name: str) -> Path:
        return self._folder / CHECKPOINTS / name

    def _delete_all_but(self, names: Sequence[str]) -> None:
        """Delete the checkpoints of the candidates that are dropped."""
        for name in self._candidates:
            if name not in names and self._trainer.first:
                shutil.rmtree(self._folder_of(name), ignore_errors=True)

    def _facts(self, chosen: str, weights: Mapping[float, float]) -> dict[str, Any]:
        facts = {name: each.facts() for name, each in self._candidates.items()}
        first = next(iter(facts.values()))
        differing = [
            key for key in first if any(each[key] != first[key] for each in facts.values())
        ]
        plan = self._record.plan
        candidates = []
        for name, each in facts.items():
            trained = [
                number for number, scores in enumerate(self._record.scores) if name in scores
            ]
            candidates.append(
                {
                    "name": name,
                    "settings": {key: each[key] for key in differing},
                    "epochs": plan.rounds[trained[-1]].epochs,
                    DECIDING: self._record.scores[trained[-1]][name],
                    "chosen": name == chosen,
                }
            )
        return {
            "estimated_seconds": round(plan.seconds),
            "base": self._record.base,
            "candidates": candidates,
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


def _announcement(plan: Plan, candidates: int, trainer: Trainer) -> str:
    parts = trainer.split
    tried = f"{plan.candidates} candidates" if plan.candidates > 1 else "one candidate"
    fewer = f" of {candidates}" if plan.candidates < candidates else ""
    return (
        f"Trains {tried}{fewer} on {len(parts.train):,} products for at most {plan.epochs} "
        f"epochs, chooses by {len(parts.validation):,} validation products and evaluates on "
        f"{len(parts.test):,} held-out products: at most about {duration(plan.seconds)} on this "
        "machine."
    )
