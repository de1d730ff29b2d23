"""What is sent to a server, request by request: above all what local mode takes no notice of."""

from collections.abc import Iterator
from dataclasses import replace

import httpx
import numpy as np
import pytest

from qdrant import layout, recall
from qdrant.errors import StoreError
from qdrant.index_fields import number_field
from qdrant.model import Filters, GraphSearch, Point
from qdrant.server import mapping
from qdrant.server.connection import connect
from qdrant.server.engine import ServerEngine
from qdrant.server.generations import FRESH
from qdrant.store import Store, open_server
from tests.qdrant.fake_server import FakeServer, Fault
from tests.qdrant.shop import SPEC, ids, shop, vectors

QUERY = vectors(1, seed=99)[0]


@pytest.fixture
def store(fake_server: FakeServer) -> Iterator[Store]:
    with open_server(fake_server.url) as opened:
        yield opened


def test_a_collection_keeps_int8_in_memory_and_the_originals_on_disk(fake_server, store):
    store.build(SPEC, shop(10))
    [made] = fake_server.requests("PUT /collections/[^/]+")
    assert made.body["quantization_config"] == {"scalar": {"type": "int8", "always_ram": True}}
    vector = {"size": SPEC.dim, "distance": "Cosine", "on_disk": True}
    assert made.body["vectors"] == {"image": vector, "text": vector, "fused": vector}
    assert made.body["on_disk_payload"] is True


def test_strict_mode_forbids_what_no_search_of_ours_needs(fake_server, store):
    store.build(SPEC, shop(10))
    [made] = fake_server.requests("PUT /collections/[^/]+")
    strict = made.body["strict_mode_config"]
    assert strict["enabled"] is True
    assert strict["unindexed_filtering_retrieve"] is False
    assert strict["unindexed_filtering_update"] is False
    assert strict["max_query_limit"] == 10_000
    assert strict["search_max_hnsw_ef"] >= layout.EF
    assert strict["search_max_oversampling"] >= layout.OVERSAMPLING
    assert strict["upsert_max_batchsize"] >= mapping.BATCH
    assert strict["search_max_batchsize"] >= mapping.SEARCH_BATCH
    assert strict.get("search_allow_exact", True) is True


def test_every_field_that_we_filter_by_is_indexed_before_the_first_point(fake_server, store):
    store.build(SPEC, shop(10))
    indexes = fake_server.requests("PUT .*/index")
    keywords = ("category", "categories", "brand", "facets", "currency", "stock", "pictured")
    numbers = ("price", "list_price", "rating", *map(number_field, SPEC.numbers))
    assert {request.body["field_name"]: request.body["field_schema"] for request in indexes} == {
        **{name: {"type": "keyword"} for name in keywords},
        **{name: {"type": "float", "enable_hnsw": False} for name in numbers},
        "price_step": {"type": "integer", "enable_hnsw": False},
        "released": {"type": "datetime", "enable_hnsw": False},
        "terms": {
            "type": "text",
            "tokenizer": "whitespace",
            "phrase_matching": True,
            "enable_hnsw": False,
            "on_disk": True,
        },
    }
    order = [request.path.rpartition("/")[2] for request in fake_server.requests("PUT .*/.*/.*/.*")]
    assert order.index("points") > max(i for i, last in enumerate(order) if last == "index")


def test_graphs_are_made_once_when_all_points_are_there(fake_server, store):
    store.build(SPEC, shop(300))
    [made] = fake_server.requests("PUT /collections/[^/]+")
    assert made.body["hnsw_config"] == {
        "m": 0,
        "ef_construct": layout.HNSW_EF_CONSTRUCT,
        "full_scan_threshold": layout.SERVER_FILTERED_SCAN_KIB,
    }
    assert made.body["optimizers_config"] == {"indexing_threshold": 0}
    asked = list(fake_server.received)
    graph = next(a for a in asked if a.method == "PATCH" and "hnsw_config" in a.body)
    assert graph.body["hnsw_config"] == {"m": layout.HNSW_M}
    assert graph.body["optimizers_config"] == {"indexing_threshold": layout.FULL_SCAN_KIB}
    assert asked.index(graph) > max(map(asked.index, fake_server.requests("PUT .*/points")))
    assert asked.index(graph) < asked.index(fake_server.requests("POST /collections/aliases")[0])


def test_points_go_in_batches_that_the_server_has_stored_before_it_answers(fake_server, store):
    points = shop(2 * mapping.BATCH + 5)
    store.build(SPEC, points)
    sent = fake_server.requests("PUT .*/points")
    assert sorted(len(request.body["points"]) for request in sent) == [
        5,
        mapping.BATCH,
        mapping.BATCH,
    ]
    assert all(request.parameters["wait"] == "true" for request in sent)
    stored = {p["payload"]["id"]: p for request in sent for p in request.body["points"]}
    assert stored["p7"]["payload"] == {
        **points[7].payload,
        "id": "p7",
        "pictured": "yes",
        "price_step": 5,
        "numbers": {"Weight (kg)": 1.75, "Screen 15″ / a.b[0]": -93.0},
    }
    assert stored["p1"]["payload"]["stock"] == "no"
    assert stored["p4"]["payload"]["pictured"] == "no"
    assert list(stored["p4"]["vector"]) == ["text"]


def test_numbers_are_sent_as_short_as_float32_allows(fake_server, store):
    points = shop(20)
    store.build(SPEC, points)
    [request] = fake_server.requests("PUT .*/points")
    for sent, point in zip(request.body["points"], points, strict=True):
        np.testing.assert_allclose(sent["vector"]["text"], point.vectors["text"], atol=1e-9)
        assert all(len(str(abs(number))) <= 12 for number in sent["vector"]["text"])


def test_an_operator_reads_what_a_collection_is_from_its_metadata(fake_server, store):
    made = store.build(SPEC, shop(10))
    [collection] = fake_server.client.get_collections().collections
    assert collection.name == f"products_demo__{made.generation}"
    assert fake_server.client.get_collection(collection.name).config.metadata == {
        "variant": "demo",
        "fingerprint": SPEC.fingerprint,
        "dim": SPEC.dim,
        "base": "tiny",
        "source": "digest",
        "vectors": ["image", "text", "fused"],
        "dims": {},
        "words": None,
        "payload": SPEC.payload,
        "numbers": list(SPEC.numbers),
        "generation": made.generation,
        "points": 10,
        "created": made.created,
        "graphs": {},
        "changed": 0,
        "precision": "",
        "text_precision": "",
        "storage": "int8",
        "unused": [],
    }


def test_the_alias_moves_in_one_call(fake_server, store):
    first = store.build(SPEC, shop(10))
    second = store.build(SPEC, shop(20))
    changes = [request.body["actions"] for request in fake_server.requests("POST .*/aliases")]
    create = [
        {"create_alias": {"collection_name": f"products_demo__{g}", "alias_name": "products_demo"}}
        for g in (first.generation, second.generation)
    ]
    assert changes == [[create[0]], [create[1]]]


def test_shards_and_replicas_come_from_the_environment(fake_server, monkeypatch):
    monkeypatch.setenv("QDRANT_SHARDS", "6")
    monkeypatch.setenv("QDRANT_REPLICAS", "2")
    with open_server(fake_server.url) as store:
        store.build(SPEC, shop(10))
    [made] = fake_server.requests("PUT /collections/[^/]+")
    assert (made.body["shard_number"], made.body["replication_factor"]) == (6, 2)
    monkeypatch.setenv("QDRANT_SHARDS", "none")
    with pytest.raises(StoreError, match="QDRANT_SHARDS is 'none': it must be a number from 1"):
        open_server(fake_server.url)


def test_how_a_cluster_is_read_comes_from_the_environment(fake_server, monkeypatch):
    monkeypatch.setenv("QDRANT_READ_FAN_OUT", "1")
    monkeypatch.setenv("QDRANT_READ_FAN_OUT_DELAY_MS", "50")
    monkeypatch.setenv("QDRANT_READ_CONSISTENCY", "majority")
    monkeypatch.setenv("QDRANT_TIMEOUT", "3")
    with open_server(fake_server.url) as store:
        store.build(SPEC, shop(10))
        store.search("demo", QUERY)
        store.retrieve("demo", ["p1"])
        store.facet("demo", "brand")
        list(store.scroll("demo"))
        assert store.engine.connection.client.init_options["timeout"] == 3
    [changed] = [a.body["params"] for a in fake_server.requests("PATCH .*") if "params" in a.body]
    assert changed == {"read_fan_out_factor": 1, "read_fan_out_delay_ms": 50}
    for kind in ("query/batch", "points", "scroll"):
        asked = fake_server.requests(f"POST .*/{kind}")
        assert {each.parameters.get("consistency") for each in asked} == {"majority"}
    [counted] = fake_server.requests("POST .*/facet")
    assert counted.parameters["consistency"] == "majority"


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("QDRANT_READ_CONSISTENCY", "most", "must be a number or one of majority, quorum, all"),
        ("QDRANT_READ_CONSISTENCY", "0", "must be a number from 1 on"),
        ("QDRANT_READ_FAN_OUT", "-1", "must be a number from 0 on"),
        ("QDRANT_TIMEOUT", "soon", "must be a number from 1 on"),
    ],
)
def test_a_setting_that_is_not_valid_is_named(fake_server, monkeypatch, variable, value, sentence):
    monkeypatch.setenv(variable, value)
    with pytest.raises(StoreError, match=f"{variable} is '{value}': it {sentence}"):
        open_server(fake_server.url)


def test_without_them_the_server_decides(fake_server, store):
    store.build(SPEC, shop(10))
    [made] = fake_server.requests("PUT /collections/[^/]+")
    assert not {"shard_number", "replication_factor"} & made.body.keys()


def test_a_search_is_rescored_on_the_original_vectors(fake_server, store):
    store.build(SPEC, shop(10))
    store.search("demo", QUERY, vector="text", k=3)
    [request] = fake_server.requests("POST .*/query/batch")
    [search] = request.body["searches"]
    assert search["params"]["quantization"] == {"rescore": True, "oversampling": 2.0}
    assert (search["using"], search["with_payload"]) == ("text", True)
    assert search["limit"] == 10, "all there are: k, and what may have the score of the last"


@pytest.mark.parametrize(
    ("asked", "ef", "needs_acorn"),
    [
        ({}, layout.EF, False),
        ({"filters": Filters(exclude=("p1",))}, layout.EF, False),
        ({"filters": Filters(categories=("Beauty",))}, layout.FILTERED_EF, True),
        ({"filters": Filters(price_max=9), "ef": 64}, 64, True),
    ],
)
def test_a_filter_is_searched_with_acorn_and_more_candidates(
    fake_server, store, asked, ef, needs_acorn
):
    store.build(SPEC, shop(10))
    store.search("demo", QUERY, vector="text", **asked)
    [request] = fake_server.requests("POST .*/query/batch")
    params = request.body["searches"][0]["params"]
    assert params["hnsw_ef"] == ef
    assert params["acorn"] == {"enable": needs_acorn, "max_selectivity": 1.0}


def test_a_large_collection_is_searched_by_its_graph_unless_asked_otherwise(
    fake_server, store, monkeypatch
):
    monkeypatch.setattr("qdrant.server.readiness.STILL", 0)
    monkeypatch.setattr(recall, "QUERIES", 10)
    dim = 1024  # so that 2,600 points are beyond the full scan
    spec = replace(SPEC, dim=dim, vectors=("text",))
    drawn = vectors(2600, dim)
    store.build(spec, (Point(f"p{i}", {}, {"text": vector}) for i, vector in enumerate(drawn)))
    store.search("demo", drawn[0], vector="text")
    store.search("demo", drawn[0], vector="text", exact=True)
    asked = [
        request.body["searches"][0]["params"]
        for request in fake_server.requests("POST .*/query/batch")[-2:]
    ]
    assert [params["exact"] for params in asked] == [False, True]
    # Local mode misses nothing, so the least one is enough.
    assert asked[0]["hnsw_ef"] == recall.LADDER[0]
    assert store.collection("demo").graphs == {"text": GraphSearch(recall.LADDER[0], 1.0)}


def test_a_generation_that_cannot_be_searched_exactly_is_published_all_the_same(
    fake_server, store, monkeypatch
):
    monkeypatch.setattr("qdrant.server.readiness.STILL", 0)
    monkeypatch.setattr(layout, "FULL_SCAN_KIB", 0)
    fake_server.faults.append(Fault("POST .*/query/batch", status=400, words="too expensive"))
    assert store.build(SPEC, shop(20)).graphs == {}
    assert store.count("demo") == 20


def test_a_filter_is_the_servers_work(fake_server, store):
    store.build(SPEC, shop(10))
    filters = Filters(categories=("Beauty",), price_min=2, has_picture=False, exclude=("p1",))
    store.search("demo", QUERY, vector="text", filters=filters)
    [request] = fake_server.requests("POST .*/query/batch")
    sent = request.body["searches"][0]["filter"]
    assert sent["must"] == [
        {"key": "categories", "match": {"any": ["Beauty"]}},
        {"key": "price", "range": {"gte": 2.0}},
        {"key": "pictured", "match": {"any": ["no"]}},
    ]
    [excluded] = sent["must_not"]
    assert len(excluded["has_id"]) == 1


def test_many_queries_go_in_several_requests_and_come_back_in_order(fake_server, store):
    points = shop(30)
    store.build(SPEC, points)
    queries = np.stack([point.vectors["text"] for point in points] * 5)
    found = store.search("demo", queries, vector="text", k=1)
    assert [ids(hits)[0] for hits in found] == [point.id for point in points] * 5
    asked = [len(r.body["searches"]) for r in fake_server.requests("POST .*/query/batch")]
    assert asked == [64, 64, 22]


def test_a_search_costs_one_request_and_a_new_generation_is_noticed_all_the_same(fake_server):
    now = 0.0
    connection = connect(fake_server.url)
    connection.clock = lambda: now
    with Store(ServerEngine(connection)) as reader, open_server(fake_server.url) as builder:
        builder.build(SPEC, shop(10))
        reader.count("demo")
        fake_server.received.clear()
        for _ in range(5):
            reader.collection("demo")
            reader.search("demo", QUERY)
        assert len(fake_server.received) == 5
        builder.build(SPEC, shop(20))
        now += FRESH / 2  # the old generation is kept, and answers as it was
        assert reader.count("demo") == reader.collection("demo").points == 10
        now += FRESH
        assert reader.count("demo") == reader.collection("demo").points == 20


def test_one_after_the_other_searches_use_one_connection(fake_server, store):
    store.build(SPEC, shop(10))
    before = fake_server.connections
    for _ in range(20):
        store.search("demo", QUERY)
    assert fake_server.connections - before <= 1


def test_no_request_accepts_a_compressed_answer(fake_server, store):
    store.build(SPEC, shop(10))
    store.search("demo", QUERY)
    list(store.scroll("demo"))
    assert {each.headers["accept-encoding"] for each in fake_server.received} == {"identity"}


def test_the_fake_server_compresses_an_answer_in_chunks_as_the_real_one_does(fake_server):
    with httpx.Client() as client:
        answer = client.get(f"{fake_server.url}/collections")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["transfer-encoding"] == "chunked"
    assert answer.json()["result"] == {"collections": []}


def test_a_search_of_a_generation_that_was_swept_reads_the_new_one(fake_server):
    connection = connect(fake_server.url)
    connection.clock = lambda: 0.0  # what it knows never grows old
    with Store(ServerEngine(connection)) as reader, open_server(fake_server.url) as builder:
        builder.build(SPEC, shop(10))
        assert reader.count("demo") == 10
        builder.build(SPEC, shop(20))
        builder.build(SPEC, shop(30))
        assert reader.count("demo") == 30
        assert len(reader.search("demo", QUERY, vector="text", k=40)[0]) == 30
