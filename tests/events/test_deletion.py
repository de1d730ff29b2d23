"""Deletion and retention, beside a writer and by the command line."""

import json

import pytest
from typer.testing import CliRunner

from events import deletion
from events.__main__ import app
from events.database import Database
from events.log import EventLog
from events.status import read_status
from tests.events.test_log import rows

DAY = 86_400_000


@pytest.fixture
def aged(tmp_path, log, searched, acted):
    """Ten searches with an event each, one a day, of two clients; the newest is of now."""
    for age in range(10):
        query = searched(f"kettle {age}", client_id=f"c-{age % 2}")
        acted(query, client_id=f"c-{age % 2}")
        with log._database.transaction() as connection:
            connection.execute(
                "UPDATE search SET received = received - ? WHERE query_id = ?", (age * DAY, query)
            )


def run(home, monkeypatch, *arguments):
    monkeypatch.setenv("VITRINE_HOME", str(home))
    return CliRunner().invoke(app, [*arguments])


def test_what_is_older_goes_with_its_events_while_a_writer_has_the_log(
    tmp_path, log, aged, searched, monkeypatch
):
    ran = run(tmp_path, monkeypatch, "forget", "--older-than", "4.5d", "--json")
    assert json.loads(ran.stdout) == {"searches": 5, "other_events": 0}
    assert rows(tmp_path, "SELECT count(*) FROM event") == [(5,)]
    assert searched()


def test_a_client_goes_with_the_events_on_searches_of_others(
    tmp_path, aged, acted, searched, monkeypatch
):
    other = searched(client_id="c-7")
    acted(other, client_id="c-1")
    acted(other, client_id="c-7")
    ran = run(tmp_path, monkeypatch, "forget", "--client", "c-1", "--json")
    assert json.loads(ran.stdout) == {"searches": 5, "other_events": 1}
    assert rows(tmp_path, "SELECT DISTINCT client_id FROM event") == [("c-0",), ("c-7",)]


def test_of_everything_nothing_stays_in_the_files(tmp_path, log, aged, searched, monkeypatch):
    searched("a very secret wish", client_id="somebody")
    assert run(tmp_path, monkeypatch, "forget", "--everything").exit_code == 0
    files = b"".join(file.read_bytes() for file in (tmp_path / "events").iterdir())
    assert b"secret wish" not in files
    assert b"somebody" not in files
    assert read_status(tmp_path).searches == 0


def test_a_deletion_that_was_stopped_is_ended_by_the_next_one(tmp_path, aged, monkeypatch):
    monkeypatch.setattr(deletion, "AT_ONCE", 2)
    stopped = Database.transaction
    calls = []

    def stops(self, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return stopped(self, **options)

    with Database(tmp_path, create=False) as database:
        monkeypatch.setattr(Database, "transaction", stops)
        with pytest.raises(KeyboardInterrupt):
            deletion.forget_older(database, 2**62)
        assert rows(tmp_path, "SELECT count(*) FROM search") == [(6,)]
        assert rows(tmp_path, "SELECT count(*) FROM event") == [(6,)]
        monkeypatch.setattr(Database, "transaction", stopped)
        assert deletion.forget_older(database, 2**62) == 6


def test_old_searches_are_deleted_by_the_setting_though_nobody_searches(tmp_path, log, aged):
    EventLog(tmp_path, days=4.5).close()
    assert rows(tmp_path, "SELECT count(*) FROM search") == [(5,)]
    assert rows(tmp_path, "SELECT count(*) FROM event") == [(5,)]


def test_status_counts_what_is_there(tmp_path, aged, monkeypatch):
    shown = json.loads(run(tmp_path, monkeypatch, "status", "--json").stdout)
    assert (shown["searches"], shown["clients"], shown["days"]) == (10, 2, None)
    assert shown["events"] == {"impression": 0, "click": 10, "add_to_cart": 0, "purchase": 0}
    assert shown["size"] > 0
    text = run(tmp_path, monkeypatch, "status").stdout
    assert "10 of 2 clients" in text


def test_queries_are_listed(tmp_path, aged, monkeypatch):
    shown = json.loads(run(tmp_path, monkeypatch, "queries", "--limit", "2", "--json").stdout)
    assert [each["text"] for each in shown["queries"]] == ["kettle 0", "kettle 1"]
    assert "1 searches, 1 with a click  kettle 0" in run(tmp_path, monkeypatch, "queries").stdout


def test_an_export_has_each_search_followed_by_its_events(tmp_path, aged, monkeypatch):
    lines = run(tmp_path, monkeypatch, "export").stdout.splitlines()
    query, event = (json.loads(line) for line in lines[:2])
    assert query["user_query"] == "kettle 0"
    assert query["query_response_object_ids"] == ["k1", "k2", "k3"]
    assert event["query_id"] == query["query_id"]
    assert event["action_name"] == "click"
    assert event["event_attributes"]["object"]["object_id"] == "k1"
    assert len(lines) == 20


@pytest.mark.parametrize(
    "arguments",
    [
        ["forget"],
        ["forget", "--older-than", "soon"],
        ["forget", "--older-than", "90d", "--everything"],
    ],
)
def test_wrong_usage_deletes_nothing(tmp_path, aged, monkeypatch, arguments):
    assert run(tmp_path, monkeypatch, *arguments).exit_code == 2
    assert read_status(tmp_path).searches == 10


def test_without_a_log_it_is_said_what_keeps_one(tmp_path, monkeypatch):
    ran = run(tmp_path, monkeypatch, "status")
    assert ran.exit_code == 1
    assert "There is no log of events" in ran.stderr


@pytest.mark.parametrize(
    ("name", "value"), [("VITRINE_EVENTS", "perhaps"), ("VITRINE_EVENTS_DAYS", "nan")]
)
def test_a_setting_that_cannot_be_used_is_one_sentence(log, tmp_path, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    ran = run(tmp_path, monkeypatch, "status")
    assert ran.exit_code == 1
    assert f"Error: {name} is {value}: set it" in ran.stderr
