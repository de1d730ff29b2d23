"""Evaluations of searches by words and of hybrid ones."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from eval import EvalError
from eval.__main__ import app
from eval.evaluation import evaluate
from eval.queries import LabelledQuery, QuerySet
from eval.settings import Settings

QUICK = Settings(("tiny",), resamples=200)
EACH = replace(QUICK, matches=("words", "hybrid", "vectors"))
OLIVE = LabelledQuery("olive", "olive kettles", relevant={"kettle-olive": 1})
TOWEL = LabelledQuery("towel", "towels", relevant={"plain": 1})


def query_set(*queries):
    return QuerySet("set", queries)


def test_each_match_is_a_row_of_its_own_and_compared_with_the_others(shop):
    evaluation = evaluate(shop, query_set(OLIVE, TOWEL), EACH)
    assert list(evaluation.outcomes) == ["tiny-words", "tiny-hybrid", "tiny-vectors"]
    assert evaluation.outcomes["tiny-words"].scores["Recall@1"].tolist() == [1, 1]
    similarity = evaluation.outcomes["tiny-words"].scores["AvgMeanSimilarity@5"]
    assert np.isnan(similarity).all()  # BM25 and fused scores are no cosines
    pairs = {(each.first, each.second) for each in evaluation.differences}
    assert ("tiny-words", "tiny-vectors") in pairs


def test_a_product_without_a_picture_is_an_answer_where_words_are_searched(shop):
    assert len(evaluate(shop, query_set(OLIVE, TOWEL), EACH).queries) == 2
    assert len(evaluate(shop, query_set(OLIVE, TOWEL), QUICK).queries) == 1


def test_one_match_keeps_the_name_of_the_variant(shop):
    evaluation = evaluate(shop, query_set(OLIVE), replace(QUICK, matches=("hybrid",)))
    assert list(evaluation.outcomes) == ["tiny"]


def test_queries_made_of_titles_are_not_scored_against_words(shop):
    title = LabelledQuery("t", "olive kettle", vector="image", relevant={"kettle-olive": 1})
    with pytest.raises(EvalError, match=r"a leak\. Leave --match words out"):
        evaluate(shop, query_set(title), EACH)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (replace(QUICK, matches=("fuzzy",)), "no match “fuzzy”; take hybrid, words, vectors"),
        (replace(EACH, engine="faiss"), "faiss has vectors only: leave --match out"),
    ],
)
def test_a_match_that_cannot_be_measured_is_refused(shop, settings, sentence):
    with pytest.raises(EvalError, match=sentence):
        evaluate(shop, query_set(OLIVE), settings)


def test_the_command_compares_matches_and_writes_a_run_file_of_each(shop, tmp_path, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(shop))
    file = tmp_path / "queries.jsonl"
    file.write_text(json.dumps({"id": "a", "text": "olive", "relevant": {"kettle-olive": 1}}))
    words = ["run", "--queries", str(file), "--variant", "tiny", "--resamples", "200", "--json"]
    done = CliRunner().invoke(app, [*words, "--match", "words", "--match", "vectors"])
    report = json.loads(done.stdout)
    assert list(report["variants"]) == ["tiny-words", "tiny-vectors"]
    assert report["settings"]["matches"] == ["words", "vectors"]
    assert (shop / report["report"] / "tiny-words.run").is_file()
