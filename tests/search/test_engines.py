"""Both engines of the store give the same search the same results."""

from dataclasses import replace

import pytest

from qdrant.store import open_server
from search.engine import Engine
from search.query import Query
from tests import shop
from tests.qdrant.fake_server import FakeServer

QUERIES = {
    "hybrid": Query("teal kettle", k=8),
    "unfolded": Query("grey twin", k=20, fold=False),
    "words": Query("olive kettles", match="words"),
    "vectors": Query("navy lipstick", match="vectors"),
    "id": Query("KETTLE OLIVE", k=3),
    "picture": Query(picture=shop.draw("kettle-teal"), k=9),
    "both": Query("in coral", shop.draw("lipstick-navy"), k=9),
    "likes": Query(like=("kettle-teal", "lipstick-coral"), k=9),
    "less": Query("kettle", without=("teal",), unlike=("kettle-navy",), k=9),
    "sorted": Query("lipstick", sort="rating", k=9),
    "varied": Query("kettle", diverse=True, k=9),
    "page": Query("kettle", k=4, offset=5),
}


@pytest.fixture(scope="module")
def engines(engine):
    """The embedded engine, and one of a server that has the same points."""
    with FakeServer() as server, open_server(server.url) as store:
        store.build(engine.collection(), engine.store.scroll("tiny", vectors=True))
        yield engine, Engine(engine.variant, store, lambda: engine.encoder)


@pytest.mark.parametrize("name", QUERIES)
def test_the_same_search_gives_the_same_results_in_order(engines, name):
    embedded, server = (one.search(QUERIES[name]) for one in engines)
    for mine, others in (
        (embedded.results, server.results),
        (embedded.without_picture, server.without_picture),
    ):
        assert [each.id for each in mine] == [each.id for each in others]
        for one, other in zip(mine, others, strict=True):
            assert other.score == pytest.approx(one.score, abs=1e-5)
            assert other.folded == one.folded
            assert replace(other, score=0, parts={}) == replace(one, score=0, parts={})
            assert other.parts.keys() == one.parts.keys()
    assert embedded.results
