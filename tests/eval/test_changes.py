"""What a change did to each query."""

import json

import pytest
from typer.testing import CliRunner

from eval import EvalError
from eval.__main__ import app
from eval.changes import compare_runs, texts_beside
from eval.trec import write_run

QRELS = {"up": {"a": 2}, "down": {"b": 1}, "same": {"c": 1}, "moved": {"d": 1}, "lost": {"z": 1}}
BEFORE = {"up": "xa", "down": "bx", "same": "cx", "moved": "dxy", "elsewhere": "a"}
AFTER = {"up": "ax", "down": "xyb", "same": "cx", "moved": "dyx"}


@pytest.fixture
def runs(tmp_path):
    """Two run files of one name in two folders."""
    files = []
    for folder, results in (("march", BEFORE), ("june", AFTER)):
        file = tmp_path / folder / "tiny.run"
        file.parent.mkdir()
        ranked = {
            query: [(product, -float(rank)) for rank, product in enumerate(products)]
            for query, products in results.items()
        }
        write_run(file, ranked, "tiny")
        files.append(file)
    return files


def changes_of(runs, texts=None):
    return compare_runs(*runs, QRELS, texts or {}, resamples=200, seed=0)


def test_queries_are_ordered_by_what_they_lost_and_counted(runs):
    changes = changes_of(runs, {"up": "red shoes"})
    assert [change.query for change in changes.each] == ["down", "same", "moved", "up"]
    assert [change.query for change in changes.worse] == ["down"]
    assert [(change.query, change.text) for change in changes.better] == [("up", "red shoes")]
    assert changes.reordered == 1
    down = changes.worse[0]
    assert (down.before, down.after) == pytest.approx((1, 0.5))
    assert (down.first, down.second) == (["b", "x"], ["x", "y", "b"])


def test_the_difference_of_the_means_is_tested_under_the_names_of_the_folders(runs):
    changes = changes_of(runs)
    assert changes.names == ("march/tiny", "june/tiny")
    total = sum(change.difference for change in changes.each)
    assert changes.difference.value == pytest.approx(total / 4)
    assert changes.difference.verdict.startswith("No winner between march/tiny and june/tiny")


def test_runs_without_a_common_judged_query_are_refused(runs):
    with pytest.raises(EvalError, match="no query of the qrels in common"):
        compare_runs(*runs, {"lost": {"z": 1}}, {}, resamples=200, seed=0)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"per_query": {"queries": ["a"]}}'])
def test_a_report_without_texts_is_no_error(tmp_path, content):
    (tmp_path / "results.json").write_text(content)
    assert texts_beside(tmp_path / "tiny.run") == {}
    assert texts_beside(tmp_path / "none" / "tiny.run") == {}


def run(*words, expect=0):
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == expect, done.output
    return done


def test_two_rows_of_a_report_are_compared_side_by_side(shop, tmp_path, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(shop))
    monkeypatch.setenv("COLUMNS", "160")
    file = tmp_path / "queries.jsonl"
    rows = [
        {"id": colour, "text": f"[bold]{colour}", "relevant": [f"kettle-{colour}"]}
        for colour in ("olive", "teal", "navy")
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run(
        "run", "--queries", file, "--variant", "tiny", "--resamples", 200, "--name", "both",
        "--match", "vectors", "--match", "words",
    )  # fmt: skip
    folder = shop / "reports" / "both"
    pair = ("changes", folder / "tiny-vectors.run", folder / "tiny-words.run", "--resamples", 200)
    shown = run(*pair, "--name", "change").stdout
    assert "Of 3 queries" in shown
    assert "Gained most: [bold]" in shown
    assert "olive kettle" in shown
    page = (shop / "reports" / "change" / "report.html").read_text()
    assert "[bold]" in page
    assert 'src="data:image/jpeg;base64,' in page
    printed = json.loads(run(*pair, "--json").stdout)
    assert printed["better"] + printed["worse"] <= len(printed["queries"]) == 3
    assert printed["queries"][0]["text"].startswith("[bold]")
    assert printed["titles"]["kettle-olive"] == "olive kettle"
    assert "There is no file" in run(*pair, "--qrels", "none.txt", expect=1).output
