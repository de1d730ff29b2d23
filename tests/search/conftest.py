"""A shop whose products share pictures, have none, or have markup in the title."""

import numpy as np
import pytest
from typer.testing import CliRunner

from encoder.variants import Variants
from qdrant.model import Point, Spec
from qdrant.store import open_store
from search.__main__ import app
from search.engine import Engine
from search.shop import open_shop
from tests import shop

# Ids out of order; one picture for all, so their scores are equal.
TWINS = [f"twin-{letter}" for letter in "gbfaedhc"]


@pytest.fixture(scope="session")
def home(tmp_path_factory, tiny_clip):
    twins = [
        {"id": name, "title": "grey twin", "category": "Twins", "image": "twin.png"}
        for name in TWINS
    ]
    bare = [
        {"id": f"bare-{n}", "title": f"crimson lipstick {n}", "category": "Beauty"} for n in "ba"
    ]
    rows = [*shop.rows(), *twins, *bare]
    rows[0]["title"] = "crimson [bold]lipstick"
    return shop.build(tmp_path_factory.mktemp("shop"), tiny_clip, rows)


@pytest.fixture(scope="session")
def engine(home):
    with open_shop(home) as opened:
        yield opened.engine("tiny")


@pytest.fixture
def search_command(home, monkeypatch):
    """`vitrine search` on a wide terminal."""
    monkeypatch.setenv("VITRINE_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(app, words)


@pytest.fixture(scope="session")
def many_brands(tmp_path_factory, tiny_clip):
    """An engine over 11,000 products, each of its own brand."""
    folder = tmp_path_factory.mktemp("many")
    variant = Variants(folder).add("tiny", tiny_clip)
    rng = np.random.default_rng(0)
    drawn = rng.standard_normal((11_000, variant.dim)).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    points = (
        Point(f"p{number}", {"brand": f"brand {number}"}, {"text": vector})
        for number, vector in enumerate(drawn)
    )
    with open_store(folder) as store:
        store.build(Spec("tiny", variant.fingerprint, variant.dim, vectors=("text",)), points)
        yield Engine(variant, store)
