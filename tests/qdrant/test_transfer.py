"""Copies of a generation on a server: the same points, sent once, verified before they answer."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qdrant import transfer
from qdrant.errors import BuildFailed, BuildRunning, CollectionMissing
from qdrant.model import Point
from qdrant.store import Store, open_embedded, open_server
from qdrant.transfer import copy
from tests.qdrant.fake_server import FakeServer, Fault
from tests.qdrant.shop import SPEC, broken_off, ids, shop, vectors

ROOT = Path(__file__).parent.parent.parent
POINTS = shop(600)
QUERIES = vectors(5, seed=99)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with an embedded collection."""
    home = tmp_path_factory.mktemp("home")
    with open_embedded(home / "qdrant") as store:
        store.build(SPEC, POINTS)
    return home


@pytest.fixture
def source(home: Path) -> Iterator[Store]:
    with open_embedded(home / "qdrant") as opened:
        yield opened


@pytest.fixture
def target(fake_server: FakeServer) -> Iterator[Store]:
    with open_server(fake_server.url) as opened:
        yield opened


def quietly(count: int) -> None:
    """Show no progress."""


def test_a_copy_answers_as_its_source_does(source, target):
    copied = copy(source, target.engine, "demo", quietly)
    assert (copied.points, copied.sent, copied.compared) == (600, 600, transfer.SAMPLE)
    assert target.collection("demo") == source.collection("demo")
    ours, theirs = (store.search("demo", QUERIES, k=20) for store in (source, target))
    assert [ids(hits) for hits in ours] == [ids(hits) for hits in theirs]


def test_a_copy_of_what_is_there_sends_and_changes_nothing(fake_server, source, target):
    target.build(SPEC, shop(7))
    copy(source, target.engine, "demo", quietly)
    fake_server.received.clear()
    assert copy(source, target.engine, "demo", quietly).sent == 0
    assert fake_server.requests("PUT .*|PATCH .*|DELETE .*|POST .*/aliases") == []
    assert target.rollback("demo").points == 7


def test_a_copy_takes_the_place_of_what_the_server_had_and_can_be_rolled_back(source, target):
    target.build(SPEC, shop(7))
    copy(source, target.engine, "demo", quietly)
    assert target.count("demo") == 600
    assert target.rollback("demo").points == 7
    copy(source, target.engine, "demo", quietly)
    assert target.count("demo") == 600


def test_a_copy_that_was_broken_off_sends_what_is_missing(fake_server, source, target, monkeypatch):
    points = list(source.scroll("demo", vectors=True))
    with monkeypatch.context() as patched:
        half = broken_off(points[:300], KeyboardInterrupt())
        patched.setattr(source, "scroll", lambda *args, **options: half)
        with pytest.raises(KeyboardInterrupt):
            copy(source, target.engine, "demo", quietly)
    assert target.collections() == []
    arrived = fake_server.client.count(
        f"products_demo__{source.collection('demo').generation}"
    ).count
    assert 0 < arrived <= 300
    assert copy(source, target.engine, "demo", quietly).sent == 600 - arrived
    assert target.count("demo") == 600


def test_a_copy_that_was_killed_goes_on_where_it_was(home, fake_server):
    words = [sys.executable, "-m", "qdrant", "copy", "--to", fake_server.url]
    env = {**os.environ, "VITRINE_HOME": str(home)}
    held = threading.Event()
    fake_server.faults.append(
        Fault("PATCH .*", hold=held)
    )  # all is sent, and it is not finished yet
    copying = subprocess.Popen(words, cwd=ROOT, env=env, stderr=subprocess.DEVNULL)
    fake_server.wait_for("PATCH .*")
    copying.kill()
    copying.wait()
    held.set()
    name = fake_server.names()[0]
    lost = [str(record.id) for record in fake_server.client.scroll(name, limit=150)[0]]
    fake_server.client.delete(name, lost)
    ended = subprocess.run(
        [*words, "--json"], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert '"sent": 150' in ended.stdout
    with open_server(fake_server.url) as store:
        assert store.count("demo") == store.collection("demo").points == 600


def test_two_copies_at_once_are_one_too_many(source, target, fake_server, monkeypatch):
    points = list(source.scroll("demo", vectors=True))

    def interrupted() -> Iterator[Point]:
        yield from points[:10]
        with open_server(fake_server.url) as other, pytest.raises(BuildRunning):
            other.engine.receive(source.collection("demo"), points, lambda read: None)
        yield from points[10:]

    target.engine.receive(source.collection("demo"), interrupted(), lambda read: None)
    assert target.count("demo") == 600


@pytest.mark.parametrize("part", ["payload", "vectors"])
def test_a_copy_that_differs_is_never_published(source, target, fake_server, monkeypatch, part):
    def altered(*args: object, **options: object) -> Iterator[Point]:
        for point in scroll(*args, **options):
            changed = {**point.payload, "price": 0.01}
            same = {name: vectors(1)[0] for name in point.vectors}
            yield replace(point, **({part: changed} if part == "payload" else {part: same}))

    target.build(SPEC, shop(7))
    scroll = source.scroll
    monkeypatch.setattr(source, "scroll", altered)
    with pytest.raises(BuildFailed, match=r"differs from its source in product 'p\d+' and is not"):
        copy(source, target.engine, "demo", quietly)
    assert target.count("demo") == 7
    assert len(fake_server.names()) == 1


def test_a_source_that_changed_meanwhile_is_reported(target, tmp_path, monkeypatch):
    with open_embedded(tmp_path) as source:
        source.build(SPEC, POINTS[:10])
        scroll = source.scroll

        def rebuilding(*args: object, **options: object) -> Iterator[Point]:
            yield from scroll(*args, **options)
            source.build(SPEC, POINTS[:20])

        monkeypatch.setattr(source, "scroll", rebuilding)
        with pytest.raises(BuildFailed, match="built anew while it was copied; run this again"):
            copy(source, target.engine, "demo", quietly)
        assert target.collections() == []


def test_what_is_not_there_cannot_be_copied(source, target):
    with pytest.raises(CollectionMissing):
        copy(source, target.engine, "other", quietly)
