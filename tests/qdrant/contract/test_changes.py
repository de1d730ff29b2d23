"""Changes: builds, updates, rollbacks and drops of both engines."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from qdrant.errors import (
    BuildRunning,
    CollectionMissing,
    InvalidPoint,
    StoreError,
)
from qdrant.model import Filters, Point, Spec, VectorQuery
from qdrant.store import Store
from tests.qdrant.contract.points import POINTS, QUERIES
from tests.qdrant.shop import (
    DIM,
    SPEC,
    broken_off,
    vectors,
)


def test_the_collection_remembers_what_it_was_built_from(filled: Store):
    collection = filled.collection("demo")
    assert collection.facts() == SPEC.facts()
    assert collection.points == len(POINTS)
    assert collection.created.endswith("+00:00")
    assert filled.collections() == [collection]


def test_an_invalid_point_leaves_the_published_collection_as_it_was(store: Store):
    before = store.build(SPEC, POINTS[:20])
    bad = Point("bad", {}, {"text": np.zeros(DIM)})
    for change in (store.build, store.update):
        with pytest.raises(InvalidPoint):
            change(SPEC, [*POINTS[20:300], bad])
    assert store.collection("demo") == before
    assert store.count("demo") == 20


def test_an_error_of_the_points_themselves_comes_through_and_changes_nothing(store: Store):
    store.build(SPEC, POINTS[:20])
    with pytest.raises(ZeroDivisionError):
        store.build(SPEC, broken_off(POINTS, ZeroDivisionError()))
    with pytest.raises(KeyboardInterrupt):
        store.build(SPEC, broken_off(POINTS, KeyboardInterrupt()))
    assert store.count("demo") == 20
    store.build(SPEC, POINTS[:30])
    assert store.count("demo") == 30


def test_a_build_replaces_everything_and_an_update_only_what_it_names(store: Store):
    store.build(SPEC, POINTS[:50])
    new = vectors(3, seed=5)
    made = store.update(
        replace(SPEC, source="next"),
        [
            Point("p1", {"category": "New", "categories": ["New"]}, {"text": new[0]}),
            Point(
                "fresh",
                {"category": "New", "categories": ["New"]},
                {"text": new[1], "fused": new[2]},
            ),
        ],
        delete=["p2", "p3", "nobody"],
    )
    assert (made.points, made.source) == (49, "next")
    assert store.facet("demo", "category", Filters(ids=("p1", "fresh"))) == {"New": 2}
    changed = store.retrieve("demo", ["p1", "p2", "p7"], vectors=True)
    assert list(changed) == ["p1", "p7"]
    assert changed["p1"].payload == {"category": "New", "categories": ["New"], "id": "p1"}
    np.testing.assert_allclose(changed["p1"].vectors.pop("text"), new[0], atol=1e-6)
    assert changed["p1"].vectors == {}
    assert changed["p7"].payload["title"] == "product 7"
    assert store.search("demo", new[2], k=1)[0][0].id == "fresh"
    some = VectorQuery("text", new[0], 3, Filters(ids=("p1", "p2", "p7", "fresh")))
    [found] = store.rank_batch("demo", [some])
    facts = store.facts("demo", found.ids, ["title"]).values()
    assert {each["id"]: each.get("title") for each in facts} == {
        "p1": None,
        "p7": "product 7",
        "fresh": None,
    }

    store.update(SPEC, [Point("p1", {"categories": ["Newer"]}, {"text": new[0]})], delete=["fresh"])
    assert store.count("demo", Filters(categories=("New",))) == 0
    assert store.count("demo", Filters(categories=("Newer",))) == 1

    assert store.build(SPEC, POINTS[:5]).points == 5
    assert store.count("demo") == 5


def test_an_id_both_deleted_and_given_is_there(store: Store):
    store.build(SPEC, POINTS[:5])
    store.update(
        SPEC,
        [Point("p1", {"category": "New", "categories": ["New"]}, {"text": vectors(1)[0]})],
        delete=["p1"],
    )
    assert store.retrieve("demo", ["p1"])["p1"].payload == {
        "category": "New",
        "categories": ["New"],
        "id": "p1",
    }


@pytest.mark.parametrize(
    "other",
    [
        replace(SPEC, fingerprint="f" * 16),
        replace(SPEC, dim=8),
        replace(SPEC, vectors=("text",)),
    ],
)
def test_an_update_by_other_vectors_is_an_error(store: Store, other: Spec):
    store.build(SPEC, POINTS[:5])
    with pytest.raises(StoreError, match="build it anew with `vitrine ingest vectors"):
        store.update(other, [])
    assert store.collection("demo").facts() == SPEC.facts()


def test_rollback_changes_places_with_the_generation_before(store: Store):
    first = store.build(SPEC, POINTS[:10])
    with pytest.raises(StoreError):
        store.rollback("demo")
    second = store.build(SPEC, POINTS[:20])
    assert store.rollback("demo") == first
    assert store.count("demo") == 10
    assert store.rollback("demo") == second
    assert store.count("demo") == 20


def test_a_build_after_a_rollback_keeps_the_generation_that_was_in_use(store: Store):
    first = store.build(SPEC, POINTS[:10])
    store.build(SPEC, POINTS[:20])
    store.rollback("demo")
    store.build(SPEC, POINTS[:30])
    assert store.rollback("demo") == first


def test_variants_do_not_see_each_other(store: Store):
    store.build(SPEC, POINTS[:10])
    store.build(replace(SPEC, variant="demo__b"), POINTS[:20])
    store.build(replace(SPEC, variant="demo__b"), POINTS[:30])
    store.build(SPEC, POINTS[:15])
    assert [(c.variant, c.points) for c in store.collections()] == [("demo", 15), ("demo__b", 30)]
    store.drop("demo")
    assert [c.variant for c in store.collections()] == ["demo__b"]
    assert store.rollback("demo__b").points == 20


def test_what_is_dropped_is_gone_and_can_be_built_again(store: Store):
    store.build(SPEC, POINTS[:10])
    store.build(SPEC, POINTS[:20])
    store.count("demo")
    store.drop("demo")
    with pytest.raises(CollectionMissing):
        store.count("demo")
    with pytest.raises(CollectionMissing):
        store.rollback("demo")
    store.build(SPEC, POINTS[:5])
    assert store.count("demo") == 5


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.collection("demo"),
        lambda store: store.search("demo", QUERIES),
        lambda store: store.count("demo"),
        lambda store: store.facet("demo", "brand"),
        lambda store: store.retrieve("demo", ["p1"]),
        lambda store: list(store.scroll("demo")),
        lambda store: store.update(SPEC, []),
        lambda store: store.rollback("demo"),
        lambda store: store.drop("demo"),
    ],
)
def test_a_variant_without_a_collection_is_named_with_the_remedy(store: Store, ask):
    with pytest.raises(CollectionMissing, match="`vitrine ingest vectors --variant demo`"):
        ask(store)
    assert store.collections() == []


@pytest.mark.parametrize("name", ["", "../demo", "Demo", "a" * 65, "a-b"])
def test_a_name_that_is_no_variant_is_an_error(store: Store, name: str):
    with pytest.raises(StoreError, match="cannot name a variant"):
        store.collection(name)


def test_a_second_build_of_a_variant_is_an_error_while_one_runs(store: Store):
    def points() -> Iterator[Point]:
        with pytest.raises(BuildRunning, match="'demo' is being built by process"):
            store.build(SPEC, POINTS[:10])
        yield from POINTS[:20]

    store.build(SPEC, points())
    assert store.count("demo") == 20
