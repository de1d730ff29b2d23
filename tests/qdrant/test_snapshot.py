"""A collection as one file: from either engine, into either, whole or not at all."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from qdrant.__main__ import app
from qdrant.errors import CollectionMissing, StoreError
from qdrant.model import WORDS, SparseVector
from qdrant.snapshot import END, restore_snapshot, write_snapshot
from qdrant.store import Store, open_embedded
from qdrant.word_settings import WordSettings
from tests.qdrant.shop import SPEC, ids, shop, vectors

WORDED = replace(SPEC, words=WordSettings())
QUERIES = vectors(4, seed=9)


def silent(count: int) -> None:
    pass


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory):
    """A collection in a folder, with sparse vectors too."""
    words = SparseVector(np.array([3, 7], np.uint32), np.array([1, 0.5], np.float32))
    points = [
        replace(point, sparse={WORDS: words} if row % 2 else {})
        for row, point in enumerate(shop(300))
    ]
    with open_embedded(tmp_path_factory.mktemp("embedded")) as store:
        store.build(WORDED, points)
        yield store


@pytest.fixture(scope="module")
def file(embedded: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("file") / "demo.snapshot"
    write_snapshot(embedded, "demo", out, silent)
    return out


def same(left: Store, right: Store) -> None:
    ours, theirs = ({p.id: p for p in each.scroll("demo", vectors=True)} for each in (left, right))
    assert ours.keys() == theirs.keys()
    for name, point in ours.items():
        assert point.payload == theirs[name].payload
        assert point.vectors.keys() == theirs[name].vectors.keys()
        for vector, numbers in point.vectors.items():
            np.testing.assert_allclose(numbers, theirs[name].vectors[vector], atol=1e-6)
        assert point.sparse.keys() == theirs[name].sparse.keys()
    found = [[ids(hits) for hits in each.search("demo", QUERIES, k=9)] for each in (left, right)]
    assert found[0] == found[1]
    assert left.collection("demo").facts() == right.collection("demo").facts()


def test_a_server_restores_what_the_embedded_engine_wrote_and_the_other_way(
    embedded, file, store, tmp_path
):
    steps: list[int] = []
    made = restore_snapshot(store, file, steps.append)
    assert (made.variant, made.points, sum(steps)) == ("demo", 300, 300)
    same(store, embedded)
    write_snapshot(store, "demo", tmp_path / "back", silent)
    with open_embedded(tmp_path / "new") as new:
        restore_snapshot(new, tmp_path / "back", silent)
        same(new, embedded)


def test_a_restored_generation_can_be_rolled_back(file, store):
    store.build(WORDED, shop(5))
    restore_snapshot(store, file, silent)
    assert store.count("demo") == 300
    assert store.rollback("demo").points == 5


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.9999])
def test_a_file_that_is_damaged_or_cut_off_anywhere_publishes_nothing(file, store, tmp_path, share):
    whole = file.read_bytes()
    at = int(len(whole) * share)
    damaged = bytearray(whole)
    damaged[at] ^= 0xFF
    for content in (whole[:at], bytes(damaged), whole + b"more"):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(StoreError, match="is not a sound snapshot"):
            restore_snapshot(store, tmp_path / "bad", silent)
    assert store.engine.connection.client.get_collections().collections == []


@pytest.mark.parametrize("content", [b"", b"no snapshot", b"x" * 500, END + bytes(32)])
def test_a_file_that_is_no_snapshot_is_an_error(store, tmp_path, content):
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(StoreError, match="is not a sound snapshot"):
        restore_snapshot(store, tmp_path / "bad", silent)


def test_a_snapshot_is_written_whole_or_not_at_all(embedded, tmp_path):
    def fail(count: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_snapshot(embedded, "demo", tmp_path / "a", fail)
    with pytest.raises(CollectionMissing):
        write_snapshot(embedded, "nobody", tmp_path / "a", silent)
    assert list(tmp_path.iterdir()) == []
    write_snapshot(embedded, "demo", tmp_path / "a", silent)
    whole = (tmp_path / "a").read_bytes()
    with pytest.raises(StoreError, match="exists already"):
        write_snapshot(embedded, "demo", tmp_path / "a", silent)
    with pytest.raises(ZeroDivisionError):
        write_snapshot(embedded, "demo", tmp_path / "a", fail, replace=True)
    assert (tmp_path / "a").read_bytes() == whole


def test_the_commands_write_and_restore_where_the_environment_says(
    fake_server, tmp_path, monkeypatch
):
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path))
    monkeypatch.delenv("QDRANT_URL", raising=False)
    with open_embedded(tmp_path / "qdrant") as store:
        generation = store.build(SPEC, shop(10)).generation
    file = str(tmp_path / "demo.snapshot")
    run = CliRunner().invoke
    written = json.loads(run(app, ["snapshot", file, "--json"]).stdout)
    size = Path(file).stat().st_size
    facts = {"file": file, "variant": "demo", "generation": generation, "points": 10, "size": size}
    assert written == facts
    monkeypatch.setenv("QDRANT_URL", fake_server.url)
    assert "10 points" in run(app, ["restore", file]).stdout
    assert fake_server.client.count("products_demo").count == 10
    missing = run(app, ["restore", str(tmp_path / "none")])
    assert missing.exit_code == 1
    assert "No such file" in missing.stderr.replace("\n", "")
