"""A collection that the embedded engine receives in parts."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from qdrant.disk import copy_sparse, mirror
from qdrant.embedded.generations import CONFIG
from qdrant.embedded.reader import Reader
from qdrant.embedded.segment_files import split_by_use
from qdrant.embedded.shard import Shard
from qdrant.engine import Search, scroll
from qdrant.filters import OneOf
from qdrant.model import Point, Spec
from qdrant.points import Deletion, checked_rows, point_id
from tests.qdrant.shop import CATEGORIES, DIM, SPEC, shop, vectors

POINTS = shop(160)
BATCH = 80
# The engine's parameters that are given; it adds its defaults when it opens a folder.
CONFIGURED = ("vectors", "sparse_vectors", "hnsw_config", "quantization_config")
AGAIN = Point("p0", {"title": "again"}, POINTS[1].vectors)
FRESH = Point("fresh", {"title": "fresh"}, POINTS[0].vectors)


@dataclass(frozen=True)
class Parts:
    """A folder that was received in parts.

    Attributes:
        folder: finished.
        segments: how many there were of the parts.
        parameters: of it, before it was opened again.
    """

    folder: Path
    segments: int
    parameters: list[object]


@pytest.fixture(scope="module", autouse=True)
def small_parts() -> Iterator[pytest.MonkeyPatch]:
    """Each batch is a part, and the whole is large enough for graphs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qdrant.embedded.shard.PART_BYTES", 20_000)
        patch.setattr("qdrant.layout.FULL_SCAN_KIB", 4)
        yield patch


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """A finished folder that was received in parts.

    One product came again after its part, and one was deleted then.
    """
    folder = tmp_path_factory.mktemp("parts") / "shard"
    shard = received(folder, POINTS)
    shard.write([Deletion(point_id("p1")), *checked_rows(SPEC, [AGAIN])])
    count = len(segments(folder))
    shard.finish().close()
    return Parts(folder, count, parameters(folder))


def received(folder: Path, points: Sequence[Point], spec: Spec = SPEC) -> Shard:
    """A folder of the engine with the points in it, sent in batches."""
    shard = Shard.create(folder, spec)
    rows = list(checked_rows(spec, points))
    for start in range(0, len(rows), BATCH):
        shard.write(rows[start : start + BATCH])
    return shard


def found(reader: Reader, *, exact: bool) -> list[list[str]]:
    """The products that searches by each vector find, all of them and those of one category."""
    conditions = [[], [OneOf("category", (CATEGORIES[0],))]]
    searches = [
        Search(name, query, 10, each, exact=exact, ef=256, payload=())
        for name in SPEC.vectors
        for each in conditions
        for query in vectors(5, DIM, seed=1)
    ]
    return [[hit.id for hit in hits] for hits in reader.search(searches)]


def segments(folder: Path) -> list[Path]:
    """The segments of a folder that are not empty."""
    return [path.parent for path in folder.glob("segments/*/id_tracker.mappings")]


def test_parts_become_one_segment_whose_graphs_find_what_comparing_with_all_finds(
    parts: Parts,
):
    assert parts.segments == len(POINTS) / BATCH
    assert len(segments(parts.folder)) == 1
    with closing(Shard.open(parts.folder, SPEC).finish()) as reader:
        stored = sum(len(point.vectors) for point in (AGAIN, *POINTS[2:]))
        assert reader.indexed() == stored
        assert found(reader, exact=False) == found(reader, exact=True)


def test_a_product_that_comes_in_two_parts_is_stored_once_and_a_deleted_one_is_gone(
    parts: Parts,
):
    with closing(Shard.open(parts.folder, SPEC).finish()) as reader:
        stored = {point.id: point for point in scroll(reader, vectors=False)}
    assert stored.keys() == {point.id for point in POINTS} - {"p1"}
    assert stored["p0"].payload["title"] == "again"


def test_parts_have_the_parameters_of_a_collection_that_was_received_whole(
    tmp_path: Path, parts: Parts, small_parts: pytest.MonkeyPatch
):
    with small_parts.context() as patch:
        patch.setattr("qdrant.embedded.shard.PART_BYTES", 1 << 30)
        received(tmp_path / "whole", POINTS).finish().close()
    assert parts.parameters == parameters(tmp_path / "whole")


def test_a_collection_that_was_received_in_parts_is_continued_without_another_graph(
    tmp_path: Path, parts: Parts
):
    folder = tmp_path / "shard"
    mirror(parts.folder, folder, copy_sparse)
    graphs = segments(folder)
    shard = Shard.open(folder, SPEC)
    shard.write([Deletion(point_id("p2")), *checked_rows(SPEC, [FRESH])])
    with closing(shard.finish()) as reader:
        stored = {point.id for point in scroll(reader, vectors=False)}
    assert stored == {point.id for point in POINTS} - {"p1", "p2"} | {"fresh"}
    assert set(graphs) <= set(segments(folder))


def test_only_original_vectors_beside_smaller_copies_are_left_to_be_read_after_opening(
    parts: Parts,
):
    config = json.loads((parts.folder / CONFIG).read_text())
    now, later = split_by_use(parts.folder / "segments", config)
    assert {path.parent.name for path in later} == {
        f"vector_storage-{name}" for name in SPEC.vectors
    }
    assert {path.name for path in later} == {"matrix.dat"}
    assert {"quantized.data", "links_compressed.bin"} <= {path.name for path in now}
    for vector in config["vectors"].values():  # the engine reads them itself, in earlier versions
        vector.pop("memory", None)
    assert split_by_use(parts.folder / "segments", config) == (sorted([*now, *later]), [])


def parameters(folder: Path) -> list[object]:
    """The engine's parameters of a folder, and of its segment with graphs."""
    [segment] = segments(folder)
    config = json.loads((folder / CONFIG).read_text())
    given = {name: value for name, value in config["optimizers"].items() if value is not None}
    return [
        {**{name: config[name] for name in CONFIGURED}, "optimizers": given},
        json.loads((segment / "segment.json").read_text())["config"],
        json.loads((segment / "payload_index" / "config.json").read_text()),
    ]
