"""Request ids, metrics, and one line of the log for each request."""

import logging
import re
import uuid
from time import perf_counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import metrics

log = logging.getLogger("vitrine.api")

HEADER = "X-Request-Id"
# A client's own id, which must be fit for a header and a log.
ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
UNKNOWN = "none"  # the route of an address that there is not


def start_log() -> None:
    """Write a line for each request to stderr; of other modules, what is wrong alone."""
    logging.basicConfig(format="%(asctime)s %(message)s")
    log.setLevel(logging.INFO)


class Observer:
    """Middleware around all routes.

    The log has a request's method, route by name, status, time and id: neither its address, which
    may have words that a person searched for, nor its body or its key.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = Headers(scope=scope).get(HEADER, "")
        request_id = sent if ID.fullmatch(sent) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        started = perf_counter()
        status = 500  # where the application raises, its error is answered outside of this

        async def respond(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        try:
            await self._app(scope, receive, respond)
        finally:
            seconds = perf_counter() - started
            route = getattr(scope.get("endpoint"), "__name__", UNKNOWN)
            method = scope["method"] if route != UNKNOWN else UNKNOWN
            metrics.REQUESTS.labels(route, method, str(status)).inc()
            metrics.LATENCY.labels(route).observe(seconds)
            log.info("%s %s %d %.1f ms %s", method, route, status, seconds * 1000, request_id)
