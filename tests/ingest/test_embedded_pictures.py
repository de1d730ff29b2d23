"""Pictures that a feed itself contains, through the jobs of products and images."""

import base64
import hashlib
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from catalog.catalogue import Catalogue
from catalog.product import Product
from ingest.images import fetch_images
from ingest.products import load_products
from tests import shop
from tests.ingest.commands import run_here
from tests.pictures.encoding import encoded


def picture(colour: str) -> bytes:
    return encoded(shop.draw(f"kettle-{colour}"), "PNG")


def data_address(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


def stored(home: Path) -> list[Path]:
    return list((home / "images").rglob("*.jpg"))


def embedded(home: Path) -> list[Path]:
    return [path for path in (home / "embedded").rglob("*") if path.is_file()]


def test_pictures_that_a_feed_contains_are_kept_as_content_and_stored(tmp_path):
    rows = [
        {"id": "cell", "title": "t", "image": picture("teal")},
        {"id": "struct", "title": "t", "image": {"bytes": picture("teal"), "path": "1.jpg"}},
        {"id": "broken", "title": "t", "image": b"\xff\x00 no picture"},
    ]
    for row in rows:
        source = tmp_path / "source" / f"{row['id']}.parquet"
        source.parent.mkdir(exist_ok=True)
        parquet.write_table(pa.Table.from_pylist([row]), source)
        assert run_here(tmp_path, "products", source).status == 0
    source = shop.write_source(
        tmp_path / "source", [{"id": "data", "title": "t", "image": data_address(picture("teal"))}]
    )
    assert run_here(tmp_path, "products", source).status == 0
    address = "embedded:" + hashlib.sha256(picture("teal")).hexdigest()
    with Catalogue(tmp_path) as catalogue:
        found = {product.id: product.images for product in catalogue.products()}
    assert found["cell"] == found["struct"] == found["data"] == (address,)
    figures = fetch_images(tmp_path)
    assert (figures["stored"], figures["failed"]) == (3, {"not a picture": 1})
    assert figures["identical"] == 2
    assert len(stored(tmp_path)) == 1


def test_pruning_deletes_embedded_pictures_that_no_product_names(tmp_path):
    def feed(colour):
        row = {"id": "1", "title": "t", "image": data_address(picture(colour))}
        return shop.write_source(tmp_path / "source", [row])

    load_products(tmp_path, feed("teal"))
    fetch_images(tmp_path)
    [first] = embedded(tmp_path)
    load_products(tmp_path, feed("olive"))
    assert len(embedded(tmp_path)) == 2
    assert fetch_images(tmp_path, prune=True)["stored"] == 1
    [second] = embedded(tmp_path)
    assert second != first
    assert len(stored(tmp_path)) == 1


def test_data_addresses_in_the_rows_of_an_earlier_version_are_still_read(tmp_path):
    with Catalogue(tmp_path) as catalogue:
        catalogue.upsert(
            [
                Product("1", "t", images=(data_address(picture("teal")),)),
                Product("2", "t", images=("outside:/a",)),
            ]
        )
    assert fetch_images(tmp_path)["failed"] == {"refused path": 1}
    assert len(stored(tmp_path)) == 1
