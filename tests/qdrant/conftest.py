"""What several tests of the server store share."""

from collections.abc import Iterator

import pytest

from tests.qdrant.fake_server import FakeServer


@pytest.fixture
def fake_server() -> Iterator[FakeServer]:
    """Qdrant's REST on loopback, empty."""
    with FakeServer() as opened:
        yield opened
