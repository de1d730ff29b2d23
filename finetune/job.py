"""A training job, from catalogue to variant. Stopped at any instant and run again, it resumes."""

import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from accelerate import Accelerator

from catalog.catalogue import Catalogue
from encoder.base import as_dual_encoder, find_base
from encoder.checkpoint import DEFAULT_BASE, Checkpoint
from encoder.errors import VariantInvalid
from encoder.families import Family
from encoder.files import digest_json
from encoder.variant import NAME, Variant
from finetune.artefact import Finished, write_artefact
from finetune.candidates import Search, candidates_for, common_settings, settings_for
from finetune.checkpoint import writing
from finetune.choice import Choice, Chosen
from finetune.errors import FinetuneError
from finetune.evaluation import Evaluation
from finetune.examples import Examples, read_examples
from finetune.pairs import SplitPairs, read_pairs, split_pairs
from finetune.precision import NO_BFLOAT16, falls_back
from finetune.progress import Report, no_progress
from finetune.runs import CHECKPOINTS, RUNS, begin_or_resume, exclusive, finished_variant, recorded
from finetune.settings import Settings
from finetune.snapshot import Snapshots
from finetune.split import Split, check_split, draw_split, in_categories
from finetune.trainer import Trainer
from finetune.training import Trained
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
    settings: Settings | Search,
    *,
    base: str = DEFAULT_BASE,
    revision: str | None = None,
    cpu: bool = False,
    workers: int | None = None,
    force: bool = False,
    restart: bool = False,
    pairs: Path | None = None,
    report: Report = no_progress,
) -> Result | None:
    """Train a variant on the catalogue. Idempotent: a finished training is not done again.

    Args:
        home: the shop's folder.
        name: of the variant.
        settings: how to train, or how that is chosen.
        base: hub id or folder of a checkpoint.
        revision: branch, tag or commit on the hub.
        cpu: do not use a GPU.
        workers: decoding threads; one less than the cores when None.
        force: replace a variant of that name, this training's own as well.
        restart: discard the checkpoints of a stopped run of that name.
        pairs: file of queries and the products that they fit; `pair_share` says how many of the
            training texts are such queries.
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
    # Without a GPU, accelerate joins torchrun's processes only where it is to use the CPU.
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    accelerator = Accelerator(cpu=cpu or (several and not torch.cuda.is_available()))
    first = accelerator.is_main_process
    folder = home / RUNS / name
    with Catalogue(home, create=False) as catalogue, exclusive(catalogue, name, first):
        checkpoint = as_dual_encoder(find_base(base, revision))
        _check_side(checkpoint, catalogue)
        prepared = _prepare(catalogue, settings, checkpoint.family, pairs)
        examples, split, common = prepared.examples, prepared.split, prepared.common
        candidates = prepared.candidates
        identity = {
            "settings": common.facts(),
            "base": checkpoint.base,
            "revision": checkpoint.revision,
            "data": examples.fingerprint,
            "processes": accelerator.num_processes,
        }
        if common.categories:  # of the products, which the data's fingerprint lacks
            identity["split"] = digest_json(split.parts())
        if isinstance(settings, Search):
            identity["candidates"] = {each: made.facts() for each, made in candidates.items()}
            identity["minutes"] = settings.minutes
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
            if first and falls_back(common, accelerator.device):
                messages.print(NO_BFLOAT16)
            trainer = Trainer(checkpoint, examples, split, accelerator, workers, prepared.pairs)
            search = settings if isinstance(settings, Search) else None
            chosen = _fit(trainer, common, candidates, search, folder, report)
            if not first:
                return None
            with writing(home):
                training = Finished(chosen, examples, split, run, prepared.pairs)
                variant, evaluation = write_artefact(home, name, training)
            logged.figures |= variant.manifest.notes["figures"]
        shutil.rmtree(folder)
        return Result(variant, chosen.trained, evaluation)


@dataclass(frozen=True)
class _Prepared:
    """What a job trains on.

    Attributes:
        examples: all products.
        split: which of them are held out.
        pairs: queries of people, divided like the products; None: none.
        common: the settings that all candidates share.
        candidates: by name; empty where the settings are given.
    """

    examples: Examples
    split: Split
    pairs: SplitPairs | None
    common: Settings
    candidates: Mapping[str, Settings]


def _prepare(
    catalogue: Catalogue, settings: Settings | Search, family: Family, file: Path | None
) -> _Prepared:
    """The products, their split, and the settings.

    Raises:
        FinetuneError: there is too little to train on or to evaluate with.
    """
    common = common_settings(settings.fixed) if isinstance(settings, Search) else settings
    common = common.with_loss(family.loss)
    examples = read_examples(
        catalogue, common.template, common.views, sample=common.sample, seed=common.seed
    )
    if file:
        examples = replace(examples, pairs=read_pairs(file, examples.row_of.keys()))
    queries_alone = examples.pairs is not None and common.pair_share == 1
    candidates: dict[str, Settings] = {}
    if isinstance(settings, Search):
        wanted = in_categories(examples, common.categories)
        paired = _paired(examples, wanted) if queries_alone else 1.0
        common = settings_for(len(wanted), settings.fixed, paired).with_loss(family.loss)
        candidates = candidates_for(common, family.lora, settings.fixed)
    split = draw_split(
        examples,
        seed=common.seed,
        validation=common.validation,
        test=common.test,
        categories=common.categories,
    )
    pairs = split_pairs(examples.pairs, split.parts(), common.seed) if examples.pairs else None
    if pairs and queries_alone:
        split = replace(split, train=[name for name in split.train if name in pairs.queries_of])
    check_split(examples, split, common.batch)
    return _Prepared(examples, split, pairs, common, candidates)


def _paired(examples: Examples, wanted: Collection[str]) -> float:
    """Share of some products that a query was found to fit."""
    products = examples.pairs.products.values() if examples.pairs else ()
    return len(set().union(*products) & set(wanted)) / len(wanted)


def _fit(
    trainer: Trainer,
    settings: Settings,
    candidates: Mapping[str, Settings],
    search: Search | None,
    folder: Path,
    report: Report,
) -> Chosen:
    """Train with the settings given, or with those of the best candidate."""
    if search is None:
        training = trainer.training(settings, Snapshots(folder / CHECKPOINTS), report)
        return Chosen(settings, training, training.run(), {})
    limit = None if search.minutes is None else search.minutes * 60
    choice = Choice(trainer, candidates, folder, limit, report)
    return choice.run(choose_weight="adapter_weight" not in search.fixed)


def _check_side(checkpoint: Checkpoint, catalogue: Catalogue) -> None:
    if checkpoint.image_side > catalogue.picture_side:
        raise FinetuneError(
            f"{checkpoint.base} takes pictures of {checkpoint.image_side} pixels, and the "
            f"catalogue keeps {catalogue.picture_side}: fill a new home with `vitrine ingest "
            f"products … --picture-side {checkpoint.image_side}`."
        )
