import ir_measures
import pytest
from ir_measures import RR

from eval import EvalError
from eval.trec import read_qrels, read_run, read_topics, score_runs, write_qrels, write_run


def test_a_run_comes_back_with_ids_that_have_spaces_percents_and_emoji(tmp_path):
    ranked = {
        "red kettle": [("p 1", 0.9123456), ("100%\u3000cotton", 0.5)],
        "😀": [("%20", -0.25)],
    }
    write_run(tmp_path / "a.run", ranked, "my variant")
    lines = (tmp_path / "a.run").read_text().splitlines()
    assert all(len(line.split()) == 6 for line in lines)
    assert lines[0].split()[3] == "1"
    back = read_run(tmp_path / "a.run")
    assert list(back) == list(ranked)
    assert back["red kettle"] == [("p 1", 0.9123456), ("100%\u3000cotton", 0.5)]
    assert back["😀"] == [("%20", -0.25)]


def test_equal_scores_of_a_run_are_ordered_by_rank_and_not_by_line(tmp_path):
    (tmp_path / "a.run").write_text("q Q0 b 2 0.9 x\nq Q0 a 1 0.9 x\n")
    assert read_run(tmp_path / "a.run") == {"q": [("a", 0.9), ("b", 0.9)]}


def test_a_run_is_ordered_by_score_as_other_tools_order_it(tmp_path):
    (tmp_path / "a.run").write_text("q Q0 a 1 0.2 x\nq Q0 b 2 0.9 x\n")
    assert read_run(tmp_path / "a.run") == {"q": [("b", 0.9), ("a", 0.2)]}


def test_other_tools_read_equal_and_nearly_equal_scores_in_the_order_that_was_shown(tmp_path):
    """trec_eval holds scores as float32 and orders equal ones by descending id."""
    shown = {"q": [("a", 0.5), ("b", 0.50000004), ("c", 0.5), ("d", 0.4999999), ("e", -0.1)]}
    write_run(tmp_path / "a.run", shown, "x")
    run = list(ir_measures.read_trec_run(str(tmp_path / "a.run")))
    for rank, name in enumerate("abcde", start=1):
        [found] = ir_measures.iter_calc([RR], {"q": {name: 1}}, run)
        assert found.value == pytest.approx(1 / rank)
    assert [score for _, score in read_run(tmp_path / "a.run")["q"]] == pytest.approx(
        [0.5, 0.5, 0.5, 0.5, -0.1], abs=1e-6
    )


def test_qrels_come_back_and_negative_grades_count_as_0(tmp_path):
    write_qrels(tmp_path / "q", {"one two": {"a b": 2, "c": 0}})
    assert read_qrels(tmp_path / "q") == {"one two": {"a b": 2, "c": 0}}
    (tmp_path / "q").write_text("1 0 spam -2\n")
    assert read_qrels(tmp_path / "q") == {"1": {"spam": 0}}


def test_topics_are_read_as_blocks_and_as_tabbed_lines(tmp_path):
    (tmp_path / "blocks.txt").write_text(
        "<top>\n<num> Number: 301\n<title> red\n kettle\n<desc> long\n</top>\n"
        "<top><num>302</num><title>blue mug</title></top>"
    )
    (tmp_path / "lines.tsv").write_text("301\tred kettle\n\n302\tblue mug\n")
    expected = {"301": "red kettle", "302": "blue mug"}
    assert read_topics(tmp_path / "blocks.txt") == expected
    assert read_topics(tmp_path / "lines.tsv") == expected


@pytest.mark.parametrize(
    ("read", "text", "sentence"),
    [
        (read_run, "", "is empty"),
        (read_run, "q Q0 a 1 0.5\n", "line 1, is no line of a run"),
        (read_run, "q Q0 a one 0.5 x\n", "line 1, is no line of a run"),
        (read_run, "q Q0 a 1 0.5 x\nq Q0 b 2 nan x\n", "line 2, is no line of a run"),
        (read_qrels, "q 0 a 1\nq 0 a good\n", "line 2, is no line of qrels"),
        (read_qrels, "q 0 a 99999999999999999999\n", "line 1: a grade is at most 1,000,000"),
        (read_qrels, "  \n", "is empty"),
        (read_topics, "301 red kettle\n", "line 1, is no topic"),
        (read_topics, "1\ta\n1\tb\n", "two queries with the id “1”"),
        (read_topics, "<top><num>1</num></top>", "topic 1 lacks"),
    ],
)
def test_a_broken_file_is_reported_with_its_line(tmp_path, read, text, sentence):
    (tmp_path / "file").write_text(text)
    with pytest.raises(EvalError, match=sentence):
        read(tmp_path / "file")


def test_a_missing_file_and_bytes_that_are_no_text_are_reported(tmp_path):
    with pytest.raises(EvalError, match="There is no file"):
        read_run(tmp_path / "none")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(EvalError, match="UTF-8"):
        read_run(tmp_path / "bytes")


def test_run_files_are_compared_by_name_and_a_query_they_lack_scores_0(tmp_path):
    qrels = {"one": {"a": 1}, "two": {"b": 1}, "none": {"c": 0}}
    write_run(tmp_path / "good.run", {"one": [("a", 0.9)], "two": [("b", 0.8)]}, "good")
    write_run(tmp_path / "half.run", {"one": [("a", 0.9)]}, "half")
    scores = score_runs([tmp_path / "good.run", tmp_path / "half.run"], qrels)
    assert scores["good"]["MRR"].tolist() == [1, 1]
    assert scores["half"]["MRR"].tolist() == [1, 0]


def test_run_files_of_one_name_are_named_by_their_path(tmp_path):
    for folder in ("march", "june"):
        (tmp_path / folder).mkdir()
        write_run(tmp_path / folder / "lora.run", {"one": [("a", 0.9)]}, "lora")
    paths = [tmp_path / "march" / "lora.run", tmp_path / "june" / "lora.run"]
    assert list(score_runs(paths, {"one": {"a": 1}})) == [str(path) for path in paths]


def test_a_run_of_other_queries_and_qrels_without_an_answer_are_refused(tmp_path):
    write_run(tmp_path / "x.run", {"other": [("a", 0.9)]}, "x")
    with pytest.raises(EvalError, match="answers none"):
        score_runs([tmp_path / "x.run"], {"one": {"a": 1}})
    with pytest.raises(EvalError):
        score_runs([tmp_path / "x.run"], {"one": {"a": 0}})
