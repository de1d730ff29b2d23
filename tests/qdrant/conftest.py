"""The fake server of Qdrant, and a store of it."""

from collections.abc import Iterator

import pytest

from qdrant.store import Store, open_server
from tests.qdrant.fake_server import FakeServer


@pytest.fixture
def fake_server() -> Iterator[FakeServer]:
    """Qdrant's REST on loopback, empty."""
    with FakeServer() as opened:
        yield opened


@pytest.fixture
def store(fake_server: FakeServer) -> Iterator[Store]:
    """Its store, which does not pause before it asks again."""
    with open_server(fake_server.url) as opened:
        opened.engine.connection.pause = lambda seconds: None
        yield opened
