"""Real rows of Amazon Reviews 2023, from the file to a search; every one of them accounted for."""

import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.catalogue import Catalogue
from encoder.variants import Variants
from ingest.images import catalogue_settings, fetch_images
from ingest.products import load_products
from ingest.vectors import embed_products
from ingest.verification import verify_collection
from qdrant.model import Filters
from qdrant.store import open_store
from search.engine import Engine
from search.query import Query
from tests.ingest.picture_web import PictureWeb

pytestmark = pytest.mark.realdata

HOST = "https://m.media-amazon.com"
ROWS = 731
LOOPBACK = replace(catalogue_settings(), connect=60.0, read=60.0, total=120.0, allow_loopback=True)


def on_loopback(source: Path, target: Path, web: PictureWeb) -> Path:
    """A copy of a file of products whose pictures lie on this machine."""
    rows = source.read_text()
    assert rows.count(HOST) == rows.count("://m.media-amazon.com")
    target.write_text(rows.replace(f'"{HOST}/', f'"{web.address("/")}'))
    return target


def test_every_row_becomes_a_product_with_a_picture_that_a_search_finds(
    realdata, tmp_path, tiny_clip
):
    photos = sorted((realdata / "beauty_small" / "images").glob("*.jpg"))
    home = tmp_path / "home"

    def answer(path: str) -> bytes:
        drawn = zlib.crc32(path.encode())
        if drawn % 10 == 0 and "_SL1500_" in path:  # the largest is missing: the next is tried
            return b""
        return photos[drawn % len(photos)].read_bytes()

    with PictureWeb(answer) as web:
        rows = realdata / "amazon_reviews_2023" / "meta_All_Beauty.sample.jsonl"
        source = on_loopback(rows, tmp_path / "meta_All_Beauty.jsonl", web)
        figures = load_products(home, source)
        assert figures["rows"] == figures["kept"] + sum(figures["dropped"].values()) == ROWS
        assert (figures["kept"], figures["new"], figures["dropped"]) == (ROWS, ROWS, {})
        figures = fetch_images(home, fetch_settings=LOOPBACK)
        assert (figures["stored"], figures["skipped"], figures["failed"]) == (ROWS, 0, {})
        requests = web.requests.total()
        assert ROWS < requests < 1.2 * ROWS  # the main picture of each, and the next of some
        assert fetch_images(home, fetch_settings=LOOPBACK)["skipped"] == ROWS
        assert web.requests.total() == requests
    variant = Variants(home).add("tiny", tiny_clip)
    assert embed_products(home, "tiny")["points"] == ROWS
    assert verify_collection(home, "tiny") == {"products": ROWS, "points": ROWS, "faults": {}}
    with Catalogue(home) as catalogue, open_store(home) as store:
        engine = Engine(variant, store)
        kept = {product.id: product for product in catalogue.products()}
        for entry in list(catalogue.entries())[::200]:
            seen = catalogue.pictures.open(entry.picture)
            found = engine.search(Query(picture=seen, vector="image")).results
            assert found[0].score > 0.999
            assert entry.picture in {each.product["picture"] for each in found}
        for chosen, count in [
            (Filters(categories=("Premium Beauty",)), 2),
            (Filters(categories=("All Beauty",), price_max=30), 10),
        ]:
            found = engine.search(Query(text="hair clip", filters=chosen)).results
            assert len(found) == count
            assert all(kept[each.id].category in chosen.categories for each in found)
            assert all((kept[each.id].price or 0) <= (chosen.price_max or 1000) for each in found)
