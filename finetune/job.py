"""One training from catalogue to variant; stopped at any instant and run again, it goes on."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from filelock import FileLock, Timeout

from catalog.catalogue import Catalogue
from encoder.checkpoint import DEFAULT_BASE, Checkpoint
from encoder.digest import digest_json
from encoder.encoder import CPU_BATCH, GPU_BATCH
from encoder.errors import VariantInvalid
from encoder.tokenizer import Tokenizer
from encoder.variant import NAME, Variant
from encoder.variants import Variants
from finetune.artefact import Finished, write_artefact
from finetune.batches import Batches, Share
from finetune.errors import RunConflict, SettingsInvalid
from finetune.evaluation import Evaluation
from finetune.examples import Examples, read_examples
from finetune.model import Model
from finetune.progress import Report, no_progress
from finetune.retrieval import Validation
from finetune.sampling import shuffled
from finetune.settings import Settings
from finetune.snapshot import Snapshots
from finetune.split import Split, check, draw_split, rows_of
from finetune.training import Trained, Training
from pictures.store import PictureStore

RUNS = "training"  # of the home: runs that are not through
RUN, CHECKPOINTS = "run.json", "checkpoints"
JOB = "finetune"  # in the catalogue's log of runs


@dataclass(frozen=True)
class Result:
    """What a training left.

    Attributes:
        variant: the variant.
        trained: how training went.
        heldout: how base and variant do on products held out; None where none were.
    """

    variant: Variant
    trained: Trained
    heldout: Evaluation | None


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
    """Train a variant on the catalogue.

    Args:
        home: the shop's folder.
        name: of the variant.
        settings: how to train.
        base: hub id or folder of a CLIP checkpoint.
        revision: branch, tag or commit on the hub.
        cpu: stay on the CPU where there is a GPU, too.
        workers: threads that decode pictures; one less than there are cores when None.
        force: replace another variant of that name.
        restart: begin anew where a run of that name was stopped.
        report: is told of every step.

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
    with Catalogue(home, create=False) as catalogue, _alone(folder, first):
        checkpoint = Checkpoint.find(base, revision)
        _check_sides(checkpoint, catalogue)
        examples = read_examples(
            catalogue,
            settings.template,
            settings.views,
            sample=settings.sample,
            seed=settings.seed,
        )
        split = draw_split(
            examples, seed=settings.seed, validation=settings.validation, test=settings.test
        )
        check(examples, split, settings.batch)
        identity = {
            "settings": settings.facts(),
            "base": checkpoint.base,
            "revision": checkpoint.revision,
            "data": examples.fingerprint,
            "processes": accelerator.num_processes,
        }
        run = digest_json(identity)[:16]
        if first:
            _claim(home, name, run, force or restart)
            _open(folder, identity, restart)
        accelerator.wait_for_everyone()
        with _logged(catalogue, first, {"variant": name, **identity}) as figures:
            model, trained = fit(
                checkpoint,
                examples,
                split,
                catalogue.pictures,
                settings,
                accelerator=accelerator,
                workers=workers,
                snapshots=Snapshots(folder / CHECKPOINTS),
                report=report,
            )
            if not first:
                return None
            finished = Finished(model, trained, settings, examples, split, catalogue.pictures, run)
            variant, held = write_artefact(home, name, finished)
            figures |= variant.manifest.notes["figures"]
        shutil.rmtree(folder)
        return Result(variant, trained, held)


def fit(
    checkpoint: Checkpoint,
    examples: Examples,
    split: Split,
    pictures: PictureStore,
    settings: Settings,
    *,
    accelerator: Accelerator | None = None,
    workers: int | None = None,
    snapshots: Snapshots | None = None,
    report: Report = no_progress,
) -> tuple[Model, Trained]:
    """Train a model; the part that needs no catalogue and writes no variant.

    Args:
        checkpoint: the base.
        examples: all products.
        split: which of them to learn from, and which to judge by.
        pictures: where their pictures lie.
        settings: how to train.
        accelerator: the processes; this one alone when None.
        workers: threads that decode pictures; one less than there are cores when None.
        snapshots: where checkpoints go and are looked for; None keeps none.
        report: is told of every step.

    Returns:
        The model with the weights of the best epoch, and how training went.
    """
    accelerator = accelerator or Accelerator()
    if settings.batch % accelerator.num_processes or settings.chunk % accelerator.num_processes:
        raise SettingsInvalid(
            f"--batch and --micro-batch are shared by {accelerator.num_processes} processes: "
            "give multiples of that."
        )
    device = accelerator.device
    model = Model.load(checkpoint, settings, device)
    batches = Batches(
        examples,
        split.train,
        pictures,
        checkpoint.processor,
        Tokenizer(checkpoint.folder, checkpoint.max_tokens),
        settings,
        Share(accelerator.process_index, accelerator.num_processes),
        workers,
    )
    validation = Validation(
        model,
        examples,
        pictures,
        rows_of(examples, split.validation),
        rows_of(examples, shuffled(split.train, settings.seed, "gallery")),
        CPU_BATCH if device.type == "cpu" else GPU_BATCH,
    )
    training = Training(model, batches, settings, accelerator, validation, snapshots, report)
    return model, training.run()


def _check_sides(checkpoint: Checkpoint, catalogue: Catalogue) -> None:
    if checkpoint.image_side > catalogue.picture_side:
        raise SettingsInvalid(
            f"{checkpoint.base} looks at pictures of {checkpoint.image_side} pixels, and the "
            f"catalogue keeps {catalogue.picture_side}: fill a new home with `vitrine ingest "
            f"products … --picture-side {checkpoint.image_side}`."
        )


@contextmanager
def _alone(folder: Path, first: bool) -> Iterator[None]:
    """Hold a run's folder; the lock goes with the process, however that ends."""
    if not first:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunConflict(
            f"Another training of {folder.name!r} is at work in {folder}: let it finish, or stop "
            "it, and run this again."
        ) from None
    try:
        yield
    finally:
        lock.release()


def _claim(home: Path, name: str, run: str, force: bool) -> None:
    """Make sure that the name is free, or this run's own."""
    variants = Variants(home)
    if force or name not in {variant.name for variant in variants.list()}:
        return
    notes = variants.get(name).manifest.notes
    if notes.get("run") != run:
        raise RunConflict(
            f"Another variant is already called {name!r}: choose another --variant, or replace "
            "it with --force."
        )
    if not (home / RUNS / name / RUN).exists():
        raise RunConflict(
            f"The variant {name!r} was trained with these very settings on these products: train "
            "it again with --force, or build its collection with `vitrine ingest vectors "
            f"--variant {name}`."
        )


def _open(folder: Path, identity: Mapping[str, Any], restart: bool) -> None:
    """Go on with the run that was stopped here, or begin one; without a checkpoint none is lost."""
    file = folder / RUN
    if file.exists() and not restart and Snapshots(folder / CHECKPOINTS).latest():
        try:
            before = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            before = {}
        if before == identity:
            return
        raise RunConflict(
            f"A training of {folder.name!r} was stopped in {folder} that differs in "
            f"{', '.join(_differing(before, identity))}: give it the same settings and products "
            "to go on with it, or begin anew with --restart."
        )
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    unfinished = file.with_suffix(".new")
    unfinished.write_text(json.dumps(identity, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(file)


def _differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Names of what two runs do not have in common."""
    then, here = before.get("settings", {}), now["settings"]
    settings = sorted(name for name in {*then, *here} if then.get(name) != here.get(name))
    others = [name for name in now if name != "settings" and before.get(name) != now[name]]
    return [*settings, *others]


@contextmanager
def _logged(
    catalogue: Catalogue, first: bool, settings: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Keep a record of the run in the catalogue."""
    figures: dict[str, Any] = {}
    run = catalogue.begin_run(JOB, settings) if first else 0
    try:
        yield figures
    except BaseException as error:
        if first:
            stopped = isinstance(error, KeyboardInterrupt)
            catalogue.end_run(run, "stopped" if stopped else "failed", {"error": str(error)})
        raise
    if first:
        catalogue.end_run(run, "done", figures)
