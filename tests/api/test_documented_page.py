"""The page of docs/api.md in a real browser, served from another origin than the API."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from api.settings import Settings
from search.shop import open_shop
from tests.api.conftest import running
from tests.app.browser_parts import expect
from tests.app.conftest import browser  # noqa: F401 - the fixture

DOCUMENT = Path(__file__).parents[2] / "docs/api.md"


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files, and writes no log."""

    def log_message(self, *_):
        """Write nothing."""


@pytest.fixture(scope="module")
def shown(browser, home, tmp_path_factory):  # noqa: F811
    """The page, open in a browser."""
    folder = tmp_path_factory.mktemp("page")
    handler = partial(QuietHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as pages:
        thread = threading.Thread(target=pages.serve_forever)
        thread.start()
        origin = f"http://127.0.0.1:{pages.server_port}"
        with running(open_shop(home), Settings(origins=(origin,))) as address:
            _, _, rest = DOCUMENT.read_text().partition("```html\n")
            page = rest.partition("```")[0].replace("http://localhost:8000", address)
            (folder / "index.html").write_text(page)
            context = browser.new_context(base_url=origin)
            opened = context.new_page()
            opened.goto("/")
            yield opened
            context.close()
        pages.shutdown()
        thread.join()


def test_the_page_shows_products_with_their_pictures_while_one_types(shown):
    field, items = shown.get_by_label("Search"), shown.locator("li")
    expect(items).to_have_count(12)  # before anything is typed
    field.press_sequentially("teal kettle")
    expect(items.first).to_have_text("teal kettle")
    picture = items.first.locator("img")
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("picture => picture.naturalWidth") == 64


def test_an_overtaken_search_is_aborted_and_its_answer_not_shown(shown):
    held, failed = [], []

    def hold(route):
        if "navy kettle" in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    shown.on("requestfailed", lambda request: failed.append(request.failure))
    shown.route("**/v1/search", hold)
    with shown.expect_request("**/v1/search"):
        shown.get_by_label("Search").fill("navy kettle")
    shown.get_by_label("Search").fill("olive kettle")
    expect(shown.locator("li").first).to_have_text("olive kettle")
    assert failed == ["net::ERR_ABORTED"]
    assert len(held) == 1
    shown.unroute_all(behavior="ignoreErrors")


def test_titles_and_errors_are_text_and_no_markup(shown):
    product = {"title": "<b>kettle</b>", "image_url": ""}
    answers = {
        "a": {"results": [{"product": product}], "nothing_fits": True},
        "b": {"detail": "No <b>words</b>."},
    }

    shown.evaluate(
        """answers => {
            window.fetch = async (_, { body }) =>
                ({ json: async () => answers[JSON.parse(body).text] });
        }""",
        answers,
    )
    shown.get_by_label("Search").fill("a")
    expect(shown.locator("li")).to_have_text("<b>kettle</b>")
    expect(shown.get_by_role("status")).to_have_text("Probably nothing here fits.")
    shown.get_by_label("Search").fill("b")
    expect(shown.get_by_role("status")).to_have_text("")
    expect(shown.locator("ul")).to_have_text("No <b>words</b>.")
    expect(shown.locator("ul *")).to_have_count(0)
