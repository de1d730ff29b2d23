"""One worker of a distributed embedding: an encoder, and the blocks that it embeds."""

from collections import Counter
from collections.abc import Iterable, Iterator, Set
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from PIL.Image import Image
from rich.text import Text

from encoder.runtimes.preparation import SAMPLES, prepare
from encoder.runtimes.trial import Sample
from encoder.variant import Variant
from encoder.variants import Variants
from ingest import IngestError
from ingest.distributed.blocks import (
    GOT,
    IMAGE,
    TEXT,
    WANTED,
    Row,
    block_facts,
    block_rows,
    write_block,
)
from ingest.distributed.folder import Folder
from ingest.distributed.plan import Plan
from ingest.job import record_unexpected
from pictures.decoder import decode
from pictures.errors import PictureError, shorten
from pictures.object_store import read_object
from qdrant.vector_files import Key
from vitrine.command import messages

if TYPE_CHECKING:
    from encoder.encoder import Encoder, ImageBatch, TextBatch  # imports torch
    from encoder.runtimes.runtime import Precision


OUTCOME = ("hash", "reason")  # columns of a block of results


@dataclass(frozen=True)
class Done:
    """A block that was embedded.

    Attributes:
        rows: that it has.
        encoded: vectors that were computed now.
        known: rows that had an outcome before.
        failed: texts and pictures without a vector, by reason.
    """

    rows: int = 0
    encoded: int = 0
    known: int = 0
    failed: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """What every worker of an embedding does; sent to each of them.

    Attributes:
        want: the folder of the plan, or its address.
        got: the folder of the results, or its address.
        home: VITRINE_HOME of a worker's machine, which has the variant.
        precision: of the encoder.
        retry_failed: try again what failed before.
    """

    want: str
    got: str
    home: Path
    precision: "Precision" = "auto"
    retry_failed: bool = False


class BlockEmbedder:
    """Embeds blocks of a plan with one encoder.

    Raises:
        IngestError: the folder has no plan, or this machine's variant is another one.
        VariantMissing, EncoderError: the variant is missing, or its files have changed.
    """

    def __init__(self, task: Task) -> None:
        self.plan = Plan.read(Folder(task.want))
        self._task = task
        self._want, self._got = Folder(task.want), Folder(task.got)
        self._variant = checked_variant(task.home, self.plan)

    def embed(self, name: str) -> Done:
        """Embed what a block of the results lacks, and write that block whole.

        Raises:
            IngestError: a file is damaged or of another variant.
            OSError, VitrineError: a file cannot be read or written.
            Exception: what the model raises, where it fails on everything.
        """
        self._check(self._want, name, WANTED)
        wanted = {row["hash"] for row in block_rows(self._want, name, ["hash"])}
        known = self._known(name)
        missing = wanted - (known or {}).keys()
        if known is not None and not missing:
            return Done(len(wanted), known=len(wanted), failed=dict(_counted(known.values())))
        rows = list(self._embedded(name, missing))
        failed = _counted(row.get("reason") for row in rows)
        encoded = len(rows) - failed.total()
        if known:
            rows += [row for row in block_rows(self._got, name) if row["hash"] in known]
            failed += _counted(known.values())
        rows.sort(key=lambda row: row["hash"])
        write_block(self._got, name, GOT, rows, self.plan.facts)
        return Done(len(wanted), encoded, len(wanted) - len(missing), dict(failed))

    def _check(self, folder: Folder, name: str, schema: pa.Schema) -> None:
        """Raise where a block is of another variant than the plan."""
        if block_facts(folder, name, schema) != self.plan.facts:
            raise IngestError(
                f"{folder}/{name} is of another variant or another state of "
                f"{self.plan.variant!r}: name another folder, or delete this one."
            )

    def _known(self, name: str) -> dict[Key, str | None] | None:
        """Why a row of the results has no vector, by hash, of those that stay as they are.

        None where there is no such block.
        """
        if not self._got.has(name):
            return None
        self._check(self._got, name, GOT)
        found = {row["hash"]: row["reason"] for row in block_rows(self._got, name, OUTCOME)}
        if self._task.retry_failed:
            return {key: reason for key, reason in found.items() if not reason}
        return found

    def _embedded(self, name: str, missing: Set[Key]) -> Iterator[Row]:
        """The outcome of each row of a block that has none, texts first."""
        texts = self._wanted(name, TEXT, missing)
        if (first := next(texts, None)) is not None:
            items = ((row, row["text"]) for row in chain([first], texts))
            yield from _outcomes(self._encoder.stream_documents(items))
        pictures = self._wanted(name, IMAGE, missing)
        if (first := next(pictures, None)) is not None:
            yield from _outcomes(self._encoder.stream_images(chain([first], pictures), _opened))

    def _wanted(self, name: str, kind: str, missing: Set[Key]) -> Iterator[Row]:
        for row in block_rows(self._want, name):
            if row["kind"] == kind and row["hash"] in missing:
                yield row

    @cached_property
    def _encoder(self) -> "Encoder":
        from encoder.encoder import Encoder  # imports torch

        precision = self._task.precision
        for sentence in prepare(self._variant, precision, cache(self._sample)):
            messages.print(Text(sentence), soft_wrap=True)
        return Encoder.load(self._variant, precision=precision)

    def _sample(self) -> Sample:
        """Pictures and texts of the first block: blocks are random shares of all."""
        pictures: list[Image] = []
        texts: list[str] = []
        for row in block_rows(self._want, self.plan.names[0]):
            if row["kind"] == TEXT and len(texts) < SAMPLES:
                texts.append(row["text"])
            elif row["kind"] == IMAGE and len(pictures) < SAMPLES:
                with suppress(PictureError):  # recorded where it is embedded
                    pictures.append(_opened(row))
        return Sample(pictures, texts)


def checked_variant(home: Path, plan: Plan) -> Variant:
    """A machine's variant, after checking that it makes the vectors of a plan.

    Raises:
        IngestError: it has another fingerprint.
        VariantMissing, EncoderError: it is missing; or its files, or what prepares pictures and
            texts, have changed.
    """
    variant = Variants(home).get(plan.variant)
    if variant.fingerprint != plan.fingerprint:
        raise IngestError(
            f"The variant {plan.variant} in {home} has the fingerprint {variant.fingerprint}, and "
            f"the plan was made for {plan.fingerprint}: add the variant on this machine just as "
            "it was added where the plan was made."
        )
    variant.checkpoint()
    variant.text_model()
    return variant


def _opened(row: Row) -> Image:
    """The picture of a row, decoded within the bounds of pictures.

    Raises:
        PictureError: it cannot be read or decoded.
    """
    if row["picture"] is not None:
        return decode(row["picture"])
    return decode(read_object(row["address"]), shorten(row["address"]))


def _outcomes(batches: "Iterable[TextBatch[Row] | ImageBatch[Row]]") -> Iterator[Row]:
    """A row for each text or picture: its vector, or the reason why there is none."""
    unexpected: Counter[str] = Counter()
    succeeded = 0
    for batch in batches:
        for row, vector in zip(batch.keys, batch.vectors, strict=True):
            yield {"kind": row["kind"], "hash": row["hash"], "vector": vector}
        succeeded += len(batch.keys)
        for row, error in batch.failed:
            if isinstance(error, PictureError):
                reason = error.reason
            else:
                record_unexpected(unexpected, row["hash"].hex(), error, succeeded)
                reason = f"unexpected {type(error).__name__}"
            outcome = {"reason": reason, "detail": shorten(error)}
            yield {"kind": row["kind"], "hash": row["hash"], **outcome}


def _counted(reasons: Iterable[str | None]) -> Counter[str]:
    return Counter(filter(None, reasons))
