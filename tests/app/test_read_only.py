"""A shop on a read-only disk is served as any other."""

import json
import sys
from pathlib import Path

import pytest

from catalog.catalogue import Catalogue
from tests.read_only import run_read_only

ROOT = Path(__file__).parents[2]

CATALOGUE = """
import json
from streamlit.testing.v1 import AppTest

page = "from app import catalogue_page, main; main.run_page(catalogue_page.show)"
catalogue = AppTest.from_string(page, default_timeout=600).run()
shown = {
    "errors": [box.value for box in (*catalogue.error, *catalogue.warning)],
    "metrics": {metric.label: metric.value for metric in catalogue.metric},
}
"""
SEARCH = """
search = AppTest.from_file("app/main.py", default_timeout=600)
search.query_params["q"] = "coral kettle"
search.run()
shown["errors"] += [box.value for box in (*search.error, *search.warning)]
shown["titles"] = [link.proto.label for link in search.get("page_link")]
"""
PRINT = "print(json.dumps(shown))"


@pytest.fixture
def run(home_copy, tmp_path):
    """Runs Python where the shop's folder is read-only; `temporary` is the folder of its copies."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    def run(*words):
        done = run_read_only(
            home_copy,
            *("env", "-C", str(ROOT), sys.executable, *words),
            VITRINE_HOME=str(home_copy),
            TMPDIR=str(temporary),
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_the_pages_are_served_and_nothing_is_left_behind(run, home_copy):
    before = sorted(home_copy.rglob("*"))
    shown = run("-c", CATALOGUE + SEARCH + PRINT)
    assert shown["errors"] == []
    assert "**coral** **kettle**" in shown["titles"]
    assert shown["metrics"]["Products"] == "16"
    assert sorted(home_copy.rglob("*")) == before


def test_what_another_process_writes_meanwhile_is_seen(run, home_copy):
    with Catalogue(home_copy) as catalogue:
        catalogue.delete(["bare"])
        shown = run("-c", CATALOGUE + PRINT)
    assert (shown["errors"], shown["metrics"]["Products"]) == ([], "15")


def test_a_command_searches_and_removes_its_copy(run, tmp_path):
    assert run("-m", "search", "coral kettle", "--json")["results"]
    assert [path for path in (tmp_path / "temporary").rglob("*") if path.is_file()] == []
