"""Blocks: the rows of one hash range, in Parquet files of a fixed schema.

    wanted    kind, hash, and the text, the picture's file, or its address
    got       kind, hash, and the vector, or the reason why there is none

Hashes are the keys of vector files (`qdrant.vector_files.vector_key`).
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from ingest import IngestError
from ingest.distributed.folder import Folder
from qdrant.key_index import KEY_BYTES
from vitrine.batches import batched

TEXT, IMAGE = "text", "image"  # kinds

WANTED = pa.schema(
    [
        ("kind", pa.string()),
        ("hash", pa.binary(KEY_BYTES)),
        ("text", pa.string()),
        ("picture", pa.binary()),
        ("address", pa.string()),
    ]
)
GOT = pa.schema(
    [
        ("kind", pa.string()),
        ("hash", pa.binary(KEY_BYTES)),
        ("vector", pa.list_(pa.float32())),
        ("reason", pa.string()),
        ("detail", pa.string()),
    ]
)
FACTS = b"vitrine"  # the key of a file's facts in the metadata of its schema
GROUP = 256  # rows that are read together: pictures of some 30 KB each

Row = Mapping[str, Any]


def block_names(count: int) -> list[str]:
    """The files of so many blocks, in the order of their ranges."""
    return [f"block-{number:05d}-of-{count:05d}.parquet" for number in range(count)]


def is_block(name: str) -> bool:
    """Whether a file is that of a block."""
    return name.startswith("block-") and name.endswith(".parquet")


def block_of(key: bytes, count: int) -> int:
    """The number of the block whose range has this key; ranges are equal shares of all keys."""
    return int.from_bytes(key[:8]) * count >> 64


def write_block(
    folder: Folder, name: str, schema: pa.Schema, rows: Iterable[Row], facts: bytes
) -> None:
    """Write a block whole.

    Args:
        folder: where.
        name: of the file.
        schema: `WANTED` or `GOT`.
        rows: by column; those that are left out are null.
        facts: of the plan, in JSON.
    """
    schema = schema.with_metadata({FACTS: facts})
    file = io.BytesIO()
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for group in batched(rows, GROUP):
            writer.write_table(pa.Table.from_pylist(group, schema))
    folder.write(name, file.getvalue())


def block_facts(folder: Folder, name: str, schema: pa.Schema) -> bytes:
    """The facts that a block was written with.

    Raises:
        IngestError: the file is damaged, or of another schema.
    """
    with _opened(folder, name) as file:
        found = file.schema_arrow
    if not found.equals(schema):
        raise IngestError(
            f"{folder}/{name} has other columns than this version writes "
            f"({', '.join(map(str, schema))}): delete it, and run the command that wrote it again."
        )
    return (found.metadata or {}).get(FACTS, b"")


def block_table(folder: Folder, name: str) -> pa.Table:
    """A whole block, for vectors: some thousands of rows.

    Raises:
        IngestError: the file is damaged.
    """
    with _opened(folder, name) as file:
        return file.read().combine_chunks()


def block_rows(folder: Folder, name: str, columns: Sequence[str] | None = None) -> Iterator[Row]:
    """The rows of a block, by column.

    Args:
        folder: where it is.
        name: of its file.
        columns: those that are read; all by default.

    Raises:
        IngestError: the file is damaged.
    """
    with _opened(folder, name) as file:
        for batch in file.iter_batches(GROUP, columns=columns):
            yield from batch.to_pylist()


@contextmanager
def _opened(folder: Folder, name: str) -> Iterator[parquet.ParquetFile]:
    with folder.opened(name) as file:
        try:
            yield parquet.ParquetFile(file)
        except pa.ArrowException as error:
            raise IngestError(
                f"{folder}/{name} is damaged ({str(error).splitlines()[0][:100]}): delete it, and "
                "run the command that wrote it again."
            ) from error
