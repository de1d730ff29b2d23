"""Jobs and copies while the server, or the copy itself, is killed."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from encoder.variants import Variants
from ingest.products import load_products
from ingest.vectors import embed_products
from ingest.verification import verify_collection
from qdrant.errors import BuildFailed
from qdrant.server.mapping import BATCH
from qdrant.store import Store, open_embedded, open_store
from search.engine import Engine
from search.query import Query
from tests import shop
from tests.qdrant.fake_server import FakeServer, Fault
from tests.qdrant.repetition import Repetition
from tests.qdrant.server_process import ROOT, Process
from tests.qdrant.shop import SPEC
from tests.qdrant.shop import shop as points

PRODUCTS = 300  # three requests
KILLED_AT = 200
QUERIES = ("a teal kettle", "coral lipstick", "number 77")


@pytest.fixture
def home(tmp_path: Path, tiny_clip: Path) -> Path:
    """A shop of words alone; nothing is embedded yet."""
    Variants(tmp_path / "home").add("tiny", tiny_clip)
    return tmp_path / "home"


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Process]:
    """A server that keeps its collections in a folder, or in memory until it is killed."""
    started = Process(tmp_path / "server" if request.param == "folder" else None)
    yield started
    started.kill()


def edition(home: Path, word: str) -> None:
    """Read products whose titles all bear a word."""
    colours = list(shop.COLOURS)
    rows = [
        {"id": f"{n:03}", "title": f"{word} {colours[n % 6]} kettle number {n}", "price": n + 1}
        for n in range(PRODUCTS)
    ]
    load_products(home, shop.write_source(home / "source", rows))


def at_point(number: int, act: Callable[[], object]) -> Callable[..., object]:
    """A progress bar that does something when the collection has taken so many points."""

    @contextmanager
    def bar(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        taken = 0

        def advance(count: int = 1) -> None:
            nonlocal taken
            taken += count
            if taken == number:
                act()

        yield advance

    return bar


def found(engine: Engine) -> list[list[tuple[str, float]]]:
    """Ids and scores of the usual searches."""
    answers = engine.search_batch([Query(text=text, vector="text", k=20) for text in QUERIES])
    return [[(each.id, each.score) for each in (*a.results, *a.without_picture)] for a in answers]


def engine_of(home: Path, store: Store) -> Engine:
    variant = Variants(home).get("tiny")
    return Engine(variant, store)


@pytest.mark.parametrize("server", ["folder"], indirect=True)
def test_a_job_outlasts_a_server_that_is_killed_and_started_again(home, server, monkeypatch):
    monkeypatch.setenv("QDRANT_URL", server.url)
    edition(home, "first")
    embed_products(home, "tiny")
    edition(home, "second")
    monkeypatch.setattr("ingest.collection.progress_bar", at_point(KILLED_AT, server.restart))
    with open_store(home) as store:
        store.engine.connection.clock = lambda: time.monotonic() / 20  # starting takes its time
        engine = engine_of(home, store)

        def search() -> None:  # none fails, also in the outage
            assert all(len(hits) == 20 for hits in found(engine))

        with Repetition(search) as searching:
            figures = embed_products(home, "tiny")
            searching.wait()
    assert (figures["points"], figures["written"]) == (PRODUCTS, PRODUCTS)
    assert verify_collection(home, "tiny") == {
        "products": PRODUCTS,
        "points": PRODUCTS,
        "faults": {},
    }
    with open_store(home) as store:
        over_http = found(engine_of(home, store))
    server.kill()
    monkeypatch.delenv("QDRANT_URL")
    assert embed_products(home, "tiny")["encoded"] == 0  # the same shop, in this process
    with open_store(home) as store:
        embedded = found(engine_of(home, store))
    for ours, theirs in zip(embedded, over_http, strict=True):
        assert [product for product, _ in ours] == [product for product, _ in theirs]
        np.testing.assert_allclose(*([s for _, s in each] for each in (ours, theirs)), atol=1e-4)


@pytest.mark.parametrize("server", ["memory"], indirect=True)
def test_a_server_that_came_back_empty_is_reported_and_filled_by_the_next_run(
    home, server, monkeypatch
):
    monkeypatch.setenv("QDRANT_URL", server.url)
    edition(home, "first")
    with monkeypatch.context() as patched:
        patched.setattr("ingest.collection.progress_bar", at_point(KILLED_AT, server.restart))
        with pytest.raises(BuildFailed, match=r"products_tiny__.*run this again"):
            embed_products(home, "tiny")
    figures = embed_products(home, "tiny")
    assert (figures["encoded"], figures["written"]) == (0, PRODUCTS)
    assert verify_collection(home, "tiny") == {
        "products": PRODUCTS,
        "points": PRODUCTS,
        "faults": {},
    }


def test_a_copy_killed_half_way_sends_only_what_had_not_arrived(tmp_path):
    with open_embedded(tmp_path / "qdrant") as store:
        store.build(SPEC, points(PRODUCTS))
    held = threading.Event()
    upserts = "PUT .*/points"
    with FakeServer() as server:
        words = [sys.executable, "-m", "qdrant", "copy", "--to", server.url, "--json"]
        options = {"cwd": ROOT, "env": {**os.environ, "VITRINE_HOME": str(tmp_path)}}
        server.faults += [
            Fault(upserts, times=2),  # these pass
            Fault(upserts, times=99, hold=held, lose="request"),  # and these never arrive
        ]
        copying = subprocess.Popen(words, **options, stderr=subprocess.DEVNULL)
        server.wait_for(upserts, times=-(-PRODUCTS // BATCH))  # none is on its way any more
        server.wait_for(upserts, times=2, done=True)
        copying.kill()
        copying.wait()
        server.faults.clear()
        held.set()
        name = server.names()[0]
        arrived = {record.id for record in server.client.scroll(name, limit=PRODUCTS)[0]}
        server.received.clear()
        ended = subprocess.run(words, **options, capture_output=True, text=True, check=True)
        sent = [
            point["id"] for request in server.requests(upserts) for point in request.body["points"]
        ]
        assert 0 < len(arrived) < PRODUCTS
        assert len(sent) == PRODUCTS - len(arrived) == len(set(sent) - arrived)
        assert f'"sent": {len(sent)}' in ended.stdout
        assert server.client.count("products_demo").count == PRODUCTS
