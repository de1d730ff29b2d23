"""Calibrating the confidence of searches, and testing it on other queries."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from encoder.variants import Variants
from eval import EvalError
from eval.__main__ import app
from eval.calibration import (
    calibrate,
    check_numbers,
    conformal_threshold,
    least_fitting,
    reliability,
    share,
)
from eval.calibration_queries import foreign_texts, labelled_texts, own_titles
from eval.queries import LabelledQuery, QuerySet
from search.confidence import calibration_file
from search.evidence import Evidence


def evidence(rng, mean, number):
    """Queries with one feature around a mean, and one that says nothing."""
    return [
        Evidence({"coverage": float(rng.normal(mean)), "noise": float(rng.normal())})
        for _ in range(number)
    ]


@pytest.fixture(scope="module")
def tested():
    rng = np.random.default_rng(0)
    fitting, foreign = evidence(rng, 2, 2_000), evidence(rng, 0, 1_000)
    return calibrate(fitting, foreign, rate=0.1, products=7, generation="g", seed=0)


def test_false_alarms_keep_the_stated_rate_on_queries_that_were_not_used(tested):
    assert tested.false_alarms.low < 0.1 < tested.false_alarms.high
    assert tested.false_alarms.n == 600
    # Of N(0, 1), below the 10 % quantile of N(2, 1).
    assert tested.caught.low < 0.76 < tested.caught.high


def test_what_says_nothing_has_no_weight(tested):
    weights = tested.calibration.weights
    assert weights["coverage"] == pytest.approx(2, abs=0.3)
    assert abs(weights["noise"]) < 0.2


def test_of_a_stated_chance_as_many_fit(tested):
    bins = reliability(tested, 10)
    assert sum(each["queries"] for each in bins) == len(tested.fits)
    off = [abs(each["observed"] - each["stated"]) for each in bins]
    assert np.average(off, weights=[each["queries"] for each in bins]) < 0.05


@pytest.mark.parametrize(("n", "k"), [(19, 1), (20, 1), (38, 1), (39, 2), (99, 5)])
def test_the_threshold_is_the_greatest_that_the_rate_allows(n, k):
    sums = np.random.default_rng(0).permutation(n).astype(float)
    assert conformal_threshold(sums, 0.05) == k - 1


def test_the_interval_of_a_share_is_exact():
    none = share(np.zeros(20, bool))
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 20))
    half = share(np.arange(10) < 5)
    assert (half.low, half.high) == pytest.approx((0.187, 0.813), abs=1e-3)


def test_too_few_queries_are_refused_with_the_number_needed():
    assert (least_fitting(0.05), least_fitting(0.1)) == (172, 86)
    with pytest.raises(EvalError, match=r"100 different queries that fit, .* 5% needs 172"):
        check_numbers(100, 500, 0.05)
    with pytest.raises(EvalError, match="59 foreign queries, and a calibration needs 60"):
        check_numbers(200, 59, 0.05)


def test_queries_without_a_feature_that_most_have_are_left_out():
    rng = np.random.default_rng(0)
    fitting = [*evidence(rng, 2, 90), *[Evidence({"noise": 1.0})] * 5]
    result = calibrate(fitting, evidence(rng, 0, 90), rate=0.1, products=7, generation="g", seed=0)
    assert result.calibration.weights.keys() == {"coverage", "noise"}


def test_own_titles_do_not_find_their_own_group(catalogue):
    probes = {probe.text: probe.exclude for probe in own_titles(catalogue, seed=0)}
    assert probes["olive kettle"] == ("kettle-olive",)
    assert len(probes) == 13


def test_foreign_texts_are_general_words_that_the_shop_has_not(catalogue):
    texts = [probe.text for probe in foreign_texts(None, catalogue.products(), seed=0)]
    assert "lawn mower" in texts
    assert "lipstick" not in texts
    assert len(texts) > 200


def test_foreign_titles_are_read_from_a_feed_or_a_list_without_those_of_the_shop(
    catalogue, tmp_path
):
    feed, words = tmp_path / "other.csv", tmp_path / "other.txt"
    feed.write_text("id,title\n1,Olive Kettle\n2,garden gate\n")
    words.write_text("garden gate\n\nOLIVE kettle\n")
    for path in (feed, words):
        found = foreign_texts(path, catalogue.products(), seed=0)
        assert [probe.text for probe in found] == ["garden gate"]
    words.write_text("\n")
    with pytest.raises(EvalError, match=r"other\.txt is empty"):
        foreign_texts(words, catalogue.products(), seed=0)


def test_labelled_queries_without_a_relevant_product_are_foreign():
    queries = QuerySet(
        "set",
        (
            LabelledQuery("a", "kettle", relevant={"k": 1}),
            LabelledQuery("b", "Kettle!", relevant={"k": 1}),
            LabelledQuery("c", "zeppelin", relevant={"k": 0}),
            LabelledQuery("d", picture="p.jpg", relevant={"k": 1}),
        ),
    )
    fitting, foreign = labelled_texts(queries, seed=0)
    assert [[probe.text for probe in each] for each in (fitting, foreign)] == [
        ["kettle"],
        ["zeppelin"],
    ]


def run(*words, expect=0):
    done = CliRunner().invoke(app, ["calibrate", "--variant", "tiny", *words])
    assert done.exit_code == expect, done.output
    return done


def test_the_command_writes_calibrations_and_a_report(shop, typed_queries, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(shop))
    file = calibration_file(Variants(shop).get("tiny"))
    words = ["--queries", str(typed_queries), "--rate", "0.3", "--match", "words", "--name", "c"]
    try:
        printed = json.loads(run(*words, "--json").stdout)
        shown = run(*words[:-4], "--match", "hybrid").stdout
        assert file.value.keys() == {"words", "hybrid"}  # one match leaves the other as it is
    finally:
        file.path.unlink(missing_ok=True)
    found = printed["matches"]["words"]
    assert found["calibration"]["rate"] == 0.3
    assert found["caught"]["value"] > 0.9
    assert "false alarms" in shown
    page = (shop / "reports" / "c" / "report.html").read_text()
    assert "coverage" in page
    assert "data:image/svg+xml" in page
    assert json.loads((shop / "reports" / "c" / "results.json").read_text())["variant"] == "tiny"


def test_what_cannot_be_calibrated_is_refused(shop, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(shop))
    assert "There are 13 different queries that fit" in run(expect=1).output
    assert "lies between 0.001 and 0.5" in run("--rate", "nan", expect=2).output
    assert "Take hybrid, words, vectors" in run("--match", "fuzzy", expect=2).output
    assert "There is no file" in run("--foreign", "gone.txt", expect=1).output
