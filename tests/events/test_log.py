"""The log's writer: what is acknowledged stays, whatever ends the process or the disk."""

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from events import EventsError
from events.database import Database
from events.log import EventLog, Kept
from events.records import Event, Search
from events.status import read_status
from tests.small_disk import small_disk
from vitrine.folder_lock import locked

# Keeps events for ever, and prints the id of each that was acknowledged.
WRITER = """
import sys
from pathlib import Path
from events.log import EventLog
from events.records import Event, Search

name = sys.argv[2]
with EventLog(Path(sys.argv[1])) as log:
    for number in range(10**9):
        query = log.add_search(Search("kettle", ["k1"])).result()
        events = [Event("click", query, "k1", event_id=f"{name}-{number}-{n}") for n in range(3)]
        assert log.add_events(events).result().kept == 3
        print(f"{name}-{number}", flush=True)
"""


def rows(home, query, *values):
    with Database(home, create=False) as database:
        return database.connection.execute(query, values).fetchall()


def write_until(home, name, lines):
    """A process that writes; killed once it has acknowledged so many lines. Returns them all."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(home), name], stdout=subprocess.PIPE, text=True
    )
    first = [process.stdout.readline() for _ in range(lines)]
    process.send_signal(signal.SIGKILL)
    rest = process.communicate()[0].splitlines(keepends=True)
    return {line.strip() for line in (*first, *rest) if line.endswith("\n")}


def test_events_of_a_search_are_kept(tmp_path, searched, acted):
    query = searched(client_id="c-1", variant="tiny", attributes={"filters": {"brands": ["Acme"]}})
    assert acted(query, position=2, happened=1_700_000_000_000) == Kept(1, 0, ())
    assert rows(tmp_path, "SELECT action, product, position, happened FROM event") == [
        ("click", "k1", 2, 1_700_000_000_000)
    ]
    [(text, client, shown)] = rows(tmp_path, "SELECT text, client_id, shown FROM search")
    assert (text, client, shown) == ("red kettle", "c-1", '["k1", "k2", "k3"]')


def test_an_event_is_kept_once_for_each_id(searched, acted):
    query = searched()
    assert acted(query, event_id="e-1").kept == 1
    assert acted(query, event_id="e-1", product="k2") == Kept(0, 1, ())
    assert [acted(query).kept for _ in range(2)] == [1, 1]  # without an id they are two


def test_an_event_of_an_unknown_query_is_reported_and_the_others_are_kept(log, searched):
    known = searched()
    events = [Event("click", "nowhere", "k1"), Event("click", known, "k1")]
    assert log.add_events(events).result() == Kept(1, 0, ("nowhere",))


def test_an_e_mail_address_is_masked_in_words_and_filters(tmp_path, searched):
    searched(text="gift for jane.doe@mail.example", attributes={"where": ["to=a@b.example"]})
    [row] = rows(tmp_path, "SELECT text, key, attributes FROM search")
    assert row[:2] == ("gift for [e-mail]", "gift for [e-mail]")
    assert "b.example" not in row[2]


@pytest.mark.parametrize("client", ["192.0.2.7", "jane@mail.example", "2001:db8::1", "x" * 101])
def test_a_client_id_is_no_address(client):
    with pytest.raises(EventsError, match="random id of a session"):
        Event("click", "q", "k1", client_id=client)


def test_no_acknowledged_event_is_lost_when_processes_are_killed(tmp_path):
    with EventLog(tmp_path), ThreadPoolExecutor(3) as threads:  # which makes the file
        lines = [5, 17, 40]
        acknowledged = set().union(*threads.map(lambda n: write_until(tmp_path, f"w{n}", n), lines))
    assert len(acknowledged) >= sum(lines)
    kept = {each for (each,) in rows(tmp_path, "SELECT event_id FROM event")}
    assert {f"{name}-{n}" for name in acknowledged for n in range(3)} <= kept
    # Each batch is whole: none has one or two of its three events.
    assert len(kept) % 3 == 0
    assert rows(tmp_path, "PRAGMA integrity_check") == [("ok",)]


def test_a_log_that_was_cut_at_any_byte_has_the_batches_before_the_cut(tmp_path, log, searched):
    query = searched()
    for number in range(30):
        events = [Event("click", query, "k1", event_id=f"{number}-{n}") for n in "ab"]
        log.add_events(events).result()
    source = tmp_path / "events"
    size = (source / "events.sqlite-wal").stat().st_size
    rng = random.Random(7)
    counts = set()
    for trial in range(12):
        cut = tmp_path / f"cut{trial}"
        shutil.copytree(source, cut / "events")
        (cut / "events" / "events.sqlite-shm").unlink()  # a machine's memory, which is gone
        with (cut / "events" / "events.sqlite-wal").open("rb+") as file:
            file.truncate(rng.randrange(size // 2, size))
        found = rows(cut, "SELECT event_id FROM event ORDER BY id")
        whole = [(f"{number}-{n}",) for number in range(30) for n in "ab"]
        assert found == whole[: len(found)]
        counts.add(len(found))
        with EventLog(cut) as after:  # and it is written on
            after.add_search(Search("teal", [])).result()
    assert len(counts) > 1


def test_a_committed_event_is_synchronised_with_the_disk_and_a_search_is_not(tmp_path, log):
    query = log.add_search(Search("kettle", ["k1"])).result()
    assert _synchronous(log) == 1
    log.add_events([Event("click", query, "k1")]).result()
    assert _synchronous(log) == 2


def _synchronous(log):
    return log._database.connection.execute("PRAGMA synchronous").fetchone()[0]


def test_what_waits_for_another_process_is_committed_together(tmp_path, log, searched):
    query = searched()
    commits = []
    log._database.connection.set_trace_callback(
        lambda statement: commits.append(1) if statement == "COMMIT" else None
    )
    with locked(tmp_path / "events"):
        done = [log.add_events([Event("click", query, f"k{number}")]) for number in range(100)]
    assert sum(each.result().kept for each in done) == 100
    assert len(commits) <= 2  # of the first one, which waited for the lock, and of all others


def fill(log):
    for _ in range(1_000):
        log.add_search(Search("kettle " * 400, ["k1"] * 200)).result()


def test_a_full_disk_is_one_sentence_and_the_log_is_written_on_after_it(tmp_path):
    with small_disk(tmp_path / "disk", "1m") as disk, EventLog(disk) as log:
        ballast = disk / "ballast"
        ballast.write_bytes(b"\0" * (2**20 - 2**19))
        with pytest.raises(EventsError, match=r"disk is full.*vitrine events forget"):
            fill(log)
        ballast.unlink()
        query = log.add_search(Search("kettle", ["k1"])).result()
        assert log.add_events([Event("click", query, "k1")]).result().kept == 1


def test_a_log_that_cannot_be_made_or_read_is_one_sentence(tmp_path):
    (tmp_path / "events").write_text("a file")
    with pytest.raises(EventsError, match="cannot be made"):
        EventLog(tmp_path)
    other = tmp_path / "other"
    (other / "events").mkdir(parents=True)
    (other / "events" / "events.sqlite").write_text("no database " * 500)
    with pytest.raises(EventsError, match="is damaged"):
        EventLog(other)


def test_a_log_of_a_later_release_is_refused(tmp_path):
    with EventLog(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "events" / "events.sqlite") as connection:
        connection.execute("PRAGMA user_version = 9")
    with pytest.raises(EventsError, match="has version 9 of the log"):
        read_status(tmp_path)


def test_only_the_user_of_the_server_reads_the_folder(tmp_path, log):
    assert (tmp_path / "events").stat().st_mode & 0o077 == 0


def test_a_closed_log_takes_nothing_more(tmp_path):
    log = EventLog(tmp_path)
    log.close()
    with pytest.raises(EventsError, match="try again"):
        log.add_search(Search("kettle", []))
