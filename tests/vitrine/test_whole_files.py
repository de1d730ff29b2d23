"""Small files: written whole, and read within a bound."""

import json
from pathlib import Path

import pytest

from vitrine.whole_files import read_object, write_whole


def test_a_file_that_cannot_be_replaced_keeps_its_content(tmp_path, monkeypatch):
    file = tmp_path / "settings.json"
    write_whole(file, "old")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", lambda *_: 1 / 0)  # a kill before the last step
        with pytest.raises(ZeroDivisionError):
            write_whole(file, "new")
    assert file.read_text() == "old"
    write_whole(file, "naïve")
    assert file.read_bytes() == "naïve".encode()
    assert [each.name for each in tmp_path.iterdir()] == ["settings.json"]


def test_an_object_is_read_up_to_a_number_of_bytes(tmp_path):
    file = tmp_path / "object.json"
    file.write_text(json.dumps({"a": [1]}))
    assert read_object(file, file.stat().st_size) == {"a": [1]}
    assert read_object(file, file.stat().st_size - 1) is None


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff{}", b"[" * 100_000])
def test_what_is_no_object_is_none(tmp_path, content):
    file = tmp_path / "object.json"
    file.write_bytes(content)
    assert read_object(file, 1_000_000) is None
