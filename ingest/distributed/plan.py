"""The plan of a distributed embedding: all that a variant's vector files lack, in blocks.

`plan.json` is written last: a folder without it holds no plan, or an unfinished one.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Self

from catalog.catalogue import Catalogue
from catalog.temporary_database import open_temporary
from encoder.variant import Variant
from encoder.variants import Variants
from ingest import IngestError
from ingest.distributed.blocks import (
    IMAGE,
    TEXT,
    WANTED,
    Row,
    block_names,
    block_of,
    is_block,
    write_block,
)
from ingest.distributed.folder import Folder
from ingest.embedding import inputs, keys
from ingest.image_vectors import copy_image_vectors, label_folders
from ingest.job import Figures, exclusive_run
from ingest.kept_vectors import KeptVectors, open_vectors
from ingest.vectors import require_side
from pictures.errors import PictureError
from pictures.object_store import open_store
from pictures.sources import read_source
from pictures.store import PictureStore
from qdrant.vector_files import Key
from vitrine import Closing
from vitrine.progress import progress_bar

PLAN = "plan.json"
MOST_JSON = 1 << 20  # bytes of a plan's file; it has some 300
BLOCK = 2048  # rows of a block: some 60 MB of pictures, and a minute of ViT-B/32 on two cores
UNREADABLE = "unreadable"
CACHE = 65_536  # KiB of the temporary database that stay in memory

Wanted = tuple[Key, str, str]  # a vector's key, its kind, and the text or the picture's hash


@dataclass(frozen=True)
class Plan:
    """What is to be embedded.

    Attributes:
        variant: its name.
        fingerprint: of the variant.
        blocks: how many there are.
        rows: in all of them.
    """

    variant: str
    fingerprint: str
    blocks: int
    rows: int

    @property
    def names(self) -> list[str]:
        """The files of the blocks, in the order of their ranges."""
        return block_names(self.blocks)

    @property
    def facts(self) -> bytes:
        """What every block of this plan is marked with, in JSON."""
        return facts_of(self.variant, self.fingerprint)

    @classmethod
    def read(cls, folder: Folder) -> Self:
        """Read a folder's plan.

        Raises:
            IngestError: there is none, or another version wrote it.
        """
        if not folder.has(PLAN):
            raise IngestError(
                f"{folder} has no complete plan: write it with `vitrine ingest plan --out "
                f"{folder}`."
            )
        try:
            return cls(**json.loads(folder.read(PLAN, MOST_JSON)))
        except (ValueError, TypeError) as error:
            raise IngestError(
                f"{folder}/{PLAN} cannot be read as a plan ({error}): write it again with "
                f"`vitrine ingest plan --out {folder}`."
            ) from error


def facts_of(variant: str, fingerprint: str) -> bytes:
    """What the blocks of a variant are marked with, in JSON."""
    return json.dumps({"variant": variant, "fingerprint": fingerprint}).encode()


def plan_embedding(home: Path, variant_name: str, out: str, *, pictures: str = "") -> Figures:
    """Write all that a variant's vector files lack, in blocks by hash range.

    A plan that was there is replaced.

    Args:
        home: the shop's folder.
        variant_name: the variant to embed with.
        out: a folder, or an address of an object store.
        pictures: where the workers find the picture store, such as s3://bucket/images: rows then
            have an address. By default they have the picture's file itself.

    Returns:
        `texts` and `pictures` to be embedded, `blocks`, and `unreadable`: stored pictures that
        could not be read, which are left out.

    Raises:
        VariantMissing, CatalogError: there is nothing to embed, or another job is running.
        IngestError: the variant takes larger pictures than the catalogue keeps.
        VitrineError, OSError: the folder cannot be opened or written.
    """
    variant = Variants(home).get(variant_name)
    folder = Folder(out)
    if pictures:
        open_store(pictures)  # a mistake in it ends the job before any work
    settings = {"variant": variant.name, "fingerprint": variant.fingerprint, "out": out}
    with exclusive_run(home, "plan", settings) as run, open_vectors(home, variant) as kept:
        require_side(run.catalogue, variant)
        kept.discard_damaged()
        label_folders(home)
        windows = partial(keys, run.catalogue, variant)
        copy_image_vectors(home, variant, windows, kept.images)
        run.figures |= _write(run.catalogue, variant, kept, folder, pictures)
        return run.figures


def _write(
    catalogue: Catalogue, variant: Variant, kept: KeptVectors, folder: Folder, pictures: str
) -> Figures:
    old = [name for name in folder.names() if is_block(name)]
    if folder.has(PLAN):
        folder.delete(PLAN)
    facts = facts_of(variant.name, variant.fingerprint)
    counts: Counter[str] = Counter({TEXT: 0, IMAGE: 0, UNREADABLE: 0})
    with _Wanted(catalogue, variant, kept) as wanted:
        names = block_names(-(-len(wanted) // BLOCK))
        with progress_bar("blocks", len(names)) as advance:
            for name, rows in zip(names, wanted.blocks(len(names)), strict=True):
                filled = _filled(rows, catalogue.pictures, pictures, counts)
                write_block(folder, name, WANTED, filled, facts)
                advance(1)
    for name in set(old) - set(names):
        folder.delete(name)
    rows_written = counts[TEXT] + counts[IMAGE]
    plan = Plan(variant.name, variant.fingerprint, len(names), rows_written)
    folder.write(PLAN, json.dumps(asdict(plan)).encode())
    return {
        "texts": counts[TEXT],
        "pictures": counts[IMAGE],
        "blocks": plan.blocks,
        "unreadable": counts[UNREADABLE],
    }


def _filled(
    rows: Iterable[Wanted], store: PictureStore, pictures: str, counts: Counter[str]
) -> Iterator[Row]:
    """The rows of a block, counted by kind; stored pictures that cannot be read are left out."""
    for key, kind, content in rows:
        row = {"kind": kind, "hash": key}
        if kind == TEXT:
            row |= {"text": content}
        else:
            path = store.path(content)
            try:
                row |= _picture(path, store.folder, pictures)
            except PictureError:
                counts[UNREADABLE] += 1
                continue
        counts[kind] += 1
        yield row


def _picture(path: Path, folder: Path, pictures: str) -> Row:
    if pictures:
        return {"address": f"{pictures.rstrip('/')}/{path.relative_to(folder)}"}
    return {"picture": read_source(str(path))}


class _Wanted(Closing):
    """What has no vector, each content once, ascending by key.

    It is kept in a temporary file: memory does not grow with the catalogue.
    """

    def __init__(self, catalogue: Catalogue, variant: Variant, kept: KeptVectors) -> None:
        self._database = open_temporary(
            CACHE, ["CREATE TABLE wanted (key BLOB PRIMARY KEY, kind TEXT, content TEXT)"]
        )
        with progress_bar("plan", len(catalogue)) as advance:
            for window in inputs(catalogue, variant):
                texts = [(each.text_key, TEXT, each.text) for each in window]
                images = [
                    (each.image_key, IMAGE, each.entry.picture)
                    for each in window
                    if each.image_key and each.entry.picture
                ]
                for rows, files in ((texts, kept.texts), (images, kept.images)):
                    known = files.has([key for key, _, _ in rows])
                    self._database.executemany(
                        "INSERT OR IGNORE INTO wanted VALUES (?, ?, ?)",
                        [row for row, is_kept in zip(rows, known, strict=True) if not is_kept],
                    )
                advance(len(window))

    def close(self) -> None:
        """Delete the temporary file."""
        self._database.close()

    def __len__(self) -> int:
        ((count,),) = self._database.execute("SELECT COUNT(*) FROM wanted")
        return int(count)

    def blocks(self, count: int) -> Iterator[list[Wanted]]:
        """The rows of each of so many blocks, ascending by key."""
        rows = self._database.execute("SELECT key, kind, content FROM wanted ORDER BY key")
        row = next(rows, None)
        for number in range(count):
            block = []
            while row and block_of(row[0], count) == number:
                block.append(row)
                row = next(rows, None)
            yield block
