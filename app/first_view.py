"""The document that a browser loads first: with the page's style, scripts and first view.

Streamlit's own document is empty until its scripts are there, and gets a style as an element of
the page only after other elements are shown, which it then moves.
"""

from functools import lru_cache
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

FOLDER = Path(__file__).parent
# After the styles of Streamlit's elements, which are in the head: the last of equal rules counts.
STYLES = ("first_view.css", "page.css")
SCRIPTS = ("first_view.js", "page.js")
VIEW = "first_view.html"
TITLE = "Vitrine"

# Headers of a request by which the document would come packed, in part, or not at all.
NOT_PASSED = frozenset({b"accept-encoding", b"range", b"if-none-match", b"if-modified-since"})
# Headers of the answer that are of Streamlit's file.
OF_THE_FILE = frozenset({b"content-length", b"etag", b"last-modified", b"accept-ranges"})


class FirstView:
    """ASGI middleware that completes each document of Streamlit's.

    Args:
        app: Streamlit's server.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; only those of a browser for a document are changed."""
        headers = scope.get("headers", [])
        if scope["type"] != "http" or b"text/html" not in dict(headers).get(b"accept", b""):
            await self._app(scope, receive, send)
            return
        passed = [(name, value) for name, value in headers if name not in NOT_PASSED]
        await self._app({**scope, "headers": passed}, receive, _Document(send))


class _Document:
    """Passes an answer on; of a document once all of it is there.

    Args:
        send: to the browser.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_document(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        body = complete(self._body)
        headers = [each for each in start["headers"] if each[0].lower() not in OF_THE_FILE]
        headers.append((b"content-length", str(len(body)).encode()))
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def _is_document(start: Message) -> bool:
    kind = dict(start["headers"]).get(b"content-type", b"")
    return start["status"] == 200 and kind.startswith(b"text/html")


@lru_cache(maxsize=1)
def complete(document: bytes) -> bytes:
    """Streamlit's document with the page's own style, first view, scripts and title."""
    styles, scripts = ("".join(map(_read, names)) for names in (STYLES, SCRIPTS))
    added = f"<style>{styles}</style>{_read(VIEW)}<script>{scripts}</script></body>"
    titled = document.decode().replace("<title>Streamlit</title>", f"<title>{TITLE}</title>")
    return titled.replace("</body>", added).encode()


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
