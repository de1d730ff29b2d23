"""What several tests of the server store share."""

from collections.abc import Iterator

import pytest

from tests.qdrant.stand_in import StandIn


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """Qdrant's REST on loopback, empty."""
    with StandIn() as opened:
        yield opened
