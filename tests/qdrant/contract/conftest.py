"""A store of each engine: empty, or filled for tests that only read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from qdrant.store import Store
from tests.qdrant.contract.engines import ENGINES, engine
from tests.qdrant.contract.points import POINTS
from tests.qdrant.shop import (
    SPEC,
)


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with engine(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture(scope="session", params=ENGINES)
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """A store with the shop in it, for tests that only read."""
    with engine(request.param, tmp_path_factory.mktemp("filled")) as opened:
        opened.build(SPEC, iter(POINTS))
        yield opened
