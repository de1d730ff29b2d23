"""Phrases that products must have or must not have."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qdrant.errors import InvalidQuery
from qdrant.model import PICTURED, Filters, Point
from qdrant.store import Store, open_embedded
from tests.qdrant.contract.engines import ENGINES, engine
from tests.qdrant.shop import SPEC, ids, vectors

TEXTS = {
    "kettle": "a1 _of b2 zz c3 zz d4 z e5",
    "pan": "b2 a1 zz c3 zz e5",
    "lid": "a1 zz a1 c3 zz d4 e5",
    "mug": "f6 zz  zz d4",
    "bare": "",
}
POINTS = [
    Point(name, {"terms": terms} if terms else {}, {"text": vector})
    for (name, terms), vector in zip(TEXTS.items(), vectors(len(TEXTS)), strict=True)
]


@pytest.fixture(scope="module", params=ENGINES)
def phrased(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    with engine(request.param, tmp_path_factory.mktemp("phrases")) as store:
        store.build(SPEC, POINTS)
        yield store


@pytest.mark.parametrize(
    ("phrases", "not_phrases", "names"),
    [
        (["a1"], [], ["kettle", "lid", "pan"]),
        (["a1 _of b2"], [], ["kettle"]),
        (["a1 b2"], [], []),
        (["a1 c3"], [], ["lid"]),
        (["d4 e5"], [], ["lid"]),
        (["b2 c3"], [], []),
        (["f9"], [], []),
        (["a1 a1"], [], []),
        (["a1 _of b2 c3"], [], []),
        (["e5 e5 e5 e5 e5 e5 e5 e5 e5"], [], []),
        (["a1", "e5"], ["b2 a1"], ["kettle", "lid"]),
        ([], ["a1"], ["bare", "mug"]),
        ([], ["_of", "f6"], ["bare", "lid", "pan"]),
        ([], ["f9"], ["bare", "kettle", "lid", "mug", "pan"]),
    ],
)
def test_products_with_the_wanted_phrases_and_without_the_others_are_found(
    phrased: Store, phrases: list[str], not_phrases: list[str], names: list[str]
):
    filters = Filters(phrases=tuple(phrases), not_phrases=tuple(not_phrases))
    assert phrased.count("demo", filters) == len(names)
    found = phrased.search("demo", vectors(1, seed=3), vector="text", filters=filters)[0]
    assert sorted(ids(found)) == names
    assert all(hit.payload == {"id": hit.id} for hit in found)


def test_phrases_are_those_of_the_products_after_an_update(store: Store):
    store.build(SPEC, POINTS)
    changed = Point("kettle", {"terms": "f6 f6 zz c3"}, POINTS[0].vectors)
    store.update(SPEC, [changed], delete=["lid"])
    counts = {
        phrase: store.count("demo", Filters(phrases=(phrase,)))
        for phrase in ("a1", "f6", "f6 f6", "c3", "a1 c3")
    }
    assert counts == {"a1": 1, "f6": 2, "f6 f6": 1, "c3": 2, "a1 c3": 0}
    [found] = store.search("demo", vectors(1), vector="text", filters=Filters(not_phrases=("a1",)))
    assert sorted(ids(found)) == ["bare", "kettle", "mug"]
    store.rollback("demo")
    assert store.count("demo", Filters(phrases=("a1",))) == 3


def test_an_empty_collection_has_no_phrases_until_it_has_products(store: Store):
    store.build(SPEC, [])
    for filters in (Filters(phrases=("a1",)), Filters(not_phrases=("a1",))):
        assert store.count("demo", filters) == 0
        assert store.search("demo", vectors(1), vector="text", filters=filters) == [[]]
    store.update(SPEC, POINTS)
    assert store.count("demo", Filters(phrases=("a1",))) == 3


def test_a_phrase_in_a_collection_without_terms_is_refused(tmp_path: Path):
    with open_embedded(tmp_path) as store:
        store.build(replace(SPEC, payload=PICTURED), POINTS)
        for filters in (Filters(phrases=("a1",)), Filters(not_phrases=("a1",))):
            with pytest.raises(InvalidQuery, match="without the terms"):
                store.count("demo", filters)
