"""The shop that the tests of the jobs start from."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import shop
from tests.tiny_bart import build_tiny_bart


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, tiny_clip: Path) -> tuple[Path, Path]:
    """A filled shop, and a copy of it from which it is restored."""
    folder = tmp_path_factory.mktemp("ingest")
    home = shop.build(folder / "home", tiny_clip)
    return home, shop.copy(home, folder / "copy")


@pytest.fixture(scope="session")
def bart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A randomly initialised BART checkpoint, for summaries."""
    return build_tiny_bart(tmp_path_factory.mktemp("bart"))


@pytest.fixture
def home(built: tuple[Path, Path]) -> Iterator[Path]:
    """The twelve products of `tests.shop` under the variant `tiny`; a test may change all of it.

    Restored in place after each test: the catalogue has the pictures' absolute paths.
    """
    home, copy = built
    yield home
    shutil.rmtree(home)
    shop.copy(copy, home)
