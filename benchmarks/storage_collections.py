"""Ways to store the vectors of a source, each a collection of its own."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType

from benchmarks.process_cost import ChildrenPeak
from benchmarks.storage_sources import NAMES, Source
from qdrant.disk import BLOCK, files_of
from qdrant.model import VECTORS, Point
from qdrant.store import open_embedded
from vitrine.command import messages


@dataclass(frozen=True)
class Way:
    """A way to store dense vectors.

    Attributes:
        storage: how, a name of `qdrant.storage.STORAGES`.
        vectors: which.
    """

    storage: str
    vectors: tuple[str, ...] = VECTORS

    @property
    def collection(self) -> str:
        """The name of its collection."""
        return "_".join([self.storage, *self.vectors])

    @property
    def searched(self) -> tuple[str, ...]:
        """The vectors that are searched: those with a matrix."""
        return tuple(name for name in NAMES if name in self.vectors)


WAYS: Mapping[str, Way] = MappingProxyType(
    {
        "int8": Way("int8"),
        "turbo4": Way("turbo4"),
        "turbo16": Way("turbo16"),
        "turbo8": Way("turbo8"),
        "int8_without_fused": Way("int8", ("image", "text")),
        "int8_image": Way("int8", ("image",)),
        "turbo8_without_fused": Way("turbo8", ("image", "text")),
    }
)


@dataclass(frozen=True)
class Built:
    """What a collection cost.

    Attributes:
        seconds, processor: of the build; processor time of the builder alone.
        builder_mb: highest anonymous memory of the builder.
        disk: bytes a product, without the log of the build.
        vectors: of these, bytes of the stored dense vectors.
        graphs: the same of their graphs.
    """

    seconds: float
    processor: float
    builder_mb: int
    disk: float
    vectors: float
    graphs: float


def ways_of(source: Source, names: Sequence[str], vectors: Sequence[str]) -> dict[str, Way]:
    """The ways that differ for a source.

    Args:
        source: the products; vectors that none of them has are not stored.
        names: of `WAYS`.
        vectors: that are stored; all where none is named.
    """
    pictured = len(source.matrix("image")[0]) > 0
    stored = [
        name
        for name in vectors or VECTORS
        if name in source.spec.vectors
        if pictured or name == "text"
    ]
    ways: dict[str, Way] = {}
    for name in names:
        way = WAYS[name]
        way = replace(way, vectors=tuple(each for each in way.vectors if each in stored))
        if way.vectors and way not in ways.values():
            ways[name] = way
    return ways


def build(source: Source, ways: Mapping[str, Way]) -> dict[str, Built]:
    """Build the collections that are not built yet.

    Returns:
        What each cost, by name of the way.
    """
    record = source.folder / "built.json"
    built = json.loads(record.read_text()) if record.exists() else {}
    for way in ways.values():
        if way.collection not in built:
            messages.print(f"{source.folder.name}: building {way.collection}")
            built[way.collection] = asdict(_build(source, way))
            record.write_text(json.dumps(built))
    return {name: Built(**built[way.collection]) for name, way in ways.items()}


def _build(source: Source, way: Way) -> Built:
    spec = replace(source.spec, variant=way.collection, storage=way.storage, vectors=way.vectors)
    before, started = _child_seconds(), time.perf_counter()
    with open_embedded(source.folder / "qdrant") as store, ChildrenPeak() as peak:
        made = store.build(spec, _with(way.vectors, source.points()))
    seconds = time.perf_counter() - started
    folder = source.folder / "qdrant" / way.collection / made.generation
    vectors, graphs = (
        sum(
            _bytes(part)
            for name in way.vectors
            for part in folder.glob(f"segments/*/{kind}-{name}")
        )
        for kind in ("vector_storage", "vector_index")
    )
    return Built(
        round(seconds, 1),
        round(_child_seconds() - before, 1),
        round(peak.megabytes),
        *(
            round(size / made.points, 1)
            for size in (_bytes(folder) - _bytes(folder / "wal"), vectors, graphs)
        ),
    )


def _with(names: Sequence[str], points: Iterator[Point]) -> Iterator[Point]:
    """Points with these of their dense vectors."""
    for point in points:
        vectors = {name: vector for name, vector in point.vectors.items() if name in names}
        yield replace(point, vectors=vectors)


def _bytes(folder: Path) -> int:
    return sum(file.st_blocks * BLOCK for file in files_of(folder))


def _child_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
