import fcntl
import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from catalog import CatalogError, runs
from catalog.catalogue import Catalogue

ROOT = Path(__file__).parents[2]


@pytest.fixture
def catalogue(tmp_path):
    with Catalogue(tmp_path / "home") as opened:
        yield opened


def kill_a_run(home: Path, job: str, **settings: str) -> None:
    """Begin a run in a process that dies in it."""
    code = (
        "import json, os, sys\nfrom pathlib import Path\nfrom catalog.catalogue import Catalogue\n"
        "home, job, settings = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])\n"
        "catalogue = Catalogue(home)\n"
        "with catalogue.exclusive(job, settings.get('variant', '')), "
        "catalogue.recorded(job, settings):\n    os._exit(9)\n"
    )
    words = [sys.executable, "-c", code, str(home), job, json.dumps(settings)]
    assert subprocess.run(words, cwd=ROOT, check=False).returncode == 9


def outcomes(catalogue: Catalogue) -> list[str]:
    return [run.outcome for run in catalogue.runs()]


def test_a_run_is_running_until_it_ends(catalogue):
    with catalogue.exclusive("products"):
        with catalogue.recorded("products", {"source": Path("a.csv")}) as first:
            first.figures |= {"rows": 3, "dropped": {"no title": 1}}
        with catalogue.recorded("images", {}) as second:
            newest, oldest = catalogue.runs()
            assert (newest.id, newest.job, newest.outcome) == (second.id, "images", "running")
            assert newest.ended is None
    assert (oldest.id, oldest.outcome) == (first.id, "done")
    assert oldest.settings == {"source": "a.csv"}
    assert oldest.figures.pop("seconds") >= 0
    assert oldest.figures == {"rows": 3, "dropped": {"no title": 1}}
    assert oldest.started <= oldest.ended
    assert [run.id for run in catalogue.runs("products")] == [first.id]


@pytest.mark.parametrize(
    ("error", "outcome"), [(RuntimeError("no disk"), "failed"), (KeyboardInterrupt(), "stopped")]
)
def test_a_run_that_ends_in_an_error_keeps_its_figures(catalogue, error, outcome):
    def fail():
        with catalogue.recorded("images", {}) as run:
            run.figures["stored"] = 2
            raise error

    with pytest.raises(type(error)):
        fail()
    (ended,) = catalogue.runs()
    assert (ended.outcome, ended.figures["stored"]) == (outcome, 2)
    assert ended.figures["error"] == str(error)


@pytest.mark.parametrize(("job", "settings"), [("vectors", {}), ("finetune", {"variant": "lora"})])
def test_a_run_whose_process_died_is_stopped_in_whichever_container_it_ran(
    catalogue, job, settings
):
    kill_a_run(catalogue.home, job, **settings)
    with catalogue._transaction() as connection:
        connection.execute("UPDATE run SET host = 'elsewhere'")
    assert outcomes(catalogue) == ["stopped"]


@pytest.mark.parametrize(("job", "settings"), [("vectors", {}), ("finetune", {"variant": "lora"})])
def test_a_run_of_another_container_is_running_while_its_lock_is_held(catalogue, job, settings):
    with catalogue.exclusive(job, **settings), catalogue.recorded(job, settings):
        with catalogue._transaction() as connection:
            connection.execute("UPDATE run SET host = 'elsewhere', pid = 999999999")
        assert outcomes(catalogue) == ["running"]


def test_a_killed_run_stays_stopped_while_a_later_one_has_the_lock(catalogue):
    kill_a_run(catalogue.home, "vectors")
    with catalogue.exclusive("images"), catalogue.recorded("images", {}):
        assert outcomes(catalogue) == ["running", "stopped"]


def test_trainings_of_two_variants_run_at_once_and_of_one_variant_do_not(catalogue):
    kill_a_run(catalogue.home, "finetune", variant="b")
    with ExitStack() as stack:
        stack.enter_context(catalogue.exclusive("finetune", "a"))
        stack.enter_context(catalogue.recorded("finetune", {"variant": "a"}))
        stack.enter_context(catalogue.exclusive("images"))
        assert outcomes(catalogue) == ["running", "stopped"]
        training, vectors = catalogue.exclusive("finetune", "a"), catalogue.exclusive("vectors")
        with pytest.raises(CatalogError, match="Another training of 'a' is running"):
            stack.enter_context(training)
        with pytest.raises(CatalogError, match="Another ingest job is running"):
            stack.enter_context(vectors)


def test_whoever_reads_the_state_of_the_runs_is_not_taken_for_a_job(catalogue, monkeypatch):
    is_held, checked = runs._is_held, []

    def check_and_stop_reading(lock):
        checked.append(is_held(lock))
        fcntl.flock(reader, fcntl.LOCK_UN)
        return checked[-1]

    monkeypatch.setattr(runs, "_is_held", check_and_stop_reading)
    with (catalogue.home / "ingest.lock").open("w") as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        with catalogue.exclusive("images"):
            assert checked == [False]


def test_a_run_that_ends_while_the_state_is_read_is_done(catalogue, monkeypatch):
    is_held = runs._is_held
    with ExitStack() as run:
        run.enter_context(catalogue.exclusive("images"))
        run.enter_context(catalogue.recorded("images", {}))

        def end_and_check(lock):
            run.close()
            return is_held(lock)

        monkeypatch.setattr(runs, "_is_held", end_and_check)
        assert outcomes(catalogue) == ["done"]


@pytest.mark.parametrize("column", ["settings", "figures"])
@pytest.mark.parametrize("damage", ["{", "[1]", b"\xff\xfe", 7, "\x00"])
def test_a_damaged_record_of_a_run_hides_no_other(catalogue, column, damage):
    for job in ("products", "images"):
        with catalogue.recorded(job, {}):
            pass
    with catalogue._transaction() as connection:
        connection.execute(
            f"UPDATE run SET {column} = ? WHERE job = 'images'",  # noqa: S608
            (damage,),
        )
    damaged, other = catalogue.runs()
    assert (damaged.job, damaged.outcome) == ("images", "done")
    assert damaged.figures == {"error": "The record of this run is damaged."}
    assert other.figures.keys() == {"seconds"}


def test_ids_of_runs_are_never_reused(catalogue):
    with catalogue.recorded("a", {}) as first:
        pass
    with catalogue._transaction() as connection:
        connection.execute("DELETE FROM run")
    with catalogue.recorded("a", {}) as second:
        assert second.id > first.id
