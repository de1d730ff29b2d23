"""The log behind the API: searches have a query id, and events that name it are kept."""

import json
from io import BytesIO

import pytest
from starlette.testclient import TestClient

from api.application import make_application
from api.event_requests import MAX_BODY, MAX_EVENTS
from api.settings import Settings
from events import EventsError
from events.log import EventLog
from events.recent import recent_queries
from events.status import read_status
from search.shop import Shop
from tests import shop
from tests.events.test_log import rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("log")


@pytest.fixture(scope="module")
def logged(home, folder):
    """A client of an API that keeps a log in `folder`."""
    app = make_application(Shop(home, EventLog(folder)), Settings())
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def search(client, **fields):
    answer = client.post("/v1/search", json={"text": "teal kettle", "match": "words", **fields})
    assert answer.status_code == 200
    return answer.json()


def event(query_id, product="kettle-teal", action="click", **more):
    attributes = {"object": {"object_id": product}, "position": {"ordinal": 1}}
    return {
        "action_name": action, "query_id": query_id, "event_attributes": attributes, **more
    }  # fmt: skip


def kept(folder, query_id):
    return rows(
        folder,
        "SELECT action, product, position FROM event JOIN search ON search.id = event.search "
        "WHERE query_id = ? ORDER BY event.id",
        query_id,
    )


def test_a_search_is_kept_with_what_it_showed_and_where(logged, folder):
    answer = search(logged, k=2, offset=1, client_id="c-1", brands=["Acme"], text="Teal kettle")
    [row] = rows(
        folder,
        "SELECT text, client_id, first, shown, is_plain, variant, generation, attributes "
        "FROM search WHERE query_id = ?",
        answer["query_id"],
    )
    shown = [each["id"] for each in answer["results"]]
    assert row[:2] == ("Teal kettle", "c-1")
    assert (row[2], json.loads(row[3])) == (2, shown)
    assert answer["results"][0]["rank"] == 2
    assert (row[4], row[5]) == (0, "tiny")
    assert row[6]
    assert json.loads(row[7]) == {"filters": {"brands": ["Acme"]}, "match": "words"}


def test_a_listing_is_kept_with_its_order(logged, folder):
    listing = {"text": "", "brands": ["Acme"], "sort": "price", "fold": False}
    query = search(logged, **listing)["query_id"]
    [(text, attributes)] = rows(
        folder, "SELECT text, attributes FROM search WHERE query_id = ?", query
    )
    assert text == ""
    assert json.loads(attributes) == {
        "filters": {"brands": ["Acme"]}, "sort": "price", "fold": False
    }  # fmt: skip


def test_of_a_picture_a_hash_is_kept(logged, folder):
    file = BytesIO()
    shop.draw("kettle-teal").save(file, "PNG")
    answers = [
        logged.post("/v1/search", files={"picture": ("a.png", file.getvalue())}).json()
        for _ in range(2)
    ]
    hashes = {
        json.loads(attributes)["picture"]
        for each in answers
        for (attributes,) in rows(
            folder, "SELECT attributes FROM search WHERE query_id = ?", each["query_id"]
        )
    }
    assert len(hashes) == 1
    assert len(hashes.pop()) == 64


def test_one_event_and_a_list_are_kept(logged, folder):
    query = search(logged)["query_id"]
    answer = logged.post("/v1/events", json=event(query))
    assert (answer.status_code, answer.json()) == (200, {"kept": 1, "repeated": 0, "unknown": []})
    batch = [event(query, "kettle-navy", "clicked"), event(query, action="bought", timestamp=1)]
    assert logged.post("/v1/events", json=batch).json()["kept"] == 2
    assert kept(folder, query) == [
        ("click", "kettle-teal", 1),
        ("click", "kettle-navy", 1),
        ("purchase", "kettle-teal", 1),
    ]


def test_what_a_collector_sends_beside_is_taken_and_not_kept(logged, folder):
    query = search(logged)["query_id"]
    sent = event(query, user_id="jane@mail.example", message="hello", session_id="s-1")
    sent["event_attributes"]["object"] |= {"object_id_field": "sku", "description": "secret"}
    assert logged.post("/v1/events", json=sent).json()["kept"] == 1
    files = b"".join(file.read_bytes() for file in (folder / "events").iterdir())
    assert b"jane@mail" not in files
    assert b"secret" not in files


def test_an_event_that_is_sent_again_counts_once(logged):
    sent = event(search(logged)["query_id"], event_id="e-1")
    logged.post("/v1/events", json=sent)
    assert logged.post("/v1/events", json=[sent, sent]).json() == {
        "kept": 0,
        "repeated": 2,
        "unknown": [],
    }


def test_unknown_queries_are_named_and_the_other_events_are_kept(logged):
    query = search(logged)["query_id"]
    answer = logged.post("/v1/events", json=[event("nowhere"), event(query)]).json()
    assert answer == {"kept": 1, "repeated": 0, "unknown": ["nowhere"]}
    refused = logged.post("/v1/events", json=event("nowhere"))
    assert refused.status_code == 422
    assert "no search with the query_id “nowhere”" in refused.json()["detail"]


FUTURE = "2999-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"action_name": "stared"}, "There is no such action: take impression, click"),
        ({"action_name": None}, "valid string"),
        ({"timestamp": FUTURE}, "It lies in the future"),
        ({"timestamp": 2**60}, "timestamp"),
        ({"timestamp": "soon"}, "timestamp"),
        ({"client_id": "192.0.2.7"}, "random id of a session"),
        ({"client_id": "jane@mail.example"}, "should match pattern"),
        ({"query_id": "q" * 101}, "at most 100 characters"),
        ({"event_attributes": {"object": {"object_id": ""}}}, "object_id"),
        ({"event_attributes": {"object": {"object_id": True}}}, "object_id"),
        ({"event_attributes": {"object": {"object_id": 1.5}}}, "object_id"),
        ({"event_attributes": {"object": {"object_id": "a"}, "position": {"ordinal": 0}}}, "1"),
        ({"event_attributes": []}, "event_attributes"),
    ],
    ids=str,
)
def test_a_wrong_field_is_named_and_nothing_of_the_batch_is_kept(logged, folder, change, problem):
    query = search(logged)["query_id"]
    answer = logged.post("/v1/events", json=[event(query), {**event(query), **change}])
    assert answer.status_code == 422
    assert problem in answer.json()["detail"]
    assert kept(folder, query) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"[]", 422),
        (b"null", 422),
        (b"[" * 100_000, 422),
        (b'{"action_name": NaN}', 422),
        (b'{"a": ' * 5_000 + b"1" + b"}" * 5_000, 422),
        (b'{"query_id": "\xff\xfe"}', 422),
        (b'{"query_id": "\\ud800"}', 422),
        (b" " * MAX_BODY + b"{}", 413),
        (json.dumps([event("q")] * (MAX_EVENTS + 1)).encode(), 422),
    ],
    ids=["empty", "no event", "null", "deep list", "NaN", "deep object", "no UTF-8", "surrogate",
         "too large", "too many"],
)  # fmt: skip
def test_a_body_that_cannot_be_read_is_a_problem(logged, body, status):
    answer = logged.post("/v1/events", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_position_or_time_of_no_number_is_refused(logged):
    for text in ("NaN", "Infinity", "1e999"):
        sent = json.dumps(event("q", timestamp=0)).replace(": 0", f": {text}")
        answer = logged.post(
            "/v1/events", content=sent, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 422


def test_events_are_sent_as_json(logged):
    assert logged.post("/v1/events", data={"action_name": "click"}).status_code == 415


def test_control_characters_in_ids_and_words_are_kept_as_they_are(logged, folder):
    query = search(logged, text="teal\x00\x1b kettle")["query_id"]
    sent = event(query, "kettle\u202e\x07")
    assert logged.post("/v1/events", json=sent).json()["kept"] == 1
    assert kept(folder, query) == [("click", "kettle\u202e\x07", 1)]


def test_a_search_that_is_not_to_be_kept_has_no_query_id(logged, folder):
    before = read_status(folder).searches
    assert search(logged, log=False)["query_id"] == ""
    assert read_status(folder).searches == before


def test_the_recent_queries_are_those_by_words_alone(logged, folder):
    search(logged, text="ivory lipstick")
    assert recent_queries(folder, 1)[0].text == "ivory lipstick"


def test_without_a_log_searches_have_no_query_id_and_events_are_refused(client):
    assert search(client)["query_id"] == ""
    answer = client.post("/v1/events", json=event("q"))
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:vitrine:log-off")
    assert "start it with --events" in answer.json()["detail"]


def test_where_the_log_cannot_be_written_searches_answer_and_events_say_so(home, tmp_path):
    log = EventLog(tmp_path)
    app = make_application(Shop(home, log), Settings())
    with TestClient(app, raise_server_exceptions=False) as client:
        query = search(client)["query_id"]
        # As a full disk does: https://sqlite.org/pragma.html#pragma_max_page_count
        log._database.connection.execute("PRAGMA max_page_count = 1")
        found = search(client, text="kettle " * 500)
        batch = [event(query, f"{number}" * 250) for number in range(100)]
        answer = client.post("/v1/events", json=batch)
        metrics = client.get("/metrics").text
    assert found["results"]
    assert found["query_id"] == ""
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:vitrine:log-unwritable")
    assert answer.headers["Retry-After"]
    assert "disk is full" in answer.json()["detail"]
    assert "vitrine_unlogged_searches_total" in metrics


def test_in_python_a_search_has_a_query_id_and_record_keeps_events(home, tmp_path):
    from events.records import Event

    with Shop(home, EventLog(tmp_path)) as shop:
        found = shop.search("teal kettle", match="words", client_id="c-1")
        done = shop.record(Event("add_to_cart", found.query_id, found.results[0].id, position=1))
    assert done.kept == 1
    assert kept(tmp_path, found.query_id) == [("add_to_cart", "kettle-teal", 1)]
    with Shop(home) as shop, pytest.raises(EventsError, match="log=True"):
        shop.record(Event("click", "q", "k"))
