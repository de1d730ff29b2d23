"""Generations: what dies leaves the published one answering, and is swept by the next build."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Timer

import pytest
from filelock import FileLock

from qdrant.disk import copy_sparse, mirror
from qdrant.embedded.generations import Generations
from qdrant.embedded.lock import Lock
from qdrant.errors import BuildFailed, BuildRunning, CollectionBroken, CollectionMissing
from qdrant.model import Collection, Point
from qdrant.store import open_embedded
from tests.qdrant.processes import (
    CRASHED,
    MOMENTS,
    OTHER_MOMENTS,
    PATCH_BUILDER,
    PUBLISHED,
    Worker,
    builders_of,
    wait_for_end,
)
from tests.qdrant.shop import SPEC, broken_off, build, shop, vectors

POINTS = shop(400)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store folder with two generations of `demo`: 5 products, then 10."""
    return build(tmp_path_factory.mktemp("built"), POINTS[:5], POINTS[:10])


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A copy of it, for one test to break."""
    mirror(built, tmp_path / "store", copy_sparse)
    return tmp_path / "store"


def generations(folder: Path) -> set[str]:
    """The generations that lie in the folder, published or not."""
    return {path.name for path in (folder / "demo").glob("*T*-*")}


def published(folder: Path) -> list[str]:
    """What CURRENT names."""
    return (folder / "demo" / "CURRENT").read_text().split()


def check_mends(folder: Path) -> None:
    """The next build succeeds and leaves nothing but two generations and the lock."""
    with open_embedded(folder) as store:
        before = store.collection("demo").generation
        made = store.build(SPEC, POINTS[:30])
        assert store.count("demo") == 30
        assert published(folder) == [made.generation, before]
    assert generations(folder) == set(published(folder))
    assert list((folder / "demo" / "readers").iterdir()) == []


@pytest.mark.parametrize("moment", [*MOMENTS, *OTHER_MOMENTS])
def test_an_update_that_dies_at_this_moment_is_all_or_nothing(folder: Path, moment: str):
    old = published(folder)
    with Worker("crash", folder, moment) as worker:
        said = worker.process.stdout.read()
        assert worker.process.wait() == CRASHED
    assert all(wait_for_end(int(builder)) for builder in said.split())
    done = moment in PUBLISHED
    with open_embedded(folder) as store:
        assert store.count("demo") == (320 if done else 10)
        assert (published(folder) == old) != done
        assert len(list(store.scroll("demo", vectors=True))) == store.collection("demo").points
    check_mends(folder)


@pytest.mark.parametrize(
    "moment",
    [
        "the builder starts",
        "the points are half sent",
        "the description is written",
        "CURRENT is switched",
        "CURRENT has been switched",
    ],
)
def test_a_first_build_that_dies_at_this_moment_leaves_a_whole_collection_or_none(
    tmp_path: Path, moment: str
):
    with Worker("crash", tmp_path, moment) as worker:
        said = worker.process.stdout.read()
        assert worker.process.wait() == CRASHED
    assert all(wait_for_end(int(builder)) for builder in said.split())
    with open_embedded(tmp_path) as store:
        if moment in PUBLISHED:
            assert store.count("demo") == 320
        else:
            assert store.collections() == []
            with pytest.raises(CollectionMissing):
                store.count("demo")
        store.build(SPEC, POINTS[:10])
        assert store.count("demo") == 10
    assert generations(tmp_path) == set(published(tmp_path))


@pytest.mark.parametrize(
    ("method", "before", "after"),
    [
        ("create", "os.kill(os.getpid(), signal.SIGKILL)", ""),
        ("write", "os.kill(os.getpid(), signal.SIGKILL)", ""),
        ("write", "", "os.kill(os.getpid(), signal.SIGKILL)"),
        ("finish", "os.kill(os.getpid(), signal.SIGKILL)", ""),
        ("finish", "", "os.kill(os.getpid(), signal.SIGKILL)"),
    ],
)
def test_a_builder_killed_there_is_reported_and_the_old_generation_answers(
    folder: Path, tmp_path_factory, monkeypatch, method: str, before: str, after: str
):
    site = tmp_path_factory.mktemp("site")
    wrap = "classmethod(lambda cls, *a: dying(*a))" if method == "create" else "dying"
    code = PATCH_BUILDER.format(method=method, before=before, after=after, wrap=wrap)
    (site / "sitecustomize.py").write_text(code)
    with open_embedded(folder) as store:
        monkeypatch.setenv("PYTHONPATH", str(site))
        with pytest.raises(BuildFailed, match=r"ended by SIGKILL .* run this again"):
            store.build(SPEC, POINTS)
        monkeypatch.delenv("PYTHONPATH")
        assert store.count("demo") == 10
        assert generations(folder) == set(published(folder))
    check_mends(folder)


def test_an_error_of_the_builder_is_an_error_of_one_sentence(
    folder: Path, tmp_path_factory, monkeypatch
):
    site = tmp_path_factory.mktemp("site")
    code = PATCH_BUILDER.format(
        method="write", before="raise RuntimeError('the engine is unwell')", after="", wrap="dying"
    )
    (site / "sitecustomize.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(site))
    with open_embedded(folder) as store, pytest.raises(BuildFailed) as caught:
        store.build(SPEC, POINTS)
    assert str(caught.value) == (
        "The collection of variant 'demo' was not built: RuntimeError: the engine is unwell."
    )


def test_a_builder_killed_while_points_come_is_reported(folder: Path):
    def points() -> Iterator[Point]:
        yield from POINTS[:300]
        (builder,) = builders_of(os.getpid())
        os.kill(builder, signal.SIGKILL)
        yield from POINTS[300:]

    with open_embedded(folder) as store:
        with pytest.raises(BuildFailed, match="SIGKILL"):
            store.build(SPEC, points())
        assert store.count("demo") == 10
    check_mends(folder)


def test_points_are_made_while_the_builder_does_not_read(folder: Path):
    going_on = []

    def points() -> Iterator[Point]:
        yield POINTS[0]
        (builder,) = builders_of(os.getpid())
        os.kill(builder, signal.SIGSTOP)
        late = Timer(60, os.kill, (builder, signal.SIGCONT))
        late.start()
        for point in POINTS[1:300]:  # more than a batch and a pipe hold
            yield replace(point, payload={**point.payload, "title": "long " * 1000})
        going_on.append(late.is_alive())
        late.cancel()
        os.kill(builder, signal.SIGCONT)

    with open_embedded(folder) as store:
        store.build(SPEC, points())
        assert store.count("demo") == 300
    assert going_on == [True]


def test_a_builder_does_not_outlive_a_killed_parent(folder: Path, tmp_path: Path, monkeypatch):
    # Left alone, this builder would never end.
    code = PATCH_BUILDER.format(method="finish", before="signal.pause()", after="", wrap="dying")
    (tmp_path / "sitecustomize.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Worker("build", folder) as worker:
        monkeypatch.delenv("PYTHONPATH")
        _, builder = worker.read_line().split()
        worker.process.kill()
        worker.process.wait()
        assert wait_for_end(int(builder))
    check_mends(folder)


def test_ctrl_c_ends_the_builder_and_sweeps_its_folder(folder: Path):
    old = published(folder)
    with Worker("build", folder) as worker:
        _, builder = worker.read_line().split()
        os.killpg(worker.process.pid, signal.SIGINT)  # as a terminal does, to both
        assert worker.process.wait() != 0
        assert wait_for_end(int(builder))
    assert published(folder) == old
    assert generations(folder) == set(old)


def test_another_process_cannot_build_the_same_variant_meanwhile(folder: Path):
    with Worker("build", folder) as worker, open_embedded(folder) as store:
        worker.read_line()
        for attempt in (
            lambda: store.build(SPEC, POINTS),
            lambda: store.update(SPEC, []),
            lambda: store.rollback("demo"),
            lambda: store.drop("demo"),
        ):
            with pytest.raises(BuildRunning, match=f"built by process {worker.process.pid}; wait"):
                attempt()
        assert store.count("demo") == 10
        assert worker.send() == "built"
        assert store.count("demo") == 310


def test_a_lock_whose_holder_has_not_yet_written_its_process_id_refuses_a_build(folder: Path):
    with FileLock(folder / "demo" / "LOCK"), open_embedded(folder) as store:
        (folder / "demo" / "LOCK").write_text("")
        with pytest.raises(BuildRunning, match="'demo' is being built; wait for it to end"):
            store.build(SPEC, POINTS)


def test_a_published_generation_is_never_written_again(folder: Path):
    def contents() -> dict[str, bytes]:
        found = folder / "demo" / generation
        return {str(p): p.read_bytes() for p in found.rglob("*") if p.is_file()}

    with open_embedded(folder) as store:
        generation = store.build(SPEC, POINTS).generation
        before = contents()
        store.search("demo", vectors(3), vector="text")
        list(store.scroll("demo", vectors=True))
        changed = [Point(p.id, {"category": "New"}, dict(p.vectors)) for p in POINTS[:100]]
        store.update(SPEC, changed, delete=["p200", "p201"])
        store.search("demo", vectors(3), vector="text")
        store.rollback("demo")
        assert store.count("demo") == 400
    assert contents() == before


def test_two_generations_are_kept(folder: Path):
    with open_embedded(folder) as store:
        for count in (11, 12, 13):
            store.build(SPEC, POINTS[:count])
        assert len(generations(folder)) == 2
        assert store.rollback("demo").points == 12


@pytest.mark.parametrize("content", ["", "nonsense", "../../etc", "\x00\xff", "a b c"])
def test_a_damaged_current_is_reported_with_its_remedy(folder: Path, content: str):
    (folder / "demo" / "CURRENT").write_text(content, encoding="latin-1")
    with open_embedded(folder) as store:
        for ask in (store.collection, store.count, store.rollback):
            with pytest.raises(CollectionBroken, match=r"CURRENT .*; make it again with `vitrine"):
                ask("demo")


def test_a_damaged_current_is_repaired_by_a_build(folder: Path):
    old = generations(folder)
    (folder / "demo" / "CURRENT").write_text("nonsense")
    with open_embedded(folder) as store:
        with pytest.raises(ZeroDivisionError):
            store.build(SPEC, broken_off(POINTS, ZeroDivisionError()))
        assert generations(folder) >= old, "nothing may be removed on a guess"
        store.build(SPEC, POINTS[:30])
        assert store.count("demo") == 30
    assert generations(folder) == set(published(folder))


def test_an_open_reader_reports_a_damaged_current_too(folder: Path):
    with open_embedded(folder) as store:
        assert store.count("demo") == 10
        (folder / "demo" / "CURRENT").write_text("nonsense")
        with pytest.raises(CollectionBroken):
            store.count("demo")


@pytest.mark.parametrize("missing", ["", "segments", "edge_config.json", "generation.json"])
def test_a_missing_part_is_named_and_a_rollback_helps(folder: Path, missing: str):
    lost = folder / "demo" / published(folder)[0] / missing
    lost.rename(folder.parent / "lost")
    with open_embedded(folder) as store:
        with pytest.raises(CollectionBroken, match=f"{lost}.* (is not there|cannot be read)"):
            store.count("demo")
        assert store.rollback("demo").points == 5
        assert store.count("demo") == 5


def test_a_generation_that_builds_remove_while_it_is_read_is_not_taken_for_a_damaged_one(
    folder: Path, monkeypatch
):
    read = Generations._read

    def read_when_removed(self: Generations, generation: str) -> Collection:
        monkeypatch.setattr(Generations, "_read", read)
        (folder / "demo" / generation).rename(folder.parent / "removed")
        (folder / "demo" / "CURRENT").write_text(f"{kept}\n")
        return read(self, generation)

    _, kept = published(folder)
    monkeypatch.setattr(Generations, "_read", read_when_removed)
    with open_embedded(folder) as store:
        assert store.collection("demo").generation == kept


def test_a_build_goes_on_where_a_drop_removes_its_folder_at_that_moment(tmp_path, monkeypatch):
    take = Lock.take

    def take_when_removed(path: Path) -> Lock | None:
        monkeypatch.setattr(Lock, "take", take)
        path.parent.rmdir()
        return take(path)

    monkeypatch.setattr(Lock, "take", take_when_removed)
    with open_embedded(tmp_path) as store:
        assert store.build(SPEC, POINTS[:10]).points == 10


def test_a_damaged_segment_is_an_error_of_one_sentence(folder: Path):
    for path in (folder / "demo" / published(folder)[0] / "segments").glob("*/segment.json"):
        path.write_text("{")
    with open_embedded(folder) as store, pytest.raises(CollectionBroken, match="make it again"):
        store.count("demo")


def test_a_damaged_collection_can_be_dropped(folder: Path):
    (folder / "demo" / "CURRENT").write_text("nonsense")
    with open_embedded(folder) as store:
        store.drop("demo")
        with pytest.raises(CollectionMissing):
            store.count("demo")
    assert list(folder.iterdir()) == []


def test_a_sparse_copy_is_the_same_and_takes_no_more_space(tmp_path: Path):
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        file.seek(1 << 20)
        file.write(b"middle" * 1000)
        file.seek(3 << 20)
        file.write(b"x")
        file.truncate(5 << 20)
    copy_sparse(source, target)
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_blocks <= source.stat().st_blocks + 8
    (tmp_path / "empty").touch()
    copy_sparse(tmp_path / "empty", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b""


def test_a_panic_of_the_engine_over_damaged_files_is_an_error_and_a_build_repairs_it(folder: Path):
    """A panic derives from BaseException, and would end the process with a traceback."""
    generation = folder / "demo" / published(folder)[0]
    for path in generation.glob("segments/*/vector_storage-text/vectors/status.dat"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with open_embedded(folder) as store:
        with pytest.raises(CollectionBroken, match=r"the vector engine panicked .* --recreate`"):
            store.count("demo")
        with pytest.raises(BuildFailed, match=r"the vector engine panicked .* --recreate`"):
            store.update(SPEC, POINTS[:1])
        store.build(SPEC, POINTS[:30])
        assert store.count("demo") == 30
