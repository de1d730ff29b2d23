"""Readers: beside each other, beside a build, over a switch, and after their process's death."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from qdrant.disk import copy_sparse, mirror
from qdrant.embedded import leases
from qdrant.embedded.generations import Generations
from qdrant.embedded.lock import Lock
from qdrant.errors import CollectionMissing, DiskFull
from qdrant.model import Point
from qdrant.store import Store, open_embedded
from tests.qdrant.processes import Worker
from tests.qdrant.repetition import Repetition
from tests.qdrant.shop import SPEC, build, nearest, shop, vectors

POINTS = shop(310)
QUERY = vectors(1)[0]


@pytest.fixture
def store(tmp_path: Path):
    """A store of 10 products, held open."""
    with open_embedded(tmp_path) as opened:
        opened.build(SPEC, POINTS[:10])
        assert opened.count("demo") == 10
        yield opened


def answer(count: int) -> str:
    """The line of a searching process for that many products."""
    return " ".join([str(count), *nearest(POINTS[:count], QUERY, "text", 3)])


def test_one_process_searches_while_another_holds_and_a_third_builds(store: Store, tmp_path: Path):
    with Worker("search", tmp_path) as searcher, Worker("build", tmp_path) as builder:
        assert builder.read_line().startswith("half")
        assert searcher.send() == answer(10)
        assert store.count("demo") == 10
        with open_embedded(tmp_path) as another:
            assert another.count("demo") == 10
        assert builder.send() == "built"
        assert searcher.send() == answer(310)
        assert store.count("demo") == 310


def test_a_reader_sees_rollback_and_drop_of_another_process_on_its_next_query(
    store: Store, tmp_path: Path
):
    with Worker("search", tmp_path) as searcher:
        assert searcher.send() == answer(10)
        store.build(SPEC, POINTS[:20])
        assert searcher.send() == answer(20)
        store.rollback("demo")
        assert searcher.send() == answer(10)
        store.drop("demo")
        store.build(SPEC, POINTS[:30])
        assert searcher.send() == answer(30)


def test_searches_while_another_thread_opens_a_generation_read_the_one_before(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    reached, go_on = threading.Event(), threading.Event()
    really_open = leases.open_reader

    def open_on_signal(generations: Generations) -> leases.PrivateReader:
        reached.set()
        assert go_on.wait(120)
        return really_open(generations)

    with open_embedded(tmp_path) as another:
        another.build(SPEC, POINTS[:20])
    monkeypatch.setattr(leases, "open_reader", open_on_signal)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(store.count, "demo")
        assert reached.wait(120)
        assert store.count("demo") == 10
        go_on.set()
        assert first.result() == 20
    assert store.count("demo") == 20


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store folder with a generation of 10 products, and one of 20 kept beside it."""
    return build(tmp_path_factory.mktemp("built"), POINTS[:20], POINTS[:10])


class Opening:
    """Openings of large generations that end when a test lets them.

    Attributes:
        begun: set when one has begun.
        go_on: lets it open, or fail with `error`.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.error: Exception | None = None
        self._really_open = leases.open_reader
        patch.setattr(leases, "LARGE", 1)
        patch.setattr(leases, "open_reader", self._open)

    def end(self) -> None:
        """Let one go on, and wait for its thread."""
        assert self.begun.wait(120)
        [thread] = [each for each in threading.enumerate() if each.name == "opening demo"]
        self.go_on.set()
        thread.join()

    def _open(self, generations: Generations) -> leases.PrivateReader:
        self.begun.set()
        assert self.go_on.wait(120)
        if self.error:
            raise self.error
        return self._really_open(generations)


@pytest.fixture
def large(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A store of 10 products held open, another of the same folder, and the next opening."""
    folder = tmp_path / "large"
    mirror(built, folder, copy_sparse)
    with open_embedded(folder) as opened, open_embedded(folder) as another:
        assert opened.count("demo") == 10
        opening = Opening(monkeypatch)
        yield opened, another, opening
        opening.go_on.set()


def test_a_large_generation_is_opened_while_the_one_before_answers(large):
    store, another, opening = large
    another.rollback("demo")
    assert [store.count("demo"), store.count("demo"), store.collection("demo").points] == [10] * 3
    opening.end()
    assert [store.count("demo"), store.collection("demo").points] == [20, 20]
    opening.begun.clear()
    store.count("demo")
    assert not opening.begun.is_set(), "it is opened once"


def test_a_large_generation_that_cannot_be_opened_is_an_error_of_the_next_search(large):
    store, another, opening = large
    opening.error = DiskFull("There is no space.")
    another.rollback("demo")
    assert store.count("demo") == 10
    opening.end()
    with pytest.raises(DiskFull, match="no space"):
        store.count("demo")
    opening.error = None
    assert store.count("demo") == 20


def test_a_search_does_not_answer_from_a_dropped_or_incomparable_generation(large):
    store, another, opening = large
    opening.go_on.set()
    another.build(replace(SPEC, fingerprint="f" * 16), POINTS[:5])
    assert store.collection("demo").points == 5
    assert store.count("demo") == 5
    another.drop("demo")
    with pytest.raises(CollectionMissing):
        store.count("demo")


def test_an_update_is_of_the_published_generation_where_another_is_open(large):
    store, another, opening = large
    another.rollback("demo")
    assert store.collection("demo").points == 10
    assert opening.begun.wait(120)
    opening.go_on.set()
    assert store.update(SPEC, [], delete=["p1"]).points == 19


def test_a_store_that_closes_waits_for_an_opening_and_leaves_no_private_folder(large):
    store, another, opening = large
    another.rollback("demo")
    assert store.count("demo") == 10
    assert opening.begun.wait(120)
    with ThreadPoolExecutor(1) as threads:
        closed = threads.submit(store.close)
        opening.go_on.set()
        closed.result()
    assert list((store.engine.folder / "demo" / "readers").iterdir()) == []


def test_a_private_folder_goes_with_its_store(store: Store, tmp_path: Path):
    folders = tmp_path / "demo" / "readers"
    assert len(list(folders.iterdir())) == 2, "a folder and its lock"
    store.build(SPEC, POINTS[:20])
    assert list(folders.iterdir()) == [], "a job that builds holds no generation in memory"
    assert store.count("demo") == 20
    assert len(list(folders.iterdir())) == 2
    store.close()
    assert list(folders.iterdir()) == []


def test_the_folder_of_an_ended_reader_is_swept_and_of_a_running_one_is_not(
    store: Store, tmp_path: Path
):
    folders = tmp_path / "demo" / "readers"
    with Worker("search", tmp_path) as living, Worker("search", tmp_path) as dying:
        assert living.send() == dying.send() == answer(10)
        assert len(list(folders.iterdir())) == 6
        dying.process.kill()
        dying.process.wait()
        store.build(SPEC, POINTS[:20])
        assert len(list(folders.iterdir())) == 2
        assert {int(path.name.split("-")[0]) for path in folders.iterdir()} == {living.process.pid}
        assert living.send() == answer(20)


def test_a_scroll_stays_with_its_generation_to_the_end(store: Store):
    store.build(SPEC, POINTS)
    scroll = store.scroll("demo", vectors=True)
    first = next(scroll)
    for count in (5, 6, 7):
        store.build(SPEC, POINTS[:count])
    assert store.count("demo") == 7
    assert {first.id, *(point.id for point in scroll)} == {point.id for point in POINTS}


def test_threads_search_on_while_generations_change(store: Store):
    # In each generation every product says how many there are, so an answer is of one generation.
    def generation(count: int) -> list[Point]:
        return [Point(p.id, {"category": str(count)}, p.vectors) for p in POINTS[:count]]

    store.build(SPEC, generation(20))
    seen: set[str] = set()

    def search() -> None:
        hits = store.search("demo", QUERY, vector="text", k=40)[0]
        assert {hit.payload["category"] for hit in hits} == {str(len(hits))}
        seen.add(str(len(hits)))

    with Repetition(search, threads=6) as searching:
        for change, count in (
            (lambda: store.build(SPEC, generation(30)), "30"),
            (lambda: store.build(SPEC, generation(40)), "40"),
            (lambda: store.rollback("demo"), "30"),
        ):
            change()
            searching.wait()  # one has opened the generation
            searching.wait()  # no search of the one before is under way
            seen.clear()
            searching.wait()
            assert seen == {count}


def test_a_lock_is_held_by_one_until_it_is_released(tmp_path: Path):
    lock = Lock.take(tmp_path / "LOCK")
    assert Lock.take(tmp_path / "LOCK") is None
    lock.release()
    again = Lock.take(tmp_path / "LOCK")
    again.release(remove=True)
    assert not (tmp_path / "LOCK").exists()
