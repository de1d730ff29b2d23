"""The document that a browser loads first."""

from pathlib import Path

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import FileResponse, PlainTextResponse
from starlette.routing import Route
from streamlit.file_util import get_static_dir

from app.first_view import FirstView

INDEX = Path(get_static_dir()) / "index.html"
BROWSER = {"Accept": "text/html,*/*;q=0.8", "Accept-Encoding": "gzip"}


@pytest.fixture
def fetch():
    """Fetches a path from a server with Streamlit's document."""
    server = Starlette(
        routes=[
            Route("/", lambda _: FileResponse(INDEX)),
            Route("/health", lambda _: PlainTextResponse("ok")),
        ]
    )

    def fetch(path, **headers):
        async def get():
            transport = httpx.ASGITransport(FirstView(server))
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.get(path, headers={**BROWSER, **headers})

        return anyio.run(get)

    return fetch


def test_the_document_has_style_first_view_and_scripts_after_those_of_streamlit(fetch):
    document = fetch("/").text
    parts = ('<div id="root">', "<style>", '<div id="first-view"', "</script></body>")
    places = [document.index(part) for part in parts]
    assert places == sorted(places)
    assert "<title>Vitrine</title>" in document


def test_a_document_of_an_earlier_version_is_not_taken_from_the_browsers_cache(fetch):
    first = fetch("/")
    assert "etag" not in first.headers
    etag = FileResponse(INDEX, stat_result=INDEX.stat()).headers["etag"]
    assert fetch("/", **{"If-None-Match": etag}).text == first.text


def test_the_length_is_that_of_the_whole_document(fetch):
    answer = fetch("/")
    assert int(answer.headers["content-length"]) == len(answer.content) > INDEX.stat().st_size


def test_other_answers_stay_as_they_are(fetch):
    assert fetch("/health").text == "ok"
    assert fetch("/missing").status_code == 404
    assert fetch("/", Accept="*/*").content == INDEX.read_bytes()
