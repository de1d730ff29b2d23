"""Damaged files, other versions' catalogues, concurrent jobs and a full disk."""

import os
import random
import resource
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from PIL import Image

from catalog import database, schema
from catalog.catalogue import Catalogue
from encoder.variants import Variants
from ingest.verification import verify_collection
from tests import shop
from tests.hostile_server import HostileServer
from tests.ingest.commands import begin, end, run_here

LONG = "A kettle that whistles softly when the water is hot. " * 6


def jobs(home: Path, bart: Path) -> dict[str, tuple[object, ...]]:
    """The commands that fill a shop, in their order."""
    source = home / "source" / "products.jsonl"
    return {
        "products": ("products", source, "--category-field", "category"),
        "images": ("images",),
        "summaries": ("summaries", "--variant", "tiny", "--checkpoint", bart),
        "vectors": ("vectors", "--variant", "tiny"),
    }


def every_command(home: Path, bart: Path) -> list[tuple[object, ...]]:
    """The jobs, and the commands that read what they made."""
    return [
        *jobs(home, bart).values(),
        ("status",),
        ("verify", "--variant", "tiny"),
        ("export", "--variant", "tiny", "--folder", home / "export"),
    ]


def halved(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


def overwritten(whole: bytes) -> bytes:
    return random.Random(0).randbytes(len(whole))


@pytest.mark.parametrize("damage", [halved, overwritten])
def test_every_command_reports_a_damaged_catalogue_and_leaves_it_unchanged(home, bart, damage):
    file = home / database.FILE
    file.write_bytes(damage(file.read_bytes()))
    damaged = file.read_bytes()
    for words in every_command(home, bart):
        ended = run_here(home, *words)
        assert ended.status == 1
        assert f"{file} is damaged" in ended.error
        assert "restore a copy of it, or move it away and run" in ended.error
        assert ended.stdout == ""
    assert file.read_bytes() == damaged
    file.unlink()  # the remedy of the message
    for words in jobs(home, bart).values():
        assert run_here(home, *words).status == 0
    assert verify_collection(home, "tiny")["faults"] == {}


def test_a_page_of_garbage_anywhere_ends_no_command_with_a_traceback(home, bart):
    file = home / database.FILE
    sound = file.read_bytes()
    garbage = random.Random(0).randbytes(4096)
    for page in range(1, len(sound) // 4096):
        file.write_bytes(sound[: page * 4096] + garbage + sound[(page + 1) * 4096 :])
        for words in [("images",), ("status",)]:
            ended = run_here(home, *words)  # raises what is not reported
            assert ended.status == 0 or "is damaged" in ended.error


def test_an_empty_file_is_no_catalogue_and_products_makes_one_of_it(home, bart):
    (home / database.FILE).write_bytes(b"")
    products, *others = every_command(home, bart)
    for words in others:
        assert "There is no catalogue in" in run_here(home, *words).error
    assert (home / database.FILE).read_bytes() == b""
    assert run_here(home, *products).status == 0
    for words in others:
        assert run_here(home, *words).status == 0
    assert verify_collection(home, "tiny")["faults"] == {}


def test_every_command_refuses_a_newer_catalogue_and_changes_nothing(home, bart):
    file = home / database.FILE
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    for words in every_command(home, bart):
        ended = run_here(home, *words)
        assert (ended.status, ended.stdout) == (1, "")
        assert f"{file} was written by a newer Vitrine (schema 99" in ended.error
    after = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    after.pop(home / "ingest.lock", None)
    before.pop(home / "ingest.lock", None)
    assert after == before


def test_an_older_catalogue_goes_on_as_if_it_were_new(home, bart, tmp_path, monkeypatch):
    number = max(schema.MIGRATIONS) + 1
    migration = tmp_path / "next.sql"
    migration.write_text("ALTER TABLE product ADD COLUMN colour TEXT NOT NULL DEFAULT 'red';\n")
    monkeypatch.setitem(schema.MIGRATIONS, number, migration)
    for words in every_command(home, bart):
        assert run_here(home, *words).status == 0
    with Catalogue(home) as catalogue:
        assert catalogue._select("PRAGMA user_version") == [(number,)]
        assert catalogue._select("SELECT DISTINCT colour FROM product") == [("red",)]
        last = {run.job: run.figures for run in catalogue.runs()[:4]}
    assert (last["products"]["unchanged"], last["images"]["skipped"]) == (12, 12)
    assert (last["vectors"]["encoded"], last["vectors"]["written"]) == (0, 0)


@pytest.fixture
def waiting(tmp_path, tiny_clip) -> Iterator[tuple[Path, HostileServer]]:
    """A shop whose pictures lie behind the gate of a web, which a test opens."""
    home = tmp_path / "home"
    Variants(home).add("tiny", tiny_clip)
    with HostileServer() as web:
        rows = [{"id": str(n), "title": str(n), "image": web.address("/gate")} for n in range(3)]
        source = shop.write_source(home / "source", rows)
        assert run_here(home, "products", source).status == 0
        yield home, web


def test_a_second_job_is_refused_and_the_first_goes_on(waiting, bart):
    home, web = waiting
    first = begin(home, "images", "--json")
    web.wait_for_concurrent(3)
    second = end(begin(home, "vectors", "--variant", "tiny"))
    assert (second.status, second.stdout) == (1, "")
    assert f"Another ingest job is running in {home}. Let it finish" in second.error
    web.open_gate()
    ended = end(first)
    assert (ended.status, '"stored": 3' in ended.stdout) == (0, True), ended.stderr


def test_a_killed_jobs_folder_is_free_at_once(waiting):
    home, web = waiting
    killed = begin(home, "images")
    web.wait_for_concurrent(3)
    os.killpg(killed.pid, signal.SIGKILL)
    assert end(killed).status == -signal.SIGKILL
    with Catalogue(home) as catalogue, catalogue.exclusive("images"):
        assert catalogue.runs("images")[0].outcome == "stopped"
        assert len(list(catalogue.pictures_pending())) == 3


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """Writing beyond so many bytes of a file fails, here and in the processes started here."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_every_job_that_cannot_write_names_the_file_and_the_next_run_completes_it(
    tmp_path, tiny_clip, bart
):
    home = tmp_path / "home"
    Variants(home).add("tiny", tiny_clip)
    rows = shop.rows()
    for row in rows:
        row["description"] = LONG + row["title"]
    shop.write_source(home / "source", rows)
    for row in rows:  # too large to be kept under the limit
        Image.effect_noise((224, 224), 64).convert("RGB").save(home / "source" / row["image"])
    where = {"images": "images/", "vectors": "variants/tiny/contents.sqlite"}
    for name, words in jobs(home, bart).items():
        with no_file_above(40_000):  # enough to begin, but for `products`
            ended = run_here(home, *words)
        assert ended.status == 1
        assert f"{home}/{where.get(name, 'catalog.sqlite')}" in ended.error
        assert run_here(home, *words).status == 0
    with Catalogue(home) as catalogue:
        assert all(entry.picture and entry.summary for entry in catalogue.entries())
        ends = [run.outcome for run in reversed(catalogue.runs())]
    assert ends == ["done", *3 * ["failed", "done"]]
    assert verify_collection(home, "tiny") == {"products": 12, "points": 12, "faults": {}}
