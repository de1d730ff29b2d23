"""Health, metrics, request ids, limits, and shops that change while they are served."""

import asyncio
import json
import threading
from collections import Counter
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from api.application import make_application
from api.bodies import BodyLimits
from api.problems import ProblemError
from api.search_queue import SearchQueue
from api.settings import Settings
from api.threads import Threads
from catalog.catalogue import Catalogue
from encoder.variants import Variants
from ingest.images import fetch_images
from ingest.products import load_products
from ingest.vectors import embed_products
from pictures.limit import Busy
from search.query import Query, QueryError
from search.shop import open_shop
from tests import shop


def served(home):
    return TestClient(make_application(open_shop(home), Settings()), raise_server_exceptions=False)


def test_the_server_is_live_and_ready(client):
    assert client.get("/health/live").json() == {"status": "ok"}
    assert client.get("/health/ready").json() == {"ready": True, "variant": "tiny", "problem": ""}


def test_a_shop_is_served_from_the_moment_when_it_can_be_searched(tmp_path, tiny_clip):
    with served(tmp_path) as client:
        ready = client.get("/health/ready")
        assert (ready.status_code, ready.json()["problem"]) == (
            503,
            "This shop has no variant yet.",
        )
        empty = client.post("/v1/search", json={"text": "kettle"})
        assert (empty.status_code, empty.json()["type"]) == (503, "urn:vitrine:not-ready")
        assert int(empty.headers["retry-after"]) > 0
        Variants(tmp_path).add("tiny", tiny_clip)
        unbuilt = client.post("/v1/search", json={"text": "kettle"})
        assert "vitrine ingest vectors --variant tiny" in unbuilt.json()["detail"]
        assert str(tmp_path) not in unbuilt.text
        load_products(tmp_path, shop.write_source(tmp_path / "source"), category_field="category")
        fetch_images(tmp_path)
        embed_products(tmp_path, "tiny")
        assert client.post("/v1/search", json={"text": "kettle"}).json()["results"]
        assert client.get("/health/ready").json()["variant"] == "tiny"


def test_a_new_generation_is_searched_without_a_restart(home_copy):
    with served(home_copy) as client:
        before = client.get("/v1/variants").json()["variants"][0]["generation"]
        assert client.get("/v1/products/new").status_code == 404
        with Catalogue(home_copy) as catalogue:
            [known] = catalogue.get(["kettle-teal"]).values()
            catalogue.upsert([replace(known, id="new", title="periwinkle kettle")])
        embed_products(home_copy, "tiny")
        found = client.post("/v1/search", json={"text": "periwinkle", "match": "words"}).json()
        assert [each["id"] for each in found["results"]] == ["new"]
        assert client.get("/v1/variants").json()["variants"][0]["generation"] != before


def test_metrics_count_requests_by_route_and_status_and_not_by_address(client):
    client.post("/v1/search", json={"text": "metrics"})
    client.get("/v1/products/secret-product")
    client.get("/nowhere/secret")
    text = client.get("/metrics").text
    assert 'vitrine_requests_total{method="POST",route="search",status="200"}' in text
    assert 'vitrine_requests_total{method="GET",route="product",status="404"}' in text
    assert 'vitrine_requests_total{method="none",route="none",status="404"}' in text
    assert "vitrine_encode_seconds_bucket" in text
    assert "vitrine_batch_size_bucket" in text
    assert "secret" not in text


def test_metrics_count_the_texts_whose_vectors_were_cached(client):
    def counted():
        lines = client.get("/metrics").text.splitlines()
        found = [line for line in lines if line.startswith("vitrine_text_vectors_total{")]
        return Counter({name: float(value) for name, value in map(str.split, found)})

    before = counted()
    for _ in range(3):
        client.post("/v1/search", json={"text": "a kettle for metrics"})
    assert counted() - before == {
        'vitrine_text_vectors_total{cache="hit"}': 2,
        'vitrine_text_vectors_total{cache="miss"}': 1,
    }


def test_the_log_has_an_id_and_neither_words_nor_addresses(client, caplog):
    with caplog.at_level("INFO", logger="vitrine.api"):
        client.get("/v1/suggest", params={"text": "secret"}, headers={"X-Request-Id": "mine-1"})
    [line] = [record.getMessage() for record in caplog.records if record.name == "vitrine.api"]
    assert line.startswith("GET suggest 200 ")
    assert line.endswith(" mine-1")
    assert "secret" not in caplog.text


@pytest.mark.parametrize("sent", ["", "a b", "x" * 65, "a/b"])
def test_a_request_id_that_is_not_fit_for_a_log_is_replaced(client, sent):
    answer = client.get("/health/live", headers={"X-Request-Id": sent})
    assert len(answer.headers["x-request-id"]) == 32


def test_an_address_or_method_that_there_is_not_is_a_problem(client):
    for answer in (client.get("/v1/nothing"), client.get("/v1/search"), client.get("/docs")):
        assert answer.status_code in (404, 405)
        assert answer.headers["content-type"] == "application/problem+json"
        assert "/openapi.json lists" in answer.json()["detail"]


def test_an_unexpected_error_is_a_problem_without_its_details(home, monkeypatch):
    with served(home) as client:
        service = client.app.state.service
        monkeypatch.setattr(service.queue, "search", lambda *_: 1 / 0)  # not of the loading thread
        answer = client.post("/v1/search", json={"text": "a"}, headers={"X-Request-Id": "mine-2"})
    assert answer.status_code == 500
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "mine-2"
    assert "zero" not in answer.text


def test_searches_that_wait_are_answered_together_and_one_that_fails_alone(home):
    """The first two find free threads, which a gate keeps busy; the others are one batch."""
    gate, sizes = threading.Event(), []
    with open_shop(home) as opened:
        engine = opened.engine()
        real = engine.search_batch

        def counting(queries):
            gate.wait()
            sizes.append(len(queries))
            return real(queries)

        engine.search_batch = counting

        async def run():
            queue = SearchQueue(opened.engine)
            texts = ["teal", "navy", "coral", "olive", "ivory"]
            queries = [Query(f"{text} kettle", k=1) for text in texts]
            queries.append(Query("kettle", like=(), unlike=("gone",)))
            searches = [asyncio.ensure_future(queue.search("tiny", query)) for query in queries]
            await asyncio.sleep(0)  # each is queued, or has begun
            gate.set()
            found = await asyncio.gather(*searches, return_exceptions=True)
            queue.close()
            return found

        *found, failed = asyncio.run(run())
    wanted = [f"kettle-{colour}" for colour in ("teal", "navy", "coral", "olive", "ivory")]
    assert [each.results.results[0].id for each in found] == wanted
    assert isinstance(failed, QueryError)
    assert sizes == [1, 1, 4, 1, 1, 1, 1]


def test_more_searches_than_may_wait_are_refused(home):
    gate = threading.Event()
    with open_shop(home) as opened:
        engine = opened.engine()
        real = engine.search_batch
        engine.search_batch = lambda queries: gate.wait() and real(queries)

        async def run():
            queue = SearchQueue(opened.engine, waiting=3)
            searches = [
                asyncio.ensure_future(queue.search("tiny", Query("kettle", match="words")))
                for _ in range(7)
            ]
            await asyncio.sleep(0)
            gate.set()
            found = await asyncio.gather(*searches, return_exceptions=True)
            queue.close()
            return found

        found = asyncio.run(run())
    refused = [each for each in found if isinstance(each, Busy)]
    assert (len(refused), len(found) - len(refused)) == (2, 5)
    assert "3 searches wait" in str(refused[0])


def test_more_calls_than_may_wait_are_refused():
    gate = threading.Event()

    async def run():
        threads = Threads("test", 1, 1)
        calls = [asyncio.ensure_future(threads.run(gate.wait)) for _ in range(3)]
        await asyncio.sleep(0)
        gate.set()
        found = await asyncio.gather(*calls, return_exceptions=True)
        again = await threads.run(gate.wait)
        threads.close()
        return [*found, again]

    first, second, refused, again = asyncio.run(run())
    assert (first, second, again) == (True, True, True)
    assert isinstance(refused, Busy)


def test_a_busy_server_says_when_to_come_again(home, monkeypatch):
    with served(home) as client:
        service = client.app.state.service
        service.queue.close()
        service.queue = SearchQueue(service.engine, waiting=0)
        answer = client.post("/v1/search", json={"text": "kettle"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["type"] == "urn:vitrine:busy"


async def _read_all(scope, receive, send):
    """An application that reads the whole body."""
    while (await receive()).get("more_body"):
        pass


def _through(limits, messages):
    """The error that a body of these messages ends in; None where there is none."""

    async def receive():
        if not messages:
            await asyncio.Event().wait()
        return messages.pop(0)

    try:
        asyncio.run(limits({"type": "http", "headers": []}, receive, None))
    except (ProblemError, Busy) as error:
        return error
    return None


def part(size, more=True):
    return {"type": "http.request", "body": bytes(size), "more_body": more}


def test_a_body_that_does_not_arrive_in_time_ends_its_request():
    error = _through(BodyLimits(_read_all, seconds=0.01), [part(10)])
    assert (error.kind.status, error.headers) == (408, {"Connection": "close"})


def test_bodies_are_bounded_together_and_forgotten_when_their_requests_end():
    limits = BodyLimits(_read_all, together=100)
    assert _through(limits, [part(60), part(40, more=False)]) is None
    assert _through(limits, [part(90, more=False)]) is None
    assert isinstance(_through(limits, [part(60), part(60)]), Busy)
    assert _through(limits, [part(90, more=False)]) is None


def test_a_search_whose_client_leaves_while_it_waits_is_dropped_from_the_queue(home, caplog):
    """Two searches are under way behind a gate; of two that wait, the first one's client leaves."""
    gate, searched = threading.Event(), []
    with open_shop(home) as opened:
        engine = opened.engine()
        real = engine.search_batch

        def counting(queries):
            gate.wait()
            searched.extend(query.text for query in queries)
            return real(queries)

        engine.search_batch = counting

        async def run():
            app = make_application(opened, Settings())
            async with app.router.lifespan_context(app):
                queue = app.state.service.queue
                under_way = [
                    asyncio.ensure_future(queue.search("", Query("kettle", match="words")))
                    for _ in range(2)
                ]
                leaves = asyncio.Event()
                left = asyncio.ensure_future(_post(app, "navy", leaves))
                stays = asyncio.ensure_future(_post(app, "teal", asyncio.Event()))
                while len(queue._waiting) < 2:
                    await asyncio.sleep(0)
                leaves.set()
                try:
                    status = await asyncio.wait_for(left, 60)
                finally:
                    gate.set()
                await asyncio.gather(*under_way)
                return status, await stays

        with caplog.at_level("INFO", logger="vitrine.api"):
            statuses = asyncio.run(run())
    assert statuses == (499, 200)
    assert searched == ["kettle", "kettle", "teal"]
    assert "POST search 499" in caplog.text


async def _post(app, text, leaves):
    """The status of a search by an ASGI client, which goes away when an event is set."""
    body = {"type": "http.request", "body": json.dumps({"text": text}).encode()}
    sent, statuses = [body], []

    async def receive():
        if sent:
            return sent.pop()
        await leaves.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    headers = [(b"content-type", b"application/json"), (b"host", b"localhost")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/search",
        "query_string": b"",
        "headers": headers,
    }
    await app(scope, receive, send)
    return statuses[0]
