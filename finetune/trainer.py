"""Makes the trainings of one job: the same products and base, other settings."""

from collections.abc import Mapping
from dataclasses import dataclass

from accelerate import Accelerator

from encoder.checkpoint import Checkpoint
from encoder.encoder import CPU_BATCH, GPU_BATCH
from finetune.batches import Batches, Share
from finetune.errors import FinetuneError
from finetune.examples import Examples
from finetune.model import Model
from finetune.pairs import SplitPairs
from finetune.progress import Report, no_progress
from finetune.query_retrieval import QueryTask
from finetune.sampling import shuffled
from finetune.settings import Settings
from finetune.snapshot import Snapshots
from finetune.split import Split, rows_of
from finetune.training import Training
from finetune.validation import MIN_GALLERY, Validation


@dataclass(frozen=True)
class Trainer:
    """What the trainings of a job share.

    Attributes:
        checkpoint: the base.
        examples: all products.
        split: the training and validation products.
        accelerator: the processes.
        workers: decoding threads; one less than the cores when None.
        pairs: queries to train on and to validate with, too; None: none.
    """

    checkpoint: Checkpoint
    examples: Examples
    split: Split
    accelerator: Accelerator
    workers: int | None = None
    pairs: SplitPairs | None = None

    @property
    def first(self) -> bool:
        """Whether this process writes and reports for all."""
        return self.accelerator.is_main_process

    @property
    def gallery(self) -> int:
        """Products that a validation searches."""
        parts = self.split
        return max(
            len(parts.validation), min(MIN_GALLERY, len(parts.validation) + len(parts.train))
        )

    def training(
        self,
        settings: Settings,
        snapshots: Snapshots | None = None,
        report: Report = no_progress,
        base: Mapping[str, float] | None = None,
    ) -> Training:
        """Load the base and prepare a training.

        Args:
            settings: how to train.
            snapshots: where checkpoints are written and read; None: nowhere.
            report: called with the progress after every step.
            base: validation measures of the base, where they are known.

        Raises:
            EncoderError: the weights cannot be read.
            FinetuneError: the settings do not fit the model or the processes.
        """
        processes, device = self.accelerator.num_processes, self.accelerator.device
        if settings.batch % processes or settings.chunk % processes:
            raise FinetuneError(
                f"batch and micro_batch are shared by {processes} processes: give multiples of "
                "that."
            )
        examples, split = self.examples, self.split
        model = Model.load(self.checkpoint, settings, device)
        batches = Batches(
            examples,
            split.train,
            self.checkpoint,
            settings,
            Share(self.accelerator.process_index, processes),
            self.workers,
            split.mixed,
            self.pairs,
        )
        validation = Validation(
            model,
            examples,
            rows_of(examples, split.validation),
            rows_of(examples, shuffled(split.train, settings.seed, "gallery")),
            CPU_BATCH if device.type == "cpu" else GPU_BATCH,
            QueryTask.of(self.pairs, "validation"),
            alone=settings.pair_share == 1,
        )
        return Training(
            model, batches, settings, self.accelerator, validation, snapshots, report, base
        )
