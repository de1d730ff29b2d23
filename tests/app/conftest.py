"""A shop with untrusted texts and broken pictures, and its page."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.cards import TITLE
from app.escaping import shorten
from search.query import Query
from search.service import SearchService
from tests import shop

MAIN = Path(__file__).parents[2] / "app" / "main.py"

MARKUP = "**b** [l](http://evil.test) <b>x</b> :red[r] www.evil.test $a$ :smile: # <img src=x>"

HOSTILE = [
    {
        "id": "markup",
        "title": MARKUP,
        "brand": MARKUP,
        "category": "<i>Odd</i>",
        "price": 1,
        "link": "javascript:alert(1)",
        "image": "crimson.png",
    },
    {"id": "long/ü?&#", "title": "long " * 400, "category": "<i>Odd</i>", "image": "teal.png"},
    {"id": "bare", "title": "coral kettle", "category": "Appliances"},
    {"id": "torn", "title": "torn kettle", "category": "Appliances", "image": "torn.jpg"},
]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_clip: Path) -> Path:
    """Twelve products with links, and some with markup, hostile links or broken pictures."""
    folder = tmp_path_factory.mktemp("shop")
    linked = [row | {"link": f"https://shop.test/{row['id']}"} for row in shop.rows()]
    (folder / "source").mkdir()
    (folder / "source" / "torn.jpg").write_bytes(b"<html>Not found</html>")
    return shop.build(folder, tiny_clip, linked + HOSTILE)


@pytest.fixture(autouse=True)
def _no_unexpected_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A page's last resort hides no error from the tests; one that expects it clears `caplog`."""
    yield
    assert not [record.exc_text for record in caplog.get_records("call") if record.exc_info]


@pytest.fixture
def open_page(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Opens the page at an address: `open_page(q="coral", category=["Beauty"])`."""

    def opened(folder: Path = home, **parameters: str | list[str]) -> AppTest:
        monkeypatch.setenv("VITRINE_HOME", str(folder))
        page = AppTest.from_file(str(MAIN), default_timeout=60)
        for name, value in parameters.items():
            page.query_params[name] = value
        return page.run()

    return opened


@pytest.fixture(scope="session")
def found_by(home: Path) -> Iterator[Callable[[Query], list[str]]]:
    """The titles that the engine itself finds, as cards show them."""
    with SearchService(home) as service:
        engine = service.engine("tiny")

        def found(query: Query) -> list[str]:
            results = engine.search(query)
            both = [*results.results, *results.without_picture]
            return [shorten(result.product["title"], TITLE) for result in both]

        yield found
