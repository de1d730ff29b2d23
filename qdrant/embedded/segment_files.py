"""The engine's files of segments: which it never writes again, and which a search reads.

A segment with graphs (sealed) takes no further points. Points that are changed or deleted are
marked in it, and their new versions are written to another segment. What it has of vectors, graphs,
payloads and indexes stays as it was built, so generations share it by hard links. Of qdrant-edge-py
0.9.0: all of `UNCHANGING` but the pages is opened for reading alone. Pages are mapped for writing
too, and written only where a value is stored, which a sealed segment never does.
"""

import errno
import os
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from qdrant.disk import copy_sparse, mirror

# A segment has this file when it is sealed; before that, `mutable_id_tracker.mappings`.
SEALED = "id_tracker.mappings"
# Patterns of paths within a sealed segment.
UNCHANGING = (
    *(SEALED, "payload_storage/page_*.dat", "vector_storage-*/store/page_*.dat"),
    *("vector_storage-*/matrix.dat", "vector_storage-*/tq_vectors.dat"),
    *("vector_storage-*/quantized.data", "vector_index-*/links_compressed.bin"),
    *("vector_index-*/inverted_index.dat", "vector_index-*/indices_tracker.json"),
    *("payload_index/*/postings.dat", "payload_index/*/vocab.dat"),
    *("payload_index/*/point_to_tokens_count.dat", "payload_index/*/data.bin"),
    *("payload_index/*/point_to_values.bin", "payload_index/*/values_to_points.bin"),
)
# The versions of points. Those of deleted points are set to 0 when a folder is opened.
VERSIONS = ("id_tracker.versions", "mutable_id_tracker.versions")
# The engine's files of a vector in a sealed segment: as they were given, and smaller copies.
ORIGINALS, QUANTIZED = ("matrix.dat", "tq_vectors.dat"), "quantized.data"
# Where a file cannot have another name: that of another user, too many names, file systems.
NO_LINK = (errno.EPERM, errno.EACCES, errno.EMLINK, errno.EOPNOTSUPP, errno.EXDEV)


def link_for_reading(source: Path, target: Path) -> None:
    """Give a file a second name where opening its folder does not write it; else copy it.

    Raises:
        OSError: it cannot have one here.
    """
    if source.name in VERSIONS:
        copy_sparse(source, target)
    else:
        os.link(source, target)


def copy_for_writing(segments: Path, target: Path) -> None:
    """Copy segments to change the copy; what the engine never writes again is linked."""
    target.mkdir()
    for segment in segments.iterdir():
        sealed = (segment / SEALED).exists()

        def copy(source: Path, new: Path, root: Path = segment, sealed: bool = sealed) -> None:
            unchanging = sealed and _unchanging(source.relative_to(root))
            (link_or_copy if unchanging else copy_sparse)(source, new)

        mirror(segment, target / segment.name, copy)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file that is never written again a second name; copy it where it cannot have one."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in NO_LINK:
            raise
        copy_sparse(source, target)


def split_by_use(segments: Path, config: Mapping[str, Any]) -> tuple[list[Path], list[Path]]:
    """Return the files of segments that opening and searching reads, and the others.

    The others are original vectors beside smaller copies, most of the bytes: the engine does not
    read them as it opens, and a search reads some hundred of them, to rescore.

    Args:
        segments: their folder.
        config: the engine's parameters of the collection.
    """
    cold = {
        f"vector_storage-{name}"
        for name, parameters in config["vectors"].items()
        if parameters.get("memory") == "cold"
    }
    now: list[Path] = []
    later: list[Path] = []
    for path in sorted(filter(Path.is_file, segments.rglob("*"))):
        original = path.parent.name in cold and path.name in ORIGINALS
        (later if original and (path.parent / QUANTIZED).exists() else now).append(path)
    return now, later


def _unchanging(path: PurePath) -> bool:
    return any(map(path.match, UNCHANGING))
