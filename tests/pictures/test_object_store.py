import fsspec
import pytest

from pictures import object_store
from pictures.errors import PictureError
from pictures.object_store import read_object


def reason(address: str) -> str:
    with pytest.raises(PictureError) as caught:
        read_object(address)
    return caught.value.reason


def test_a_file_is_read_from_this_machine_and_from_an_object_store(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"hello")
    fsspec.filesystem("memory").pipe_file("/pictures/a.jpg", b"hello")
    assert read_object(str(tmp_path / "a.jpg")) == b"hello"
    assert read_object((tmp_path / "a.jpg").as_uri()) == b"hello"
    assert read_object("memory://pictures/a.jpg") == b"hello"


def test_a_file_that_cannot_be_read_has_a_reason(tmp_path, monkeypatch):
    store = fsspec.filesystem("memory")
    store.pipe_file("/pictures/empty.jpg", b"")
    store.pipe_file("/pictures/large.jpg", bytes(11))
    monkeypatch.setattr(object_store, "MAX_BYTES", 10)
    assert reason("memory://pictures/absent.jpg") == "missing file"
    assert reason("memory://pictures/empty.jpg") == "empty"
    assert reason("memory://pictures/large.jpg") == "too many bytes"
    assert reason((tmp_path / "absent.jpg").as_uri()) == "missing file"
    assert reason(tmp_path.as_uri()) == "not a file"


@pytest.mark.parametrize("scheme", ["http", "https", "ftp", "sftp", "simplecache::https", "az"])
def test_other_schemes_and_stores_without_their_library_are_refused(scheme):
    assert reason(f"{scheme}://shop/a.jpg") == "unknown address"


def test_a_store_that_refuses_is_a_reason(monkeypatch):
    def refuse(*_, **__):
        raise PermissionError("no access")

    monkeypatch.setattr(fsspec.filesystem("memory"), "cat_file", refuse)
    assert reason("memory://pictures/a.jpg") == "unreadable file"
