"""Which engine a shop gets."""

import socket
from pathlib import Path

import pytest

from qdrant.embedded.engine import EmbeddedEngine
from qdrant.errors import EngineError, StoreError
from qdrant.server.engine import ServerEngine
from qdrant.store import open_store


def test_without_a_server_the_engine_works_in_the_home_folder(tmp_path: Path, monkeypatch):
    monkeypatch.delenv("QDRANT_URL", raising=False)
    with open_store(tmp_path) as store:
        assert isinstance(store.engine, EmbeddedEngine)
        assert store.collections() == []


def test_a_server_that_does_not_answer_is_an_error_of_one_sentence(tmp_path: Path, monkeypatch):
    with socket.socket() as unused:  # bound, never listening: a connection is refused
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("QDRANT_URL", f"http://127.0.0.1:{unused.getsockname()[1]}")
        with open_store(tmp_path) as store:
            assert isinstance(store.engine, ServerEngine)
            with pytest.raises(
                EngineError, match=r"No Qdrant server answers at http://127.* start it with"
            ):
                store.collections()


def test_an_address_without_a_scheme_is_an_error(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("QDRANT_URL", "localhost:6333")
    with pytest.raises(StoreError, match="must start with http:// or https://"):
        open_store(tmp_path)
