"""A shop with two variants of different weights, and queries made from it."""

import json
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from catalog.catalogue import Catalogue
from encoder.variants import Variants
from eval.catalogue_queries import make_queries
from eval.queries import QuerySet
from ingest.vectors import embed_products
from qdrant.store import Store, open_store
from tests.shop import COLOURS, build, rows
from tests.tiny_clip import build_tiny_clip


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory, tiny_clip: Path) -> Path:
    """Twelve products with pictures and one without, under `tiny` and `other`."""
    home = tmp_path_factory.mktemp("eval_shop")
    pictureless = {"id": "plain", "title": "plain towel", "category": "Beauty"}
    build(home, tiny_clip, [*rows(), pictureless])
    other = build_tiny_clip(tmp_path_factory.mktemp("other_clip"), seed=1)
    Variants(home).add("other", other)
    embed_products(home, "other")
    return home


@pytest.fixture(scope="module")
def store(shop: Path) -> Iterator[Store]:
    """The shop's collections."""
    with open_store(shop) as opened:
        yield opened


@pytest.fixture
def catalogue(shop: Path):
    with Catalogue(shop, create=False) as opened:
        yield opened


@pytest.fixture
def queries(catalogue: Catalogue) -> QuerySet:
    """Titles, pictures and categories of the whole shop."""
    made = make_queries(catalogue, ["title", "picture", "category"], share=1.0)
    return QuerySet("whole shop", tuple(made))


@pytest.fixture
def typed_queries(tmp_path: Path) -> Path:
    """A file of sixty labelled queries that words answer."""
    pairs = list(combinations(COLOURS, 2))
    rows = [
        {
            "id": f"{one}-{other}-{kind}-{brand}",
            "text": f"{one} or {other} {kind} {brand}",
            "relevant": {f"{kind}-{one}": 2, f"{kind}-{other}": 1 + (brand == "acme")},
        }
        for kind in ("lipstick", "kettle")
        for one, other in pairs
        for brand in ("acme", "zenith")
    ]
    # Of equal relevant products, two queries are one cluster.
    for number, row in enumerate(rows[1::2]):
        row["relevant"] = dict.fromkeys(row["relevant"], 1) | {
            f"kettle-{list(COLOURS)[number % 6]}": 1
        }
    file = tmp_path / "queries.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file
