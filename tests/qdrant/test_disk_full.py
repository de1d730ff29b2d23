"""A disk that is full, or fills up while a collection is built."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from qdrant.embedded.build import PAYLOAD_BYTES
from qdrant.embedded.stream import BATCH
from qdrant.errors import DiskFull
from qdrant.model import Point
from qdrant.store import open_embedded
from tests.qdrant.shop import DIM, SPEC, shop, vectors
from tests.small_disk import small_disk

POINTS = shop(3000)
# A build asks for 168 MB at least, and on a tmpfs every generation that is read takes 126.
SIZE_MB = 700


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system."""
    with small_disk(tmp_path / "disk", f"{SIZE_MB}m") as folder:
        yield folder


class _Announced(Iterator[Point]):
    """No points that are said to be many."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __next__(self) -> Point:
        raise StopIteration

    def __length_hint__(self) -> int:
        return self._count


def fill(folder: Path) -> None:
    """Take every byte of the file system that is free, also while others write."""
    with (folder / "ballast").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 65536)


def test_a_build_for_which_there_is_no_space_is_an_error_beforehand(disk: Path):
    with open_embedded(disk / "qdrant") as store, open_embedded(disk / "qdrant") as page:
        store.build(SPEC, POINTS[:10])
        assert page.count("demo") == 10
        with (disk / "ballast").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - (10 << 20))
        asked = iter(POINTS)
        with pytest.raises(DiskFull, match=r"needs \d+ MB free in .*, and there are 11; free some"):
            store.build(SPEC, asked)
        assert next(asked) is POINTS[0], "no point was asked for"
        assert page.count("demo") == 10
        (disk / "ballast").unlink()
        assert store.build(SPEC, POINTS).points == 3000


def test_the_space_for_the_facts_and_columns_is_asked_for_too(tmp_path: Path):
    products, vector_bytes, link_bytes = 10**9, 5 * DIM, 128
    with open_embedded(tmp_path) as store:
        store.build(SPEC, POINTS[:500])
        [columns] = tmp_path.glob("demo/*/columns")
        each = sum(file.stat().st_size for file in columns.iterdir()) / 500
        with pytest.raises(DiskFull) as caught:
            store.build(SPEC, _Announced(products))
    [needed] = re.findall(r"needs (\d+) MB", str(caught.value))
    rest = len(SPEC.vectors) * (vector_bytes + link_bytes) + PAYLOAD_BYTES
    assert int(needed) * 10**6 >= 2 * products * (rest + each)


def test_a_build_that_grows_beyond_its_disk_is_an_error_on_the_way(disk: Path):
    # 300 MB of payload, which nobody could know before.
    large = (Point(point.id, {"title": "x" * 100_000}, point.vectors) for point in POINTS)
    with open_embedded(disk / "qdrant") as store:
        store.build(SPEC, POINTS[:10])
        with pytest.raises(DiskFull, match=r"needs \d+ MB free"):
            store.build(SPEC, large)
        assert store.count("demo") == 10
        assert store.build(SPEC, POINTS).points == 3000


@pytest.mark.parametrize("when", [0, 1, 1000, 2999])
def test_a_disk_that_fills_up_during_a_build_leaves_the_old_generation_answering(
    disk: Path, when: int
):
    def points() -> Iterator[Point]:
        for i, point in enumerate(POINTS):
            if i == when:
                fill(disk)
            yield point

    with open_embedded(disk / "qdrant") as store, open_embedded(disk / "qdrant") as page:
        store.build(SPEC, POINTS[:10])
        assert page.count("demo") == 10
        for change in (store.build, store.update):
            with pytest.raises(DiskFull, match="free some space, then run this again"):
                change(SPEC, points())
            assert page.count("demo") == 10
            (disk / "ballast").unlink()
        assert store.build(SPEC, POINTS).points == 3000


def test_a_builder_that_finds_no_space_for_the_graph_reports_it(disk: Path):
    # As many points as fill whole batches: the disk fills up after the last look at it, and the
    # graph has no room.
    count = 25 * BATCH
    drawn = vectors(count, dim=512)
    spec = replace(SPEC, dim=512, vectors=("text",))

    def points() -> Iterator[Point]:
        for i in range(count):
            yield Point(f"p{i}", {}, {"text": drawn[i]})
        fill(disk)

    with open_embedded(disk / "qdrant") as store:
        before = store.build(spec, [Point("p", {}, {"text": drawn[0]})])
        with pytest.raises(DiskFull, match="filled up while the collection of variant 'demo'"):
            store.build(spec, points())
        assert store.collection("demo") == before
        (disk / "ballast").unlink()
        assert store.count("demo") == 1


def test_a_builder_ended_by_the_full_disk_is_understood(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # The builder itself fills the disk between taking a batch and writing it.
    (tmp_path / "sitecustomize.py").write_text(
        "import pathlib\n"
        "import qdrant.embedded.shard, tests.qdrant.test_disk_full as tests\n"
        "real = qdrant.embedded.shard.Shard.write\n"
        "def write(shard, changes):\n"
        f"    tests.fill(pathlib.Path({str(disk)!r}))\n"
        "    real(shard, changes)\n"
        "qdrant.embedded.shard.Shard.write = write\n"
    )
    with open_embedded(disk / "qdrant") as store:
        store.build(SPEC, POINTS[:10])
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        with pytest.raises(DiskFull, match="filled up while the collection of variant 'demo'"):
            store.build(SPEC, POINTS)
        monkeypatch.delenv("PYTHONPATH")
        (disk / "ballast").unlink()
        assert store.count("demo") == 10
        assert store.build(SPEC, POINTS).points == 3000


def test_an_open_reader_answers_on_a_full_disk_and_a_new_one_is_an_error(disk: Path):
    with open_embedded(disk / "qdrant") as store:
        store.build(SPEC, POINTS[:10])
        assert store.count("demo") == 10
        fill(disk)
        assert store.count("demo") == 10
        with open_embedded(disk / "qdrant") as another, pytest.raises(DiskFull, match="Opening"):
            another.count("demo")
        assert store.count("demo") == 10
