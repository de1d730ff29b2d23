import json

import pytest

from eval import EvalError
from eval.query_folder import QueryFolder
from search.query_picture import open_picture
from tests import shop as small_shop


@pytest.fixture
def folder(shop, tmp_path):
    """The query folder of an installation with a catalogue."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "catalog.sqlite").write_bytes((shop / "catalog.sqlite").read_bytes())
    return QueryFolder(home)


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def test_files_are_listed_and_read_whatever_their_form(folder):
    assert folder.names() == []
    folder.add("red.jsonl", lines({"text": "red", "relevant": {"a": 2}}, {"text": "blue"}))
    folder.add("topics.tsv", b"7\tred kettle\n8\tteal\n")
    (folder.folder / "notes.md").write_text("no queries")
    (folder.folder / ".hidden.jsonl").write_bytes(lines({"text": "x"}))
    assert folder.names() == ["red.jsonl", "topics.tsv"]
    assert [query.text for query in folder.read("red.jsonl")] == ["red", "blue"]
    assert folder.read("red.jsonl").queries[0].relevant == {"a": 2}
    assert [(query.id, query.text) for query in folder.read("topics.tsv")] == [
        ("7", "red kettle"),
        ("8", "teal"),
    ]


@pytest.mark.parametrize("name", ["gone.jsonl", "../catalog.sqlite", "../home/queries/a.jsonl"])
def test_only_a_file_of_the_folder_is_read(folder, name):
    folder.add("a.jsonl", lines({"text": "red"}))
    with pytest.raises(EvalError, match="There is no query file"):
        folder.read(name)


def test_a_picture_of_a_query_lies_in_the_installation(folder, tmp_path):
    small_shop.draw("kettle-teal").save(tmp_path / "outside.png")
    with pytest.raises(EvalError, match="query 1 is not in the installation’s folder"):
        folder.add("a.jsonl", lines({"image": "../../outside.png"}))
    assert folder.names() == []
    small_shop.draw("kettle-teal").save(folder.folder / "inside.png")
    (folder.folder / "link.png").symlink_to(tmp_path / "outside.png")
    folder.add("a.jsonl", lines({"image": "inside.png"}))
    with pytest.raises(EvalError, match="not in the installation’s folder"):
        folder.add("b.jsonl", lines({"image": "link.png"}))


def test_what_cannot_be_read_is_not_kept(folder):
    with pytest.raises(EvalError, match=r"line 1, is not JSON"):
        folder.add("a.jsonl", b"{")
    with pytest.raises(EvalError, match="no known form"):
        folder.add("a.exe", b"x")
    assert folder.names() == []
    assert list(folder.folder.iterdir()) == []


def test_an_uploaded_name_stays_in_the_folder_and_replaces_nothing(folder):
    assert folder.add("../../my queries.jsonl", lines({"text": "red"})) == "my-queries.jsonl"
    assert folder.add("my queries.jsonl", lines({"text": "red"})) == "my-queries.jsonl"
    with pytest.raises(EvalError, match=r"another file my-queries.jsonl already"):
        folder.add("my queries.jsonl", lines({"text": "blue"}))
    assert [query.text for query in folder.read("my-queries.jsonl")] == ["red"]


def test_a_file_that_changed_has_another_version(folder):
    name = folder.add("a.jsonl", lines({"text": "red"}))
    before = folder.version(name)
    (folder.folder / name).write_bytes(lines({"text": "red"}, {"text": "blue"}))
    assert folder.version(name) != before


def test_what_was_typed_is_added_to_a_file_once(folder):
    picture = small_shop.draw("kettle-teal")
    assert folder.add_typed("red  kettle", None) == ("typed.jsonl", "1")
    assert folder.add_typed("red kettle", picture) == ("typed.jsonl", "2")
    assert folder.add_typed("red kettle", None) == ("typed.jsonl", "1")
    assert folder.add_typed("red kettle", picture) == ("typed.jsonl", "2")
    plain, pictured = folder.read("typed.jsonl")
    assert (plain.text, plain.picture) == ("red kettle", "")
    assert open_picture(pictured.picture).tobytes() == picture.tobytes()
