import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from catalog import CatalogError, database, schema
from catalog.catalogue import Catalogue
from catalog.product import Product
from tests.read_only import run_read_only
from tests.small_disk import small_disk

ROOT = Path(__file__).parents[2]


def products(count: int, title: str = "title") -> list[Product]:
    return [Product(f"{number:05}", title) for number in range(count)]


def python(code: str, *arguments: object) -> subprocess.Popen:
    head = (
        "import os, sys\nfrom pathlib import Path\nfrom catalog.catalogue import Catalogue\n"
        "from catalog.product import Product\nhome = Path(sys.argv[1])\n"
    )
    command = [sys.executable, "-c", head + code, *map(str, arguments)]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_missing_catalogue_is_created_only_on_request(tmp_path):
    with pytest.raises(CatalogError, match=r"no catalogue in .*vitrine ingest products"):
        Catalogue(tmp_path / "home", create=False)
    assert not (tmp_path / "home").exists()
    (tmp_path / database.FILE).touch()  # what a process killed at its very first step leaves
    with pytest.raises(CatalogError, match="no catalogue in"):
        Catalogue(tmp_path, create=False)
    Catalogue(tmp_path).close()
    with Catalogue(tmp_path, create=False) as catalogue:
        assert len(catalogue) == 0


def test_a_home_that_cannot_be_created_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CatalogError, match=r"cannot be made.*VITRINE_HOME"):
        Catalogue(tmp_path / "file" / "home")
    (tmp_path / database.FILE).mkdir()
    with pytest.raises(CatalogError, match="cannot be read and written"):
        Catalogue(tmp_path)


def test_a_file_that_is_no_database_is_one_sentence_and_stays_unchanged(tmp_path):
    (tmp_path / database.FILE).write_bytes(b"this is a text, not a database" * 99)
    for create in (True, False):
        with pytest.raises(CatalogError, match=r"is damaged.*restore a copy of it"):
            Catalogue(tmp_path, create=create)
    assert (tmp_path / database.FILE).read_bytes() == b"this is a text, not a database" * 99


def test_a_database_with_a_damaged_page_is_one_sentence(tmp_path):
    with Catalogue(tmp_path) as catalogue:
        catalogue.upsert(products(2000))
    file = tmp_path / database.FILE
    whole = file.read_bytes()
    file.write_bytes(whole[:8192] + b"\xa5" * (len(whole) - 8192))
    with pytest.raises(CatalogError, match="is damaged"), Catalogue(tmp_path) as catalogue:
        list(catalogue.products())


def test_a_newer_catalogue_is_rejected_unchanged(tmp_path):
    Catalogue(tmp_path).close()
    with sqlite3.connect(tmp_path / database.FILE) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(
        CatalogError, match=r"newer Vitrine \(schema 99, this one reads up to \d+\); update"
    ):
        Catalogue(tmp_path)


def test_another_programs_database_is_rejected(tmp_path):
    with sqlite3.connect(tmp_path / database.FILE) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(CatalogError, match="belongs to another program"):
        Catalogue(tmp_path)


NEXT = max(schema.MIGRATIONS) + 1


def test_an_older_catalogue_is_migrated_with_all_its_content(tmp_path, monkeypatch):
    with Catalogue(tmp_path) as catalogue:
        catalogue.upsert(products(10))
    migration = tmp_path / "next.sql"
    monkeypatch.setitem(schema.MIGRATIONS, NEXT, migration)
    migration.write_text(
        "-- first; a comment\nALTER TABLE product ADD COLUMN colour TEXT;\n"
        "UPDATE product SET colour = 'red;';\n"
    )
    with Catalogue(tmp_path) as catalogue:
        assert list(catalogue.products()) == products(10)
        assert catalogue._select("SELECT DISTINCT colour FROM product") == [("red;",)]
        assert catalogue._select("PRAGMA user_version") == [(NEXT,)]


def test_a_migration_that_fails_leaves_the_catalogue_as_it_was(tmp_path, monkeypatch):
    with Catalogue(tmp_path) as catalogue:
        catalogue.upsert(products(10))
    broken = tmp_path / "next.sql"
    monkeypatch.setitem(schema.MIGRATIONS, NEXT, broken)
    broken.write_text(
        "ALTER TABLE product ADD COLUMN colour TEXT;\nALTER TABLE none ADD COLUMN x;\n"
    )
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        Catalogue(tmp_path)
    monkeypatch.delitem(schema.MIGRATIONS, NEXT)
    with Catalogue(tmp_path) as catalogue:
        assert list(catalogue.products()) == products(10)
        assert "colour" not in str(catalogue._select("SELECT sql FROM sqlite_schema"))


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path):
    with Catalogue(tmp_path) as catalogue:
        catalogue.upsert(products(500))
        ((pages,),) = catalogue._select("PRAGMA page_count")
        catalogue._select(f"PRAGMA max_page_count = {pages + 5}")
        with pytest.raises(CatalogError, match=r"disk is full.*free some space and run the same"):
            catalogue.upsert(products(3000, "t" * 300))
        assert list(catalogue.products()) == products(500)
        catalogue.upsert([replace(products(1)[0], title="small")])  # a little still fits
    with Catalogue(tmp_path) as catalogue:
        catalogue.upsert(products(3000, "t" * 300))
        assert list(catalogue.products()) == products(3000, "t" * 300)


def test_a_disk_without_space_for_the_index_of_the_log_is_full(tmp_path):
    with small_disk(tmp_path / "disk", "1m") as disk:
        Catalogue(disk).close()
        with (disk / "ballast").open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
        with pytest.raises(CatalogError, match="disk is full"), Catalogue(disk) as catalogue:
            catalogue.upsert(products(1))


READ = """
import sys
from pathlib import Path
from catalog import CatalogError
from catalog.catalogue import Catalogue
try:
    with Catalogue(Path(sys.argv[1]), create=False) as catalogue:
        print([product.title for product in catalogue.products()])
except CatalogError as error:
    print(error)
"""


def test_a_log_that_was_left_on_a_read_only_disk_is_read_or_its_remedy_named(tmp_path):
    python("Catalogue(home).upsert([Product('1', 'from the log')])\nos._exit(9)", tmp_path).wait()
    read = ("env", "-C", str(ROOT), sys.executable, "-c", READ, str(tmp_path))
    assert run_read_only(tmp_path, *read).stdout == "['from the log']\n"
    (tmp_path / f"{database.FILE}-shm").unlink()
    assert "a stopped job left" in run_read_only(tmp_path, *read).stdout
    Catalogue(tmp_path).close()
    assert run_read_only(tmp_path, *read).stdout == "['from the log']\n"


def test_an_older_catalogue_on_a_read_only_disk_is_read_and_stays_as_it_is(tmp_path):
    file = tmp_path / database.FILE
    with closing(sqlite3.connect(file)) as old:
        old.executescript(schema.MIGRATIONS[1].read_text())
        old.execute("PRAGMA user_version = 1")
        old.execute("INSERT INTO setting VALUES ('picture_side', '224')")
        old.execute(
            "INSERT INTO product VALUES ('1', 'of old', '', '', '[]', '{}', '', NULL, NULL, NULL, "
            "'', '', '[]', 'old.csv', 1)"
        )
        old.commit()
    before = file.read_bytes()
    write = READ.replace("print([", "catalogue.delete(['1']); print([")
    for script, shown in ((READ, "['of old']\n"), (write, "cannot be read and written")):
        command = ("env", "-C", str(ROOT), sys.executable, "-c", script, str(tmp_path))
        done = run_read_only(tmp_path, *command)
        assert (shown in done.stdout, done.stderr) == (True, "")
    assert file.read_bytes() == before


def test_every_migration_has_a_number_of_its_own():
    folder = Path(database.__file__).parent / "migrations"
    assert {*schema.MIGRATIONS.values()} == {*folder.glob("*.sql")}


def test_processes_write_concurrently_and_no_write_is_lost(tmp_path):
    code = """
me = sys.argv[2]
with Catalogue(home) as catalogue:
    for batch in range(20):
        mine = [Product(f"{me}-{batch}-{n}", "t") for n in range(20)]
        catalogue.upsert([*mine, *(Product(f"shared-{n}", me) for n in range(10))])
"""
    # all of them make the catalogue, too
    children = [python(code, tmp_path, number) for number in range(4)]
    for child in children:
        _, complaint = child.communicate(timeout=120)
        assert (child.returncode, complaint) == (0, "")
    with Catalogue(tmp_path) as catalogue:
        assert len(catalogue) == 4 * 400 + 10
        shared = catalogue.get(f"shared-{n}" for n in range(10))
        assert len({product.title for product in shared.values()}) == 1


def test_processes_that_make_the_same_catalogue_at_once_all_open_it(tmp_path):
    code = """
print("ready", flush=True)
sys.stdin.readline()
for number in range(20):
    Catalogue(home / str(number)).close()
"""
    children = [python(code, tmp_path) for _ in range(4)]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    for child in children:
        _, complaint = child.communicate(timeout=120)
        assert (child.returncode, complaint) == (0, "")


def test_a_reader_sees_whole_batches_while_another_process_writes(tmp_path):
    code = """
with Catalogue(home) as catalogue:
    for batch in range(60):
        catalogue.upsert(Product(f"{n:03}", str(batch)) for n in range(100))
        if batch == 0:
            print("begun", flush=True)
            sys.stdin.readline()
"""
    writer = python(code, tmp_path)
    assert writer.stdout.readline() == "begun\n"
    with Catalogue(tmp_path) as catalogue:
        assert {product.title for product in catalogue.products()} == {"0"}
        writer.stdin.write("\n")
        writer.stdin.flush()
        while writer.poll() is None:
            assert len({product.title for product in catalogue.products()}) == 1
        assert {product.title for product in catalogue.products()} == {"59"}
    assert writer.communicate()[1] == ""


def test_a_reader_within_a_page_does_not_block_a_writer(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.05)
    with Catalogue(tmp_path) as reader, Catalogue(tmp_path) as writer:
        writer.upsert(products(1000))
        page = reader._connection.execute("SELECT title FROM product")
        page.fetchone()
        writer.upsert(products(1000, "new"))
        assert set(page.fetchall()) == {("title",)}


def test_a_writer_that_never_ends_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.05)
    with Catalogue(tmp_path) as first, Catalogue(tmp_path) as second:
        first._connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(
            CatalogError, match=r"locked by another process.*run the same command again"
        ):
            second.upsert(products(1))
        assert len(second) == 0
        first._connection.execute("ROLLBACK")
        second.upsert(products(1))
        assert len(first) == 1


CRASH = """
def crash(statement):
    if statement.startswith(sys.argv[2]):
        os._exit(9)
catalogue = Catalogue(home)
catalogue._connection.set_trace_callback(crash)
catalogue.upsert([Product(f"{n:05}", "new") for n in range(600)], source="a", run=2)
os._exit(9)  # after
"""


@pytest.mark.parametrize(
    ("where", "title"),
    [
        ("BEGIN", "title"),
        ("UPDATE", "title"),
        ("INSERT", "title"),
        ("COMMIT", "title"),
        ("never", "new"),
    ],
)
def test_a_process_that_dies_in_a_batch_writes_all_of_it_or_nothing(tmp_path, where, title):
    with Catalogue(tmp_path) as catalogue:
        catalogue.upsert(products(300), source="a", run=1)
    child = python(CRASH, tmp_path, where)
    assert (child.communicate()[1], child.returncode) == ("", 9)
    with Catalogue(tmp_path) as catalogue:
        assert {product.title for product in catalogue.products()} == {title}
        assert len(catalogue) == (600 if title == "new" else 300)
        catalogue.upsert(products(600, "new"), source="a", run=2)
        assert list(catalogue.products()) == products(600, "new")
        assert catalogue._select("PRAGMA integrity_check") == [("ok",)]


def test_a_catalogue_whose_creation_was_killed_can_be_created(tmp_path):
    code = """
from catalog import schema
statements = schema.statements
def crash(script):
    for number, statement in enumerate(statements(script)):
        if number == 4:
            os._exit(9)
        yield statement
schema.statements = crash
Catalogue(home)
"""
    child = python(code, tmp_path)
    assert (child.communicate()[1], child.returncode) == ("", 9)
    with pytest.raises(CatalogError, match="no catalogue in"):
        Catalogue(tmp_path, create=False)
    with Catalogue(tmp_path) as catalogue:
        catalogue.upsert(products(3))


def test_a_killed_writer_does_not_block_the_others(tmp_path):
    code = """
catalogue = Catalogue(home)
catalogue._connection.execute("BEGIN IMMEDIATE")
catalogue._connection.execute("DELETE FROM product")
print("holding", flush=True)
sys.stdin.read()
"""
    with Catalogue(tmp_path) as catalogue:
        catalogue.upsert(products(10))
        child = python(code, tmp_path)
        assert child.stdout.readline() == "holding\n"
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
        catalogue.upsert([Product("x", "t")])
        assert len(catalogue) == 11
