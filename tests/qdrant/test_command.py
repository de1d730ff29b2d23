"""`vitrine qdrant`, as a person or a program calls it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qdrant.__main__ import app
from qdrant.store import Store, open_embedded, open_server
from tests.qdrant.fake_server import FakeServer, Fault
from tests.qdrant.shop import SPEC, shop


def run(*words: str, answer: str = "", status: int = 0) -> str:
    """A command's stdout."""
    result = CliRunner().invoke(app, words, input=answer)
    assert result.exit_code == status, result.output
    run.messages = result.stderr
    return result.stdout


@pytest.fixture(params=["embedded", "server"])
def store(request, tmp_path: Path, fake_server: FakeServer, monkeypatch) -> Iterator[Store]:
    """What the commands see: two generations of one collection."""
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path))
    monkeypatch.delenv("QDRANT_URL", raising=False)
    opened: Store = open_embedded(tmp_path / "qdrant")
    if request.param == "server":
        monkeypatch.setenv("QDRANT_URL", fake_server.url)
        opened = open_server(fake_server.url)
    with opened:
        opened.build(SPEC, shop(10))
        computed = replace(SPEC, precision="int8", text_precision="bfloat16")
        opened.build(computed, shop(20))
        yield opened


def test_status_shows_all_generations(store, fake_server):
    page = json.loads(run("status", "--json"))
    engine = store.engine.info()
    assert page["engine"] == {
        "name": engine.name,
        "version": engine.version,
        "place": engine.place,
    }
    [collection] = page["collections"]
    assert (collection["variant"], collection["fingerprint"]) == ("demo", SPEC.fingerprint)
    current, kept = collection["generations"]
    assert current["name"] == store.collection("demo").generation
    assert (current["use"], current["points"], current["state"]) == ("current", 20, "green")
    assert (kept["use"], kept["points"]) == ("kept", 10)
    assert current["size"] == 3500 if engine.name == "server" else current["size"] > 1e5
    assert current["indexed"] is not None
    assert collection["searches"] == {name: {"ef": None, "recall": 1.0} for name in SPEC.vectors}
    assert (collection["precision"], collection["text_precision"]) == ("int8", "bfloat16")
    table = run("status")
    assert "demo: newest vectors computed in int8, its text model's in bfloat16" in table
    assert "demo is searched by image: exact; text: exact; fused: exact" in table
    assert "demo" in table
    assert engine.place.removeprefix("http://")[:9] in table


def test_status_of_a_server_shows_what_is_being_built(fake_server, monkeypatch):
    monkeypatch.setenv("QDRANT_URL", fake_server.url)
    with open_server(fake_server.url) as store:
        store.build(SPEC, shop(10))

        def points():
            yield from shop(5)
            [collection] = json.loads(run("status", "--json"))["collections"]
            assert [each["use"] for each in collection["generations"]] == ["current", "building"]
            yield from shop(20)[5:]

        store.build(SPEC, points())


def test_status_of_a_server_that_does_not_tell_sizes_leaves_them_out(fake_server, monkeypatch):
    monkeypatch.setenv("QDRANT_URL", fake_server.url)
    with open_server(fake_server.url) as store:
        store.build(SPEC, shop(10))
    fake_server.faults.append(Fault("GET /telemetry", times=2, status=403, words="Forbidden"))
    [collection] = json.loads(run("status", "--json"))["collections"]
    assert [each["size"] for each in collection["generations"]] == [None]
    assert "demo" in run("status")


def test_status_without_collections_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path))
    monkeypatch.delenv("QDRANT_URL", raising=False)
    assert json.loads(run("status", "--json"))["collections"] == []
    assert "no collection" in run("status")


def test_rollback_and_back(store):
    assert json.loads(run("rollback", "--variant", "demo", "--json"))["points"] == 10
    current = next(each for each in store.generations("demo") if each.use == "current")
    assert current.points == 10
    assert "20 points" in run("rollback", "--variant", "demo")


def test_drop_asks_first(store):
    run("drop", "--variant", "demo", answer="n\n", status=1)
    assert "Drop the collection of demo in" in run.messages
    assert json.loads(run("status", "--json"))["collections"]
    assert json.loads(run("drop", "--variant", "demo", "--json", "--yes")) == {"dropped": "demo"}
    assert json.loads(run("status", "--json"))["collections"] == []


@pytest.mark.parametrize(
    "words", [("drop", "--variant", "other", "--yes"), ("rollback", "--variant", "other")]
)
def test_a_variant_that_is_not_there_is_one_sentence(fake_server, monkeypatch, words):
    monkeypatch.setenv("QDRANT_URL", fake_server.url)
    assert run(*words, status=1) == ""
    assert "There is no collection of variant 'other'; make it with" in run.messages
    assert "Traceback" not in run.messages


def test_copy_takes_every_collection_to_a_server(tmp_path, fake_server, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path))
    with open_embedded(tmp_path / "qdrant") as store:
        store.build(SPEC, shop(10))
    printed = json.loads(run("copy", "--to", fake_server.url, "--json"))
    assert [(c["variant"], c["points"], c["sent"]) for c in printed["copied"]] == [("demo", 10, 10)]
    assert "demo: 10 points, 0 sent" in run("copy", "--to", fake_server.url, "--variant", "demo")


def test_copy_of_nothing_is_one_sentence(tmp_path, fake_server, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path))
    run("copy", "--to", fake_server.url, status=1)
    assert "There is no collection in" in run.messages
