import pytest

from eval import EvalError
from eval.judges import Judges
from eval.trec import read_qrels


def test_each_judgement_is_in_the_judges_own_file_of_qrels_at_once(tmp_path):
    judges = Judges(tmp_path, "some.jsonl")
    assert judges.write("Anna", "q 1", "a%b", 2) is None
    assert judges.write("Anna", "q 1", "c", 0) is None
    assert judges.write("Jörg Ö", "q 1", "c", 1) is None
    path = tmp_path / "judgements" / "some.jsonl" / "Anna.qrels"
    assert read_qrels(path) == {"q 1": {"a%b": 2, "c": 0}}
    assert judges.names() == ["Anna", "Jörg Ö"]
    assert judges.read_all()["Jörg Ö"] == {"q 1": {"c": 1}}
    assert [file.name for file in path.parent.iterdir() if file.suffix != ".qrels"] == []


def test_a_judgement_is_replaced_and_removed(tmp_path):
    judges = Judges(tmp_path, "some.jsonl")
    judges.write("Anna", "q", "a", 2)
    assert judges.write("Anna", "q", "a", 1) == 2
    assert judges.read("Anna") == {"q": {"a": 1}}
    assert judges.write("Anna", "q", "a", None) == 1
    assert judges.read("Anna") == {}
    assert judges.names() == []


def test_another_writer_of_the_same_file_loses_nothing(tmp_path):
    one, other = Judges(tmp_path, "q.tsv"), Judges(tmp_path, "q.tsv")
    one.write("Anna", "1", "a", 2)
    other.write("Anna", "2", "b", 1)
    one.write("Anna", "1", "c", 0)
    assert one.read("Anna") == {"1": {"a": 2, "c": 0}, "2": {"b": 1}}


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 60, " a"])
def test_a_name_that_could_be_no_file_is_refused(tmp_path, name):
    with pytest.raises(EvalError, match="cannot be a judge’s name"):
        Judges(tmp_path, "q.jsonl").write(name, "q", "a", 1)


@pytest.mark.parametrize("name", ["", "..", "../other", "a/b"])
def test_judgements_stay_in_their_folder(tmp_path, name):
    with pytest.raises(EvalError, match="no name of a query file"):
        Judges(tmp_path, name)


def test_a_damaged_file_is_not_replaced(tmp_path):
    judges = Judges(tmp_path, "q.jsonl")
    judges.write("Anna", "q", "a", 1)
    path = judges.folder / "Anna.qrels"
    path.write_text("q 0 a\n")
    with pytest.raises(EvalError, match="line 1, is no line of qrels"):
        judges.write("Anna", "q", "b", 2)
    assert path.read_text() == "q 0 a\n"


def test_what_cannot_be_written_is_reported_in_a_sentence(tmp_path):
    (tmp_path / "judgements").write_text("a file")
    with pytest.raises(EvalError, match="The judgement is not kept"):
        Judges(tmp_path, "q.jsonl").write("Anna", "q", "a", 1)
