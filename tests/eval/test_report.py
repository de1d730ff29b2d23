import json
import re
import resource
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from filelock import FileLock

from eval import EvalError
from eval.evaluation import evaluate
from eval.examples import choose_examples
from eval.measures import MEASURES
from eval.queries import LabelledQuery, QuerySet
from eval.report import check_reports, default_name, fit_name, write_report
from eval.settings import Settings
from eval.tables import number
from eval.trec import read_qrels, read_run
from pictures.store import PictureStore

HOSTILE = "<script>alert('x')</script> | red*mug*"


@pytest.fixture(scope="module")
def evaluation(shop):
    hostile = LabelledQuery("h", HOSTILE, category="<b>K</b>", relevant={"kettle-teal": 1})
    made = [
        LabelledQuery(f"q{number}", colour, category="K", kind="colour", relevant={name: 1})
        for number, (colour, name) in enumerate(
            [("teal", "kettle-teal"), ("navy", "kettle-navy"), ("coral", "lipstick-coral")]
        )
    ]
    settings = Settings(("tiny", "other"), resamples=200)
    return evaluate(shop, QuerySet("a <i>set</i>", (hostile, *made)), settings)


@pytest.fixture(scope="module")
def folder(shop, evaluation):
    return write_report(shop, "first", evaluation)


def test_a_report_is_four_kinds_of_files(shop, folder):
    assert folder == shop / "reports" / "first"
    assert sorted(file.name for file in folder.iterdir()) == [
        "other.run", "qrels.txt", "report.html", "results.json", "tiny.run",
    ]  # fmt: skip


def test_the_page_opens_without_a_network(folder):
    page = (folder / "report.html").read_text()
    assert not re.search(r"""(src|href)\s*=\s*["'](?!data:)""", page)
    assert "@import" not in page
    assert "url(" not in page
    assert page.count('class="plot"') == 3
    assert "data:image/jpeg;base64," in page


def test_titles_and_queries_are_data_and_never_markup(folder):
    page = (folder / "report.html").read_text()
    assert "<script" not in page
    assert "<b>K</b>" not in page
    assert "&lt;script&gt;" in page


def test_the_run_files_hold_the_scores_and_the_qrels_what_was_measured(folder, evaluation):
    run = read_run(folder / "tiny.run")
    kept = evaluation.outcomes["tiny"].ranked
    assert {query: [name for name, _ in found] for query, found in run.items()} == {
        query: [name for name, _ in found] for query, found in kept.items()
    }
    assert run["q0"][0][1] == pytest.approx(kept["q0"][0][1], abs=1e-6)
    assert read_qrels(folder / "qrels.txt") == evaluation.qrels


def test_the_results_hold_every_number_and_no_nan(folder, evaluation):
    results = json.loads((folder / "results.json").read_text(), parse_constant=pytest.fail)
    for name in ("tiny", "other"):
        for measure in MEASURES:
            each = results["variants"][name][measure]
            assert set(each) == {"value", "low", "high", "n", "clusters"}
            assert each["low"] <= each["value"] <= each["high"]
    assert results["per_query"]["queries"] == ["h", "q0", "q1", "q2"]
    assert len(results["per_query"]["variants"]["tiny"]["MRR"]) == 4
    assert len(results["per_query"]["clusters"]) == 4
    assert results["queries"]["counts"]["measured"] == 4
    assert results["differences"][0]["winner"] in ("", "tiny", "other")
    assert results["settings"]["engine"] == "qdrant"


def test_the_page_shows_the_numbers_and_the_random_baseline(folder, evaluation):
    page = (folder / "report.html").read_text()
    assert f"{evaluation.slices[0].estimates['tiny']['nDCG@10'].value:.3f}" in page
    assert "AvgMeanSimilarity@5" in page
    assert '4<span class="interval">3 clusters</span>' in page
    assert "random baseline" in page


def test_the_queries_that_changed_most_are_shown_with_their_relevant_products_marked(
    shop, evaluation
):
    shown = choose_examples(evaluation, PictureStore(shop / "images"))
    tiny, other = (outcome.scores["nDCG@10"] for outcome in evaluation.outcomes.values())
    assert sum(map(len, shown.values())) == np.count_nonzero(other - tiny)
    for heading, queries in shown.items():
        assert heading in ("other gained most on", "other lost most on")
        for each in queries:
            assert list(each.results) == ["tiny", "other"]
            assert each.relevant[0].picture.startswith("data:image/jpeg")
            titles = {card.title for card in each.relevant}
            for _, cards in each.results.values():
                assert len(cards) == 5
                assert all(card.relevant == (card.title in titles) for card in cards)


def test_of_a_single_variant_the_best_and_the_worst_are_shown(shop, evaluation):
    only = replace(evaluation, outcomes={"tiny": evaluation.outcomes["tiny"]}, differences=[])
    shown = choose_examples(only, PictureStore(shop / "images"))
    assert set(shown) <= {"Best results", "Worst results"}
    texts = [each.text for queries in shown.values() for each in queries]
    assert len(texts) == len(set(texts))


def test_few_queries_give_a_warning(folder):
    assert "4 queries in 3 clusters are few" in (folder / "report.html").read_text()


def test_a_report_of_the_same_name_replaces_the_last_and_leaves_nothing_behind(shop, evaluation):
    first = write_report(shop, "again", evaluation)
    (first / "stray").touch()
    only = replace(evaluation, outcomes={"tiny": evaluation.outcomes["tiny"]}, differences=[])
    second = write_report(shop, "again", only)
    assert second == first
    assert not (second / "stray").exists()
    assert not (second / "other.run").exists()
    assert not list((shop / "reports").glob(".*"))


def test_a_report_that_cannot_be_written_is_an_error(tmp_path, evaluation):
    (tmp_path / "reports").write_text("a file in the way")
    with pytest.raises(EvalError, match="cannot be written"):
        write_report(tmp_path, "x", evaluation)


def test_unfinished_reports_of_killed_runs_are_removed_by_the_next_run(tmp_path):
    unfinished = tmp_path / "reports" / ".new-abc"
    unfinished.mkdir(parents=True)
    (unfinished / "qrels.txt").touch()
    (tmp_path / "reports" / "kept").mkdir()
    check_reports(tmp_path)
    assert [path.name for path in (tmp_path / "reports").iterdir()] == ["kept"]


def test_a_report_that_is_being_written_is_not_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("eval.report.LOCK_SECONDS", 0.1)
    with FileLock(tmp_path / "reports.lock"), pytest.raises(EvalError, match="Another evaluation"):
        check_reports(tmp_path)


def test_a_report_that_a_full_disk_cuts_off_leaves_the_last_one(shop, evaluation):
    first = write_report(shop, "full", evaluation)
    page = (first / "report.html").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(page) // 2, hard))
    try:
        with pytest.raises(EvalError, match=r"cannot be written to .+: File too large"):
            write_report(shop, "full", evaluation)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (first / "report.html").read_bytes() == page
    assert not list((shop / "reports").glob(".*"))


def test_names_fit_a_folder():
    assert fit_name("my set / ünï..") == "my-set-n"
    assert fit_name("../../etc") == "etc"
    with pytest.raises(EvalError, match="cannot name a report"):
        fit_name("../..")
    assert default_name("set", datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)) == "set-20260301-040506"


def test_numbers_are_written_with_a_minus_sign_or_a_dash():
    assert number(-0.1234) == "−0.123"
    assert number(float("nan")) == number(None) == "–"
