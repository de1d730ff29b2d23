"""A training job, from catalogue to variant. Stopped at any instant and run again, it resumes."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from accelerate import Accelerator

from catalog.catalogue import Catalogue
from encoder.checkpoint import DEFAULT_BASE, Checkpoint
from encoder.encoder import CPU_BATCH, GPU_BATCH
from encoder.errors import VariantInvalid
from encoder.files import digest_json
from encoder.variant import NAME, Variant
from finetune.artefact import Finished, write_artefact
from finetune.batches import Batches, Share
from finetune.errors import FinetuneError
from finetune.evaluation import Evaluation
from finetune.examples import Examples, read_examples
from finetune.model import Model
from finetune.precision import NO_BFLOAT16, falls_back
from finetune.progress import Report, no_progress
from finetune.retrieval import Validation
from finetune.runs import CHECKPOINTS, RUNS, begin_or_resume, exclusive, finished_variant, recorded
from finetune.sampling import shuffled
from finetune.settings import Settings
from finetune.snapshot import Snapshots
from finetune.split import Split, check_split, draw_split, rows_of
from finetune.training import Trained, Training
from vitrine.command import messages


@dataclass(frozen=True)
class Result:
    """The result of a job.

    Attributes:
        variant: the variant, whose manifest has the figures.
        trained: the training; None where an earlier job had finished it.
        evaluation: on the test split; None where no test products were held out, or where an
            earlier job had finished.
    """

    variant: Variant
    trained: Trained | None
    evaluation: Evaluation | None


def train(
    home: Path,
    name: str,
    settings: Settings,
    *,
    base: str = DEFAULT_BASE,
    revision: str | None = None,
    cpu: bool = False,
    workers: int | None = None,
    force: bool = False,
    restart: bool = False,
    report: Report = no_progress,
) -> Result | None:
    """Train a variant on the catalogue. Idempotent: a finished training is not done again.

    Args:
        home: the shop's folder.
        name: of the variant.
        settings: how to train.
        base: hub id or folder of a CLIP checkpoint.
        revision: branch, tag or commit on the hub.
        cpu: do not use a GPU.
        workers: decoding threads; one less than the cores when None.
        force: replace a variant of that name, this training's own as well.
        restart: discard the checkpoints of a stopped run of that name.
        report: called with the progress after every step.

    Returns:
        The result; None in all processes but the first.

    Raises:
        FinetuneError, CatalogError, EncoderError: each with one sentence.
    """
    if not NAME.fullmatch(name):
        raise VariantInvalid(
            f"{name!r} cannot name a variant: use lower-case letters, digits and underscores, "
            "at most 64."
        )
    accelerator = Accelerator(cpu=cpu)
    first = accelerator.is_main_process
    folder = home / RUNS / name
    with Catalogue(home, create=False) as catalogue, exclusive(catalogue, name, first):
        checkpoint = Checkpoint.find(base, revision)
        _check_side(checkpoint, catalogue)
        examples, split = read_data(catalogue, settings)
        identity = {
            "settings": settings.facts(),
            "base": checkpoint.base,
            "revision": checkpoint.revision,
            "data": examples.fingerprint,
            "processes": accelerator.num_processes,
        }
        run = digest_json(identity)[:16]
        # Every process reads the same; the first writes after the barrier only.
        finished = None if force or restart else finished_variant(home, name, run)
        accelerator.wait_for_everyone()
        if finished:
            return Result(finished, None, None) if first else None
        if first:
            begin_or_resume(folder, identity, restart)
        accelerator.wait_for_everyone()
        with recorded(catalogue, first, {"variant": name, **identity}) as logged:
            if first and falls_back(settings, accelerator.device):
                messages.print(NO_BFLOAT16)
            model, trained = fit(
                checkpoint,
                examples,
                split,
                settings,
                accelerator=accelerator,
                workers=workers,
                snapshots=Snapshots(folder / CHECKPOINTS),
                report=report,
            )
            if not first:
                return None
            training = Finished(model, trained, settings, examples, split, run)
            variant, evaluation = write_artefact(home, name, training)
            logged.figures |= variant.manifest.notes["figures"]
        shutil.rmtree(folder)
        return Result(variant, trained, evaluation)


def read_data(catalogue: Catalogue, settings: Settings) -> tuple[Examples, Split]:
    """The products and their split, checked.

    Raises:
        FinetuneError: there is too little to train on or to evaluate with.
    """
    examples = read_examples(
        catalogue, settings.template, settings.views, sample=settings.sample, seed=settings.seed
    )
    split = draw_split(
        examples, seed=settings.seed, validation=settings.validation, test=settings.test
    )
    check_split(examples, split, settings.batch)
    return examples, split


def fit(
    checkpoint: Checkpoint,
    examples: Examples,
    split: Split,
    settings: Settings,
    *,
    accelerator: Accelerator | None = None,
    workers: int | None = None,
    snapshots: Snapshots | None = None,
    report: Report = no_progress,
) -> tuple[Model, Trained]:
    """Train a model, without a catalogue and without writing a variant.

    Args:
        checkpoint: the base.
        examples: all products.
        split: the training and validation products.
        settings: how to train.
        accelerator: the processes; this one alone when None.
        workers: decoding threads; one less than the cores when None.
        snapshots: where checkpoints are written and read; None: nowhere.
        report: called with the progress after every step.

    Returns:
        The model with the weights of the best epoch, and the result.
    """
    accelerator = accelerator or Accelerator()
    processes, device = accelerator.num_processes, accelerator.device
    if settings.batch % processes or settings.chunk % processes:
        raise FinetuneError(
            f"batch and micro_batch are shared by {processes} processes: give multiples of that."
        )
    model = Model.load(checkpoint, settings, device)
    batches = Batches(
        examples,
        split.train,
        checkpoint,
        settings,
        Share(accelerator.process_index, processes),
        workers,
    )
    validation = Validation(
        model,
        examples,
        rows_of(examples, split.validation),
        rows_of(examples, shuffled(split.train, settings.seed, "gallery")),
        CPU_BATCH if device.type == "cpu" else GPU_BATCH,
    )
    training = Training(model, batches, settings, accelerator, validation, snapshots, report)
    return model, training.run()


def _check_side(checkpoint: Checkpoint, catalogue: Catalogue) -> None:
    if checkpoint.image_side > catalogue.picture_side:
        raise FinetuneError(
            f"{checkpoint.base} takes pictures of {checkpoint.image_side} pixels, and the "
            f"catalogue keeps {catalogue.picture_side}: fill a new home with `vitrine ingest "
            f"products … --picture-side {checkpoint.image_side}`."
        )
