"""Products, variants and pictures over HTTP."""

import io
from urllib.parse import quote

import pytest
from PIL import Image
from starlette.testclient import TestClient

from api.application import make_application
from api.settings import Settings
from search.shop import open_shop
from tests.api.conftest import ODD_ID


def test_a_product_has_its_description_and_all_its_attributes(client):
    product = client.get("/v1/products/kettle-teal").json()
    assert product["title"] == "teal kettle"
    assert product["description"] == "A kettle in teal."
    assert product["details"] == {"Colour": "teal", "Weight": 1.75}
    assert product["in_stock"] is True
    assert product["price"] == 80


def test_an_id_may_hold_any_characters(client):
    address = f"/v1/products/{quote(ODD_ID, safe='')}"
    product = client.get(address).json()
    assert (product["id"], product["image_url"]) == (ODD_ID, "")
    assert client.get(f"{address}/similar").json()["results"]


def test_similar_products_are_those_of_a_search_for_products_like_it(client):
    found = client.get("/v1/products/kettle-teal/similar", params={"k": 4}).json()
    same = client.post("/v1/search", json={"like": ["kettle-teal"], "k": 4}).json()
    assert found["results"] == same["results"]
    assert "kettle-teal" not in {each["id"] for each in found["results"]}
    assert found["next_offset"] == 4
    narrowed = client.get(
        "/v1/products/kettle-teal/similar", params={"where": ["colour=coral"], "fold": "false"}
    ).json()
    assert {each["id"] for each in narrowed["results"]} == {"kettle-coral", "lipstick-coral"}


@pytest.mark.parametrize("address", ["/v1/products/gone", "/v1/products/gone/similar"])
def test_a_product_that_is_missing_is_not_found(client, address):
    answer = client.get(address)
    assert answer.status_code == 404
    assert answer.json()["detail"] == "There is no product with the id “gone” in this shop."


def test_variants_have_their_collection(client):
    [variant] = client.get("/v1/variants").json()["variants"]
    assert (variant["name"], variant["default"], variant["products"]) == ("tiny", True, 13)
    assert variant["vectors"] == ["image", "text", "fused"]
    assert variant["problem"] == ""


def test_a_picture_is_webp_of_a_chosen_width_that_is_kept_for_ever(client):
    address = client.get("/v1/products/kettle-teal").json()["image_url"]
    whole = client.get(address)
    assert whole.headers["content-type"] == "image/webp"
    assert whole.headers["cache-control"] == "public, max-age=31536000, immutable"
    with Image.open(io.BytesIO(whole.content)) as image:
        assert (image.format, image.size) == ("WEBP", (64, 64))
        red, green, blue = image.convert("RGB").getpixel((32, 32))
    assert max(red, abs(green - 128), abs(blue - 128)) < 20
    again = client.get(address, headers={"If-None-Match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(address, params={"width": 80}).headers["etag"] != whole.headers["etag"]
    assert client.get(address, params={"width": 81}).status_code == 422


@pytest.mark.parametrize(
    ("name", "status"), [("0" * 64, 404), ("0" * 63, 422), ("..%2f..%2fcatalog.sqlite", 404)]
)
def test_a_picture_that_is_missing_is_not_found(client, name, status):
    assert client.get(f"/v1/pictures/{name}.webp").status_code == status


def test_addresses_of_pictures_begin_with_the_public_url(home):
    settings = Settings.read({"VITRINE_PUBLIC_URL": "https://api.shop.test/search/"})
    app = make_application(open_shop(home), settings)
    with TestClient(app, base_url="https://api.shop.test") as client:
        address = client.get("/v1/products/kettle-teal").json()["image_url"]
    assert address.startswith("https://api.shop.test/search/v1/pictures/")
