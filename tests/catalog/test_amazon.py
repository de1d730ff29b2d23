import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from catalog import CatalogError
from catalog.product import Product
from catalog.readers import read_products

ROWS = [
    {
        "parent_asin": f"B{n:09}",
        "title": f"Shampoo {n}",
        "store": None,
        "price": "from $12.50",
        "details": json.dumps({"Brand": "Suds"}),
        "images": [
            {"variant": "PT01", "hi_res": "https://a.example/pt-hi.jpg", "thumb": None},
            {
                "variant": "MAIN",
                "hi_res": None,
                "large": "https://a.example/main-large.jpg",
                "thumb": "https://a.example/main-thumb.jpg",
            },
        ],
    }
    for n in range(3000)
]
BODY = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)


class Hub(BaseHTTPRequestHandler):
    """Serves the metadata of All_Beauty, and breaks off once in the middle."""

    broken = False
    log: ClassVar[list[str | None]] = []

    def do_GET(self):
        if not self.path.endswith("raw/meta_categories/meta_All_Beauty.jsonl"):
            self.send_error(404)
            return
        asked = self.headers["Range"]
        self.log.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(BODY) - start))
        self.end_headers()
        end = len(BODY) if asked or not Hub.broken else len(BODY) // 2
        self.wfile.write(BODY[start:end])

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(monkeypatch):
    Hub.broken, Hub.log = False, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    monkeypatch.setattr(
        "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
        address + "/{repo_id}/resolve/{revision}/{filename}",
    )
    yield Hub
    server.shutdown()
    server.server_close()


def test_a_category_is_streamed_from_the_hub(hub):
    products = list(read_products(Path("amazon:All_Beauty"), category="Beauty"))
    assert len(products) == len(ROWS)
    first = products[0]
    assert isinstance(first, Product)
    assert (first.id, first.category, first.brand, first.price) == (
        "B000000000",
        "Beauty",
        "Suds",
        12.5,
    )
    assert first.link == "https://www.amazon.com/dp/B000000000"


def test_the_main_picture_comes_first_in_each_of_its_sizes_then_the_others(hub):
    first = next(iter(read_products(Path("amazon:All_Beauty"))))
    assert [address.rpartition("/")[2] for address in first.images] == [
        "main-large.jpg",
        "main-thumb.jpg",
        "pt-hi.jpg",
    ]


def test_a_broken_connection_is_resumed_where_it_broke(hub):
    hub.broken = True
    products = list(read_products(Path("amazon:All_Beauty")))
    assert [product.id for product in products] == [row["parent_asin"] for row in ROWS]
    first, second = hub.log
    assert first is None
    assert 0 < int(second.removeprefix("bytes=").removesuffix("-")) <= len(BODY) // 2


def test_an_unknown_category_is_named(hub):
    with pytest.raises(CatalogError, match="no category 'All_Beuaty'"):
        read_products(Path("amazon:All_Beuaty"))


def test_a_hub_that_cannot_be_reached_is_an_error_with_a_remedy(monkeypatch):
    monkeypatch.setattr(
        "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
        "http://127.0.0.1:9/{repo_id}/{revision}/{filename}",
    )
    with pytest.raises(CatalogError, match=r"cannot be reached.*download meta_All_Beauty"):
        read_products(Path("amazon:All_Beauty"))
