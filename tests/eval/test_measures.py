import math

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from eval.errors import NothingToMeasure, QueryFileError
from eval.measures import MEASURES, score, score_runs
from eval.trec import write_run


def scored(grades, shown):
    return {name: values[0] for name, values in score({"q": grades}, {"q": shown}).items()}


def test_measures_agree_with_a_case_worked_by_hand():
    told = scored({"a": 2, "b": 1, "c": 1}, ["x", "a", "y", "b"])
    found = 2 / math.log2(3) + 1 / math.log2(5)
    best = 2 + 1 / math.log2(3) + 1 / math.log2(4)
    assert told["nDCG@10"] == pytest.approx(found / best)
    assert told["MRR"] == 1 / 2
    assert told["Recall@1"] == 0
    assert told["Recall@5"] == told["Recall@50"] == pytest.approx(2 / 3)


def test_gains_are_linear_and_not_exponential():
    told = scored({"a": 3, "b": 1}, ["b", "a"])
    assert told["nDCG@10"] == pytest.approx((1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3)))


def test_the_order_shown_is_judged_and_not_the_order_of_ids():
    assert scored({"a": 1}, ["a", "b", "c"])["Recall@1"] == 1
    assert scored({"c": 1}, ["a", "b", "c"])["Recall@1"] == 0


def test_measures_look_no_deeper_than_they_say():
    shown = [f"x{number}" for number in range(10)] + ["a"]
    told = scored({"a": 1}, shown)
    assert told["nDCG@10"] == told["Recall@10"] == 0
    assert told["Recall@50"] == 1
    assert told["MRR"] == pytest.approx(1 / 11)


def test_a_query_without_an_answer_scores_0_and_keeps_its_place():
    told = score({"first": {"a": 1}, "second": {"b": 1}}, {"first": [], "second": ["b"]})
    for name in MEASURES:
        assert told[name].tolist() == [0.0, 1.0]


def test_scores_come_in_the_order_of_the_qrels():
    names = [f"q{number}" for number in (10, 9, 2, 1)]
    told = score({name: {"a": 1} for name in names}, {"q2": ["a"]})
    assert told["MRR"].tolist() == [0, 0, 1, 0]


def test_ndcg_agrees_with_an_independent_library():
    rng = np.random.default_rng(3)
    products = [f"p{number:02}" for number in range(40)]
    qrels, ranked, expected = {}, {}, []
    for number in range(60):
        grades = rng.integers(0, 4, 40) * (rng.random(40) < 0.2)
        grades[rng.integers(40)] = 1
        scores = rng.permutation(40).astype(float)
        order = np.argsort(-scores)
        qrels[f"q{number}"] = {
            product: int(grade) for product, grade in zip(products, grades, strict=True) if grade
        }
        ranked[f"q{number}"] = [products[place] for place in order]
        expected.append(ndcg_score([grades], [scores], k=10))
    assert score(qrels, ranked)["nDCG@10"] == pytest.approx(expected)


def test_run_files_are_compared_by_name_and_a_query_they_lack_scores_0(tmp_path):
    qrels = {"one": {"a": 1}, "two": {"b": 1}, "none": {"c": 0}}
    write_run(tmp_path / "good.run", {"one": [("a", 0.9)], "two": [("b", 0.8)]}, "good")
    write_run(tmp_path / "half.run", {"one": [("a", 0.9)]}, "half")
    told = score_runs([tmp_path / "good.run", tmp_path / "half.run"], qrels)
    assert told["good"]["MRR"].tolist() == [1, 1]
    assert told["half"]["MRR"].tolist() == [1, 0]


def test_run_files_of_one_name_are_told_apart(tmp_path):
    for folder in ("march", "june"):
        (tmp_path / folder).mkdir()
        write_run(tmp_path / folder / "lora.run", {"one": [("a", 0.9)]}, "lora")
    paths = [tmp_path / "march" / "lora.run", tmp_path / "june" / "lora.run"]
    assert list(score_runs(paths, {"one": {"a": 1}})) == [str(path) for path in paths]


def test_a_run_of_other_queries_and_qrels_without_an_answer_are_refused(tmp_path):
    write_run(tmp_path / "x.run", {"other": [("a", 0.9)]}, "x")
    with pytest.raises(QueryFileError, match="answers none"):
        score_runs([tmp_path / "x.run"], {"one": {"a": 1}})
    with pytest.raises(NothingToMeasure):
        score_runs([tmp_path / "x.run"], {"one": {"a": 0}})
