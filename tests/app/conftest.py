"""A shop with untrusted texts and broken pictures, and its page."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.cards import TITLE
from app.escaping import shorten
from catalog.catalogue import Catalogue
from encoder.variants import Variants
from ingest.images import fetch_images
from ingest.products import load_products
from ingest.vectors import embed_products
from search.query import Query
from search.shop import open_shop
from tests import shop
from tests.app.page_server import serve

MAIN = Path(__file__).parents[2] / "app" / "main.py"

ODD = "<i>Odd</i>"
MARKUP = "**b** [l](http://evil.test) <b>x</b> :red[r] www.evil.test $a$ :smile: # <img src=x>"

HOSTILE = [
    {
        "id": "markup",
        "title": MARKUP,
        "brand": MARKUP,
        "category": "Odd",
        "price": 1,
        "link": "javascript:alert(1)",
        "image": "crimson.png",
    },
    {"id": "long/ü?&#", "title": "long " * 400, "category": "Odd", "image": "teal.png"},
    {"id": "bare", "title": "coral kettle", "category": "Appliances"},
    {"id": "torn", "title": "torn kettle", "category": "Appliances", "image": "torn.jpg"},
]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_clip: Path) -> Path:
    """Twelve products with attributes; others with markup, hostile links or broken pictures."""
    folder = tmp_path_factory.mktemp("shop")
    linked = [
        row
        | {
            "link": f"https://shop.test/{row['id']}",
            "category": f"{row['category']} > {row['id'].split('-')[0].title()}s",
            "in_stock": number % 4 > 0,
            "attributes": {"colour": row["id"].split("-")[1], "Weight": number / 4},
        }
        for number, row in enumerate(shop.rows())
    ]
    (folder / "source").mkdir()
    (folder / "source" / "torn.jpg").write_bytes(b"<html>Not found</html>")
    Variants(folder).add("tiny", tiny_clip)
    load_products(folder, shop.write_source(folder / "source", linked + HOSTILE))
    _store_markup(folder)
    fetch_images(folder)
    embed_products(folder, "tiny")
    return folder


def _store_markup(home: Path) -> None:
    """Store markup as a catalogue's text: of a feed, only the text within the markup is read."""
    with Catalogue(home) as catalogue:
        odd = [
            replace(product, category=ODD, categories=((ODD,),))
            for product in catalogue.products(category="Odd")
        ]
        catalogue.upsert(
            replace(product, title=MARKUP, brand=MARKUP) if product.id == "markup" else product
            for product in odd
        )


@pytest.fixture(autouse=True)
def _no_unexpected_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A page's last resort hides no error from the tests; one that expects it clears `caplog`."""
    yield
    assert not [record.exc_text for record in caplog.get_records("call") if record.exc_info]


@pytest.fixture
def open_page(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Opens the page at an address: `open_page(q="coral", category=["Beauty"])`."""

    def opened(
        folder: Path = home, *, audience: str = "operator", **parameters: str | list[str]
    ) -> AppTest:
        monkeypatch.setenv("VITRINE_HOME", str(folder))
        monkeypatch.setenv("VITRINE_AUDIENCE", audience)
        page = AppTest.from_file(str(MAIN), default_timeout=600)
        for name, value in parameters.items():
            page.query_params[name] = value
        return page.run()

    return opened


@pytest.fixture(scope="session")
def found_by(home: Path) -> Iterator[Callable[[Query], list[str]]]:
    """The titles that the engine itself finds, as cards show them."""
    with open_shop(home) as opened:
        engine = opened.engine("tiny")

        def found(query: Query) -> list[str]:
            results = engine.search(query)
            both = [*results.results, *results.without_picture]
            return [shorten(result.product["title"], TITLE) for result in both]

        yield found


@pytest.fixture(scope="session")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page's address; the server runs in another folder than the checkout."""
    folder = tmp_path_factory.mktemp("elsewhere")
    with serve(home, folder, "vitrine", "app", "--host", "127.0.0.1", "--port", "PORT") as server:
        yield server.address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; of a module, since its event loop would be in the way of other tests."""
    from tests.app import browser_parts

    if browser_parts.CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    browser_parts.expect.set_options(timeout=browser_parts.TIMEOUT)
    with browser_parts.playwright.sync_playwright() as engine:
        chromium = engine.chromium.launch(
            executable_path=browser_parts.CHROMIUM, args=list(browser_parts.QUIET)
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def context(browser: Any, server: str) -> Iterator[Any]:
    """One cache of the browser: to load Streamlit's scripts is most of a page's time."""
    from tests.app.browser_parts import DESKTOP, TIMEOUT

    width, height = DESKTOP
    context = browser.new_context(
        base_url=server, viewport={"width": width, "height": height}, reduced_motion="reduce"
    )
    context.set_default_timeout(TIMEOUT)
    yield context
    context.close()


@pytest.fixture
def page(context: Any) -> Iterator[Any]:
    """A page of the browser, with no address yet."""
    page = context.new_page()
    yield page
    if page.url.startswith("http"):
        page.evaluate("localStorage.clear()")  # such as that the side bar was closed
    page.close()


@pytest.fixture
def home_with_queries(home_copy: Path) -> Path:
    """A copy of the shop with a file of queries: words, a picture, and words without grades."""
    folder = home_copy / "queries"
    folder.mkdir()
    shop.draw("kettle-teal").save(folder / "photo.png")
    rows = [
        {"id": "a", "text": "teal kettle", "relevant": {"kettle-teal": 2, "kettle-navy": 1}},
        {"id": "b", "image": "photo.png"},
        {"id": "c", "text": "navy"},
    ]
    (folder / "some.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return home_copy
