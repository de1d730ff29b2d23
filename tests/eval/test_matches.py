"""Evaluations of searches by words and of hybrid ones."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from eval import EvalError, outcomes, retrieval
from eval.__main__ import app
from eval.evaluation import evaluate
from eval.measures import judged_share
from eval.queries import LabelledQuery, QuerySet
from eval.settings import Settings
from search.query import Query
from search.shop import open_shop
from tests.shop import build, rows

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


def test_a_shop_without_any_picture_is_measured(tmp_path, tiny_clip):
    made = [{name: each for name, each in row.items() if name != "image"} for row in rows()]
    home = build(tmp_path, tiny_clip, made)
    evaluation = evaluate(home, query_set(OLIVE), replace(QUICK, matches=("words", "hybrid")))
    for outcome in evaluation.outcomes.values():
        assert outcome.scores["Recall@1"].tolist() == [1]
        assert np.isnan(outcome.similarity.auc)


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
    assert report["settings"]["vector"] == ""
    assert report["variants"]["tiny-words"]["Judged@10"]["value"] > 0
    assert (shop / report["report"] / "tiny-words.run").is_file()


def test_each_vector_is_a_row_of_its_own_beside_words_and_the_hybrid_search(shop):
    settings = replace(EACH, vectors=("image", "text"))
    evaluation = evaluate(shop, query_set(OLIVE), settings)
    assert list(evaluation.outcomes) == ["tiny-words", "tiny-hybrid", "tiny-image", "tiny-text"]
    for vector in ("image", "text"):
        alone = evaluate(shop, query_set(OLIVE), replace(QUICK, vectors=(vector,)))
        row = evaluation.outcomes[f"tiny-{vector}"]
        assert row.ranked == alone.outcomes["tiny"].ranked
        assert row.similarity.auc == pytest.approx(alone.outcomes["tiny"].similarity.auc)


@pytest.mark.parametrize(
    ("settings", "vector"),
    [
        (replace(EACH, vectors=("text",)), ""),
        (replace(EACH, vectors=("image", "text")), ""),
        (replace(EACH, matches=("words", "hybrid"), vectors=("text",)), "text"),
    ],
    ids=["beside vectors", "beside several vectors", "beside words"],
)
def test_a_hybrid_row_is_what_a_search_finds(shop, settings, vector):
    texts = ["olive kettle", "ivory lipstik", 'coral "kettle in" -navy']
    queries = [LabelledQuery(text, text, relevant={"kettle-olive": 1}) for text in texts]
    ranked = evaluate(shop, query_set(*queries), settings).outcomes["tiny-hybrid"].ranked
    with open_shop(shop) as opened:
        for text in texts:
            query = Query(text, k=100, match="hybrid", vector=vector, fold=False)
            results = opened.engine("tiny").search(query).results
            assert ranked[text] == [(each.id, pytest.approx(each.score)) for each in results]


def test_a_variant_is_encoded_and_diagnosed_once_however_it_is_searched(shop, monkeypatch):
    calls = []
    for module, name in ((outcomes, "diagnose"), (retrieval, "encode")):
        real = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *each, real=real: calls.append(real.__name__) or real(*each)
        )
    evaluate(shop, query_set(OLIVE, TOWEL), replace(EACH, variants=("tiny", "other")))
    assert sorted(calls) == ["diagnose", "diagnose", "encode", "encode"]


def test_the_share_of_the_first_ten_that_was_judged_is_reported(shop, tmp_path, monkeypatch):
    judged = replace(OLIVE, relevant={"kettle-olive": 2, "kettle-teal": 0})
    evaluation = evaluate(shop, query_set(judged), replace(EACH, matches=("words", "vectors")))
    for outcome in evaluation.outcomes.values():
        first = [product for product, _ in outcome.ranked["olive"][:10]]
        share = len({"kettle-olive", "kettle-teal"} & set(first)) / len(first)
        assert outcome.scores["Judged@10"].tolist() == [pytest.approx(share)]


def test_a_query_without_results_has_no_share_of_judged_ones():
    assert np.isnan(judged_share([{"a"}], [[]])).all()
