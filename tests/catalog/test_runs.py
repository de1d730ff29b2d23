import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from catalog.catalogue import Catalogue
from catalog.runs import LOCK

ROOT = Path(__file__).parents[2]


@pytest.fixture
def catalogue(tmp_path):
    with Catalogue(tmp_path / "home") as opened:
        yield opened


def test_a_run_is_running_until_it_ends(catalogue):
    first = catalogue.begin_run("products", {"source": Path("a.csv")})
    second = catalogue.begin_run("images", {})
    catalogue.end_run(first, "done", {"rows": 3, "dropped": {"no title": 1}})
    newest, oldest = catalogue.runs()
    assert (newest.id, newest.job, newest.outcome, newest.ended) == (
        second,
        "images",
        "running",
        None,
    )
    assert (oldest.id, oldest.outcome) == (first, "done")
    assert oldest.settings == {"source": "a.csv"}
    assert oldest.figures == {"rows": 3, "dropped": {"no title": 1}}
    assert oldest.started <= oldest.ended
    assert [run.id for run in catalogue.runs("products")] == [first]


def test_a_run_whose_process_died_is_stopped(catalogue):
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom catalog.catalogue import Catalogue\n"
        "Catalogue(Path(sys.argv[1])).begin_run('vectors', {})\nos._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(catalogue.home)], cwd=ROOT, check=False)
    assert [run.outcome for run in catalogue.runs()] == ["stopped"]


def test_a_later_process_with_the_same_number_does_not_keep_a_run_running(catalogue):
    catalogue.begin_run("vectors", {})
    with catalogue._transaction() as connection:
        connection.execute("UPDATE run SET process = '1'")
    assert [run.outcome for run in catalogue.runs()] == ["stopped"]


def test_a_run_of_another_container_is_running_while_the_lock_is_held(catalogue):
    catalogue.begin_run("vectors", {})
    with catalogue._transaction() as connection:
        connection.execute("UPDATE run SET host = 'elsewhere', pid = 999999999")
    assert [run.outcome for run in catalogue.runs()] == ["stopped"]
    with FileLock(catalogue.home / LOCK):
        assert [run.outcome for run in catalogue.runs()] == ["running"]
    assert [run.outcome for run in catalogue.runs()] == ["stopped"]


def test_ids_of_runs_are_never_reused(catalogue):
    first = catalogue.begin_run("a", {})
    with catalogue._transaction() as connection:
        connection.execute("DELETE FROM run")
    assert catalogue.begin_run("a", {}) > first
