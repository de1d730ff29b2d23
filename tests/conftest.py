"""Fixtures that the tests of several packages share."""

import os
import signal
from pathlib import Path

import pytest

from tests import shop
from tests.tiny_clip import build_tiny_clip

# A conversion takes seconds for the smallest model. The tests of converted models set this to auto.
os.environ["VITRINE_RUNTIME"] = "torch"

# A shell that starts the suite in the background has it ignore Ctrl-C, and so has every process
# that a test starts in order to press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real products; what needs it is skipped where it is not."""
    named = os.environ.get("VITRINE_REALDATA", "")
    if not named:
        pytest.skip("VITRINE_REALDATA does not name a folder of real products")
    folder = Path(named).resolve()
    if not folder.is_dir():
        pytest.skip(f"VITRINE_REALDATA names {folder}, which is not a folder")
    return folder


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A randomly initialised CLIP checkpoint: real in form, small in size."""
    return build_tiny_clip(tmp_path_factory.mktemp("tiny_clip"))


@pytest.fixture
def home_copy(home: Path, tmp_path: Path) -> Path:
    """A copy of the package's `home` that a test may change."""
    return shop.copy(home, tmp_path / "home")
