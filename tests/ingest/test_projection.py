"""What a point's payload holds."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from catalog.catalogue import Catalogue
from catalog.ledger import PictureOutcome, picture_stamp
from catalog.product import Product
from ingest.kept_vectors import KeptVectors
from ingest.projection import Projection
from pictures.store import StoredPicture
from qdrant.vector_files import VectorFiles, vector_key
from qdrant.word_settings import WordSettings

PICTURE = StoredPicture("ab" * 32, 300, 224, 9999)
VARIANT = SimpleNamespace(
    template=SimpleNamespace(product_text=lambda product, summary: product.title)
)


def payload_of(
    folder: Path,
    images: tuple[str, ...],
    address: str,
    *,
    embedded: bool = True,
    public_url: str = "",
):
    """The payload of a product whose picture came from an address."""
    product = Product("1", "mug", "Cups", images=images)
    with Catalogue(folder) as catalogue, VectorFiles(folder / "vectors", 2) as vector_files:
        catalogue.upsert([product])
        stamp = picture_stamp(product)
        catalogue.record_pictures([PictureOutcome.stored(product, address, PICTURE, stamp)])
        if embedded:
            key = vector_key("image", PICTURE.hash)
            vector_files.append([key], np.array([[1, 0]], np.float32))
        [[planned]] = Projection(
            catalogue,
            VARIANT,
            KeptVectors(vector_files, vector_files),
            WordSettings(),
            public_url,
        ).windows()
    return planned.payload


@pytest.mark.parametrize(
    "address",
    [
        "https://shop.example/a.jpg",
        "http://shop.example/b.WEBP?width=300",
        "https://x.example/c.svg",
    ],
)
def test_a_payload_holds_the_web_address_of_its_picture_as_the_dashboard_shows_it(
    tmp_path, address
):
    payload = payload_of(tmp_path, ("https://shop.example/gone", address), address)
    assert payload["image_url"] == address
    assert payload["picture"] == PICTURE.hash


@pytest.mark.parametrize(
    "address",
    ["/products/a.jpg", "https://shop.example/a?format=.jpg", "data:image/png;base64,AA.png"],
)
def test_other_addresses_are_left_out(tmp_path, address):
    assert "image_url" not in payload_of(tmp_path, (address,), address)


def test_a_picture_without_a_vector_has_no_address(tmp_path):
    address = "https://shop.example/a.jpg"
    payload = payload_of(tmp_path, (address,), address, embedded=False)
    assert not {"image_url", "picture"} & payload.keys()


def test_with_a_public_url_every_picture_is_shown_from_the_api(tmp_path):
    path = "/products/a.tiff"
    payload = payload_of(tmp_path, (path,), path, public_url="https://api.shop.example/v")
    assert payload["image_url"] == (f"https://api.shop.example/v/v1/pictures/{PICTURE.hash}.webp")
    other = tmp_path / "other"
    address = "https://shop.example/a.jpg"
    bare = payload_of(other, (address,), address, embedded=False, public_url="https://x.example")
    assert "image_url" not in bare


def test_a_payload_holds_the_facts_that_are_known_and_the_attributes_to_filter_by(tmp_path):
    mug = Product(
        "1",
        "mug",
        price=0.0,
        currency="EUR",
        list_price=7.5,
        sku="M-1",
        gtin="04006381333931",
        in_stock=False,
        released="2025-02-28",
        parent="mugs",
        categories=(("Kitchen", "Cups", "Mugs"), ("Gifts",), ("Kitchen", "Mugs")),
        attributes={"Colour": "red", "Weight": 0.25, "Washable": True, "Code": "M1"},
    )
    other = Product("2", "cup", attributes={"Colour": "blue", "Weight": 3.0, "Washable": False})
    with Catalogue(tmp_path) as catalogue, VectorFiles(tmp_path / "vectors", 2) as vector_files:
        catalogue.upsert([mug, other])
        kept = KeptVectors(vector_files, vector_files)
        [[first, second]] = Projection(catalogue, VARIANT, kept, WordSettings()).windows()
    payload = first.payload
    assert payload.pop("content") == first.content
    assert payload == {
        "id": "1",
        "title": "mug",
        "category": "Kitchen",
        "categories": [
            "Kitchen", "Cups", "Mugs", "Gifts",
            "Kitchen > Cups", "Kitchen > Cups > Mugs", "Kitchen > Mugs",
        ],
        "price": 0.0,
        "list_price": 7.5,
        "currency": "EUR",
        "in_stock": False,
        "sku": "M-1",
        "gtin": "04006381333931",
        "parent": "mugs",
        "released": "2025-02-28",
        "attributes": [
            {"name": "Colour", "value": "red"},
            {"name": "Weight", "value": "0.25", "number": 0.25},
            {"name": "Washable", "value": "yes"},
        ],
        "facets": ["Colour\tred", "Weight\t0.25", "Washable\tyes"],
    }  # fmt: skip
    assert second.payload.keys() == {"id", "title", "attributes", "facets", "content"}
