import json
import os

import pytest

from eval import EvalError
from eval.queries import LabelledQuery, QuerySet, join
from eval.query_files import read_queries, write_queries


def written(folder, *rows, name="queries.jsonl"):
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_ids_and_grades_are_read_and_a_picture_path_is_relative_to_its_file(tmp_path, catalogue):
    path = written(
        tmp_path,
        {"image": "queries/1.jpg", "relevant": ["a", 7]},
        {"id": "x", "text": " red\u00a0 kettle ", "relevant": {"a": 2, "b": 0}, "category": "K"},
        {"text": "far", "image": "https://example.org/1.jpg", "relevant": []},
    )
    first, second, third = read_queries(path, catalogue)
    assert first.id == "1"
    assert first.picture == str(tmp_path / "queries" / "1.jpg")
    assert first.relevant == {"a": 1, "7": 1}
    assert (second.id, second.text, second.category) == ("x", "red kettle", "K")
    assert second.relevant == {"a": 2, "b": 0}
    assert third.picture == "https://example.org/1.jpg"
    assert third.relevant == {}


def test_what_is_written_is_read_back(tmp_path, catalogue):
    queries = [
        LabelledQuery("1", text="red", relevant={"a": 1}, vector="image", kind="title → picture"),
        LabelledQuery("2", picture=str(tmp_path / "p.jpg"), relevant={"b": 3}, category="K"),
        LabelledQuery("3", picture="/elsewhere/p.jpg", relevant={"b": 1}),
    ]
    write_queries(tmp_path / "q.jsonl", queries)
    assert list(read_queries(tmp_path / "q.jsonl", catalogue)) == queries
    assert '"image": "p.jpg"' in (tmp_path / "q.jsonl").read_text()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('"', "says nothing that could be found"),
        ("-red", "says nothing that could be found"),
        ("red " * 1_001, "its text has 4,003 characters; at most 4,000"),
    ],
    ids=["operator", "negation", "long"],
)
def test_a_text_that_no_search_takes_is_refused_with_its_query(tmp_path, catalogue, text, sentence):
    path = written(tmp_path, {"text": "red", "relevant": ["a"]}, {"text": text, "relevant": ["a"]})
    with pytest.raises(EvalError, match=rf"queries\.jsonl, query 2: .*{sentence}"):
        read_queries(path, catalogue)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    def unfinished():
        yield LabelledQuery("1", text="red")
        raise KeyboardInterrupt

    file = tmp_path / "q.jsonl"
    file.write_text("before")
    with pytest.raises(KeyboardInterrupt):
        write_queries(file, unfinished())
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("q.jsonl", "before")]


def test_a_line_separator_within_a_text_does_not_end_the_line(tmp_path, catalogue):
    (tmp_path / "q.jsonl").write_text('{"text": "red\u2028kettle", "relevant": ["a"]}\r\n')
    [query] = read_queries(tmp_path / "q.jsonl", catalogue)
    assert query.text == "red kettle"


def test_topics_take_their_qrels_from_a_file_and_unknown_queries_are_counted(tmp_path, catalogue):
    (tmp_path / "t.tsv").write_text("1\tred kettle\n2\tblue mug\n")
    (tmp_path / "qrels").write_text("1 0 a 1\n9 0 b 1\n")
    queries = read_queries(tmp_path / "t.tsv", catalogue, qrels=tmp_path / "qrels")
    assert [query.relevant for query in queries] == [{"a": 1}, {}]
    assert queries.counts == {"unknown_queries": 1}


def test_qrels_of_other_queries_are_refused(tmp_path, catalogue):
    path = written(tmp_path, {"id": "x", "text": "red", "relevant": ["a"]})
    (tmp_path / "qrels").write_text("9 0 b 1\n")
    with pytest.raises(EvalError, match="belong together"):
        read_queries(path, catalogue, qrels=tmp_path / "qrels")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{", "line 1, is not JSON"),
        ("[1]", "line 1, is not an object"),
        ('{"relevant": ["a"]}', "neither a text nor an image"),
        ('{"text": " ", "relevant": ["a"]}', "neither a text nor an image"),
        ('{"text": 7}', "its text is not text"),
        ('{"text": "a", "relevant": "b"}', "list of product ids, or grades"),
        ('{"text": "a", "relevant": {"b": 1.5}}', "the grade of “b” is 1.5"),
        ('{"text": "a", "relevant": {"b": -1}}', "the grade of “b” is -1"),
        ('{"text": "a", "relevant": {"b": true}}', "the grade of “b” is True"),
        ('{"text": "a", "vector": "sound"}', "no vector “sound”"),
        ('{"id": 1, "text": "a"}\n{"id": "1", "text": "b"}', "line 2: the id “1” was there"),
        ('{"text": "a"}\n{"id": "", "text": "b"}', "line 2: its id is empty"),
        ('{"id": " ", "text": "a"}', "line 1: its id is empty"),
        ('{"text": "a", "relevant": ["b", ""]}', "line 1: “relevant” has an empty product id"),
        (
            '{"text": "a", "relevant": {"b": 1' + "0" * 400 + "}}",
            "whole numbers from 0 to 1,000,000",
        ),
        ('{"id": "\\ud800", "text": "a"}', "line 1, has a lone surrogate"),
        ('{"text": "a", "relevant": ["\\udfff"]}', "line 1, has a lone surrogate"),
        ("[" * 100_000, "line 1, is not JSON"),
        ("", "is empty"),
    ],
)
def test_a_broken_line_is_reported_with_its_number(tmp_path, catalogue, line, sentence):
    (tmp_path / "q.jsonl").write_text(line)
    with pytest.raises(EvalError, match=sentence):
        read_queries(tmp_path / "q.jsonl", catalogue)


def test_a_query_without_an_id_is_named_by_its_line(tmp_path, catalogue):
    path = written(tmp_path, {"id": None, "text": "a"}, {"text": "b"})
    assert [query.id for query in read_queries(path, catalogue)] == ["1", "2"]


def test_what_is_no_file_of_text_is_refused(tmp_path, catalogue):
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(EvalError, match="Is a directory"):
        read_queries(tmp_path / "folder.jsonl", catalogue)
    (tmp_path / "bytes.jsonl").write_bytes(b"\x00\xff\xfe\x80")
    with pytest.raises(EvalError, match="is not UTF-8 text"):
        read_queries(tmp_path / "bytes.jsonl", catalogue)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_read_permission_is_refused(tmp_path, catalogue):
    path = written(tmp_path, {"text": "a"})
    path.chmod(0)
    with pytest.raises(EvalError, match="Permission denied"):
        read_queries(path, catalogue)


def test_an_unknown_suffix_and_topics_without_qrels_are_refused(tmp_path, catalogue):
    (tmp_path / "q.docx").touch()
    with pytest.raises(EvalError, match="no known form"):
        read_queries(tmp_path / "q.docx", catalogue)
    with pytest.raises(EvalError, match="--qrels"):
        read_queries(tmp_path / "q.tsv", catalogue)


def test_joined_sets_keep_ids_distinct_and_add_their_counts():
    one = QuerySet("a", (LabelledQuery("1", "x"), LabelledQuery("2", "y")), {"left": 1})
    two = QuerySet("b", (LabelledQuery("1", "z"),), {"left": 2})
    both = join([one, two, two])
    assert [query.id for query in both] == ["1", "2", "1#2", "1#3"]
    assert both.counts == {"left": 5}
    assert join([one]) is one
