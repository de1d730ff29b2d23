"""Searches under phrases by the embedded engine, which has no index of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import qdrant_edge as qe

from qdrant.embedded import phrase_filter
from qdrant.embedded.facts import FOLDER
from qdrant.model import Filters, Point, VectorQuery
from qdrant.store import Store, open_embedded
from tests.qdrant.shop import SPEC, ids, vectors


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """300 products, every second of which has a term; of those near one query hardly one."""
    points = [
        Point(f"p{row}", {"terms": f"1 2 {'3' if row % 2 else '4'} {row:x}"}, {"text": vector})
        for row, vector in enumerate(vectors(300))
    ]
    with open_embedded(tmp_path_factory.mktemp("many")) as store:
        store.build(SPEC, points)
        yield store


FILTERS = {
    "a term of half": Filters(phrases=("2 3",)),
    "not that": Filters(not_phrases=("2 3",)),
    "with ids": Filters(phrases=("3",), exclude=("p1", "p3", "p5")),
    "most": Filters(not_phrases=("2 4 2",)),
    "few": Filters(phrases=("2 3 7",)),
    "none": Filters(phrases=("2 3",), not_phrases=("1 2 3",)),
}


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("margin", [0.01, 2])  # too few are found at first, or enough
def test_a_search_for_more_finds_what_a_list_of_ids_does(
    many: Store, monkeypatch: pytest.MonkeyPatch, name: str, margin: float
):
    queries = [VectorQuery("text", vector, 7, FILTERS[name]) for vector in vectors(5, seed=4)]
    listed = many.search_batch("demo", queries)
    monkeypatch.setattr(phrase_filter, "IDS", 0)
    monkeypatch.setattr(phrase_filter, "MARGIN", margin)
    ranked = many.rank_batch("demo", queries)
    for hits, ranking in zip(listed, ranked, strict=True):
        facts = many.facts("demo", ranking.ids, ["title"])
        assert ids(hits) == [facts[number]["id"] for number in ranking.ids]
        assert [hit.score for hit in hits] == pytest.approx(list(ranking.scores))


def test_a_generation_with_the_engine_s_own_index_is_searched_and_updated_as_before(tmp_path: Path):
    texts = {"kettle": "a1 zz b2", "pan": "b2 a1", "lid": "a1 c3", "mug": "c3"}
    points = [
        Point(name, {"terms": terms}, {"text": vector})
        for (name, terms), vector in zip(texts.items(), vectors(4), strict=True)
    ]
    with open_embedded(tmp_path) as store:
        store.build(SPEC, points)
    generation = tmp_path / "demo" / (tmp_path / "demo" / "CURRENT").read_text().split()[0]
    for file in (generation / FOLDER).glob("phrases*"):
        file.unlink()
    shard = qe.EdgeShard.load(str(generation))
    index = qe.TextIndexParams(tokenizer=qe.TokenizerType.Whitespace, phrase_matching=True)
    shard.update(qe.UpdateOperation.create_field_index("terms", index))
    shard.flush()
    shard.close()
    with open_embedded(tmp_path) as store:
        filters = Filters(phrases=("a1",), not_phrases=("a1 c3",))
        assert store.count("demo", filters) == 2
        changed = Point("pan", {"terms": "a1 c3"}, points[1].vectors)
        store.update(SPEC, [changed], delete=["mug"])
        assert store.count("demo", filters) == 1
        assert ids(store.search("demo", vectors(1), vector="text", filters=filters)[0]) == [
            "kettle"
        ]
    assert not list(tmp_path.glob(f"demo/*/{FOLDER}/phrases.json"))
