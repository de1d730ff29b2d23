"""The page's searches and clicks in the log, where it is on."""

import json
from functools import partial

import pytest

from events.database import Database
from tests.app.page_parts import follow, titles

FIELDS = ("query_id", "text", "first", "shown", "client_id", "application", "is_plain")


def searches(home):
    with Database(home, create=False) as database:
        rows = database.connection.execute(
            "SELECT query_id, text, first, shown, client_id, application, is_plain "
            "FROM search ORDER BY id"
        )
        return [dict(zip(FIELDS, row, strict=True)) for row in rows]


def events(home):
    with Database(home, create=False) as database:
        return database.connection.execute(
            "SELECT query_id, action, product, position, event.client_id FROM event "
            "JOIN search ON search.id = event.search ORDER BY event.id"
        ).fetchall()


@pytest.fixture
def logged(home_copy, open_page, monkeypatch):
    """Opens the page of a shop whose log is on; what was written is waited for by `finish`."""
    from app import installation

    monkeypatch.setenv("VITRINE_EVENTS", "1")
    installation._cached_shop.clear()
    yield partial(open_page, home_copy)
    installation._cached_shop.clear()


def finish():
    """Wait until the log is written."""
    from app import installation

    installation.shared_shop().log.add_events([]).result()


def test_a_search_is_kept_once_and_an_opened_product_is_a_click(logged, home_copy):
    page = logged(q="teal kettle")
    page.run()
    first = titles(page)[0]
    page = follow(page, first)
    page.run()
    finish()
    [kept] = searches(home_copy)
    assert (kept["text"], kept["first"], kept["application"]) == ("teal kettle", 1, "page")
    assert kept["is_plain"] == 1
    assert len(kept["client_id"]) == 32
    product = json.loads(kept["shown"])[0]
    assert events(home_copy) == [(kept["query_id"], "click", product, 1, kept["client_id"])]


def test_another_page_of_results_is_kept_with_its_positions(logged, home_copy):
    logged(q="kettle", k="3", page="2")
    finish()
    [kept] = searches(home_copy)
    assert (kept["first"], len(json.loads(kept["shown"]))) == (4, 3)


def test_browsing_and_a_product_from_elsewhere_are_not_kept(logged, home_copy):
    logged()
    logged(product="kettle-teal")
    finish()
    assert searches(home_copy) == events(home_copy) == []


def test_two_sessions_have_different_ids(logged, home_copy):
    for _ in range(2):
        logged(q="teal kettle")
    finish()
    assert len({kept["client_id"] for kept in searches(home_copy)}) == 2


def test_by_default_nothing_is_kept(home_copy, open_page, monkeypatch):
    from app import installation

    monkeypatch.delenv("VITRINE_EVENTS", raising=False)
    installation._cached_shop.clear()
    assert titles(open_page(home_copy, q="teal kettle"))
    assert not (home_copy / "events").exists()


def test_where_the_log_cannot_be_written_the_page_searches(logged, home_copy):
    (home_copy / "events").write_text("a file")
    assert titles(logged(q="teal kettle"))
