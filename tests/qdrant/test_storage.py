"""How dense vectors are stored: what each way keeps, in both engines."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backup.reading import restore_archive
from backup.writing import write_archive
from catalog.catalogue import Catalogue
from qdrant.errors import InvalidPoint, StoreError
from qdrant.model import Filters, Point, Spec
from qdrant.snapshot import restore_snapshot, write_snapshot
from qdrant.storage import STORAGES
from qdrant.storage_settings import StorageSettings
from qdrant.store import Store, open_embedded, open_server
from qdrant.transfer import copy
from tests.qdrant.fake_server import FakeServer, Fault
from tests.qdrant.shop import SPEC, ids, nearest, shop, vectors
from tests.qdrant.test_command import run

POINTS = shop(300)
BY_ID = {point.id: point for point in POINTS}
QUERIES = vectors(4, seed=99)
OTHERS = [name for name in STORAGES if name != "int8"]


def quietly(count: int) -> None:
    """Show no progress."""


@pytest.fixture(scope="module", params=OTHERS)
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """An embedded collection in each form, after an update in place."""
    home = tmp_path_factory.mktemp(request.param)
    with Catalogue(home), open_embedded(home / "qdrant") as store:
        spec = replace(SPEC, storage=request.param)
        store.build(spec, POINTS[:290])
        store.update(spec, POINTS[280:], delete=["nobody"])
        yield store


def test_searches_filters_and_counts_are_those_of_exact_vectors(stored: Store):
    storage = stored.collection("demo").stored_as
    for vector in ("image", "text"):
        for query, found in zip(
            QUERIES, stored.search("demo", QUERIES, vector=vector), strict=True
        ):
            wanted = nearest(POINTS, query, vector, 10)
            assert len(set(ids(found)) & set(wanted)) >= (10 if storage.exact else 9)
            for hit in found:
                cosine = float(BY_ID[hit.id].vectors[vector] @ query)
                assert hit.score == pytest.approx(cosine, abs=1e-4 if storage.exact else 2e-2)
    assert stored.count("demo", Filters(has_picture=False)) == 75
    for field, values in (
        ("category", [point.payload["category"] for point in POINTS]),
        ("facets", [value for point in POINTS for value in point.payload["facets"]]),
    ):
        assert stored.facet("demo", field, limit=1000) == Counter(values)
    cheap = stored.search("demo", QUERIES[0], vector="text", filters=Filters(price_max=20.0))[0]
    assert all(hit.payload["price"] <= 20 for hit in cheap)
    exact = stored.search("demo", QUERIES[0], vector="text", exact=True)[0]
    assert ids(exact) == ids(stored.search("demo", QUERIES[0], vector="text")[0])


def test_a_stored_vector_is_the_given_one_but_for_what_storing_it_loses(stored: Store):
    storage = stored.collection("demo").stored_as
    other = vectors(1, seed=5)[0]
    for product, point in stored.retrieve("demo", ["p1", "p285", "p299"], vectors=True).items():
        assert point.payload == {**BY_ID[product].payload, "id": product}
        assert point.vectors.keys() == BY_ID[product].vectors.keys()
        for name, vector in point.vectors.items():
            assert storage.holds(BY_ID[product].vectors[name], vector)
            assert not storage.holds(other, vector)


def test_a_rollback_and_back_keep_how_vectors_are_stored(stored: Store):
    updated = stored.collection("demo")
    before = stored.rollback("demo")
    assert (before.points, before.storage) == (290, updated.storage)
    assert stored.count("demo") == 290
    assert stored.rollback("demo") == updated


def test_a_backup_opens_elsewhere_with_the_same_scores(stored: Store, tmp_path: Path):
    home = stored.engine.folder.parent  # type: ignore[attr-defined]
    write_archive(home, tmp_path / "shop.tar", quietly)
    restore_archive(tmp_path / "shop.tar", tmp_path / "elsewhere", quietly)
    with open_embedded(tmp_path / "elsewhere" / "qdrant") as moved:
        assert moved.collection("demo") == stored.collection("demo")
        assert moved.search("demo", QUERIES) == stored.search("demo", QUERIES)


@pytest.mark.parametrize("name", STORAGES)
def test_an_update_on_a_server_keeps_the_types_and_the_vectors(
    name: str, fake_server: FakeServer, store: Store
):
    spec = replace(SPEC, storage=name)
    store.build(spec, POINTS[:40])
    changed = [replace(POINTS[1], payload={"title": "other"}), *POINTS[40:42]]
    assert store.update(spec, changed, delete=["p0"]).points == 41
    built, updated = (request.body for request in fake_server.requests("PUT /collections/[^/]+"))
    for part in ("vectors", "quantization_config"):
        assert updated.get(part) == built.get(part)
    found = store.retrieve("demo", ["p0", "p1", "p2", "p41"], vectors=True)
    assert found.keys() == {"p1", "p2", "p41"}
    assert found["p1"].payload["title"] == "other"
    for product, point in found.items():
        for vector, values in point.vectors.items():
            assert STORAGES[name].holds(BY_ID[product].vectors[vector], values)
    assert store.rollback("demo").storage == store.rollback("demo").storage == name


def test_a_copy_and_a_restored_snapshot_hold_the_same_vectors(stored: Store, tmp_path: Path):
    write_snapshot(stored, "demo", tmp_path / "file", quietly)
    with (
        open_embedded(tmp_path / "restored") as restored,
        FakeServer() as fake_server,
        open_server(fake_server.url) as server,
    ):
        restore_snapshot(restored, tmp_path / "file", quietly)
        copy(stored, server.engine, "demo", quietly)  # type: ignore[arg-type]
        wanted = stored.retrieve("demo", ["p1", "p2", "p299"], vectors=True)
        for other in (restored, server):
            assert other.collection("demo").storage == stored.collection("demo").storage
            found = other.retrieve("demo", list(wanted), vectors=True)
            for product, point in wanted.items():
                for name, vector in point.vectors.items():
                    np.testing.assert_allclose(found[product].vectors[name], vector, atol=1e-6)


def test_a_server_is_asked_for_the_types_and_one_that_lacks_them_is_named(
    fake_server: FakeServer, store: Store
):
    store.build(replace(SPEC, storage="turbo8"), POINTS[:10])
    store.build(replace(SPEC, storage="turbo4"), POINTS[:10])
    exact, small = (request.body for request in fake_server.requests("PUT /collections/[^/]+"))
    assert {each["datatype"] for each in exact["vectors"].values()} == {"turbo8"}
    assert exact.get("quantization_config") is None
    assert small["quantization_config"]["turbo"]["bits"] == "bits4"
    fault = Fault("PUT /collections/[^/]+", status=400, words="unknown variant `turbo8`")
    fake_server.faults.append(fault)
    with pytest.raises(StoreError, match=r"cannot store vectors like this.*--storage int8"):
        store.build(replace(SPEC, storage="turbo8"), POINTS[:10])
    assert store.collection("demo").storage == "turbo4"


def test_a_vector_that_no_point_carries_has_no_room_and_finds_nothing(
    fake_server: FakeServer, store: Store, tmp_path: Path
):
    spec = replace(SPEC, unused=("image", "fused"))
    texts = [replace(point, vectors={"text": point.vectors["text"]}) for point in POINTS[:50]]
    with open_embedded(tmp_path) as embedded:
        for each in (store, embedded):
            each.build(spec, texts)
            assert each.collection("demo").facts() == spec.facts()
            assert each.search("demo", QUERIES, vector="image") == [[]] * len(QUERIES)
            found = each.search("demo", QUERIES[0], vector="text")[0]
            assert ids(found) == nearest(texts, QUERIES[0], "text", 10)
            assert each.count("demo", Filters(has_picture=True)) == 0
            with pytest.raises(InvalidPoint, match="vector 'image' is not one of text"):
                each.update(spec, [POINTS[1]])
            with pytest.raises(StoreError, match=r"has unused .* build it anew"):
                each.update(SPEC, [POINTS[1]])
        (folder,) = tmp_path.glob("demo/2*/segments/*/vector_storage-text")
        assert len(list(folder.parent.glob("vector_storage-*"))) == 1
    request, *_ = fake_server.requests("PUT /collections/[^/]+")
    assert list(request.body["vectors"]) == ["text"]


def test_bytes_are_those_of_both_copies():
    assert [each.bytes(512) for each in STORAGES.values()] == [
        2048 + 516,
        2048 + 264,
        1028 + 264,
        516,
    ]


@pytest.mark.parametrize("name", OTHERS)
def test_a_shop_is_sized_with_the_bytes_of_its_storage(name: str):
    count, dim = 10**6, 512
    printed = json.loads(run("size", "--products", str(count), "--storage", name, "--json"))
    saved = count * 3 * (STORAGES["int8"].bytes(dim) - STORAGES[name].bytes(dim))
    int8, other = (printed["storages"][each]["embedded"]["disk"] for each in ("int8", name))
    assert int8 - other == pytest.approx(saved, abs=2)
    server = [printed["storages"][each]["server"]["disk"] for each in ("int8", name)]
    assert server[0] - server[1] == pytest.approx(saved, abs=2)
    assert (printed["storage"], printed["disk"]) == (name, 2 * server[1])


def test_small_copies_are_searched_and_rescored_by_the_kept_ones(tmp_path: Path):
    """Beyond the full scan, which has no smaller copies."""
    dim, count = 1024, 2700
    drawn = vectors(count, dim)
    queries = vectors(20, dim, seed=7)
    spec = Spec("demo", "0" * 16, dim, vectors=("image",), storage="turbo16")
    with open_embedded(tmp_path) as store:
        store.build(spec, (Point(f"p{row}", {}, {"image": each}) for row, each in enumerate(drawn)))
        names = {file.name for file in tmp_path.glob("demo/2*/segments/*/vector_storage-image/*")}
        assert {"tq_vectors.dat", "quantized.data"} <= names
        found = store.search("demo", queries, vector="image", ef=512)
    for query, hits in zip(queries, found, strict=True):
        nearest_ten = {f"p{row}" for row in np.argsort(-(drawn @ query))[:10]}
        assert len(nearest_ten & set(ids(hits))) >= 8
        for hit in hits:
            assert hit.score == pytest.approx(float(drawn[int(hit.id[1:])] @ query), abs=1e-4)


def test_what_is_unknown_is_named():
    with pytest.raises(StoreError, match="cannot store vectors as 'int4'; take int8"):
        replace(SPEC, storage="int4")
    with pytest.raises(StoreError, match="has no vectors “fused” that could be stored"):
        StorageSettings(vectors=("image", "fused")).of(("image", "text"))
    assert StorageSettings(vectors=("text", "image")).of(("image", "text")) == ("image", "text")
