"""Who may send requests: API keys, the names the server answers to, and a rate for each client."""

import hashlib
import hmac
import math
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api import metrics
from api.problems import (
    FOREIGN_ORIGIN,
    TOO_MANY,
    UNAUTHORIZED,
    WRONG_HOST,
    ProblemError,
    id_of,
    respond,
)
from api.settings import Settings

BURST = 2.0  # seconds of the rate that a client may use at once
CLIENTS = 10_000  # whose rates are kept; of more, those that were away longest begin anew
# What needs no key: pages show pictures as they are, and probes have no keys.
OPEN = ("/health/", "/v1/pictures/", "/openapi.json")


class Access:
    """Middleware that refuses requests without a key, to another host, or beyond the rate.

    Without keys it also refuses those of foreign pages: a browser sends them forms to any address,
    and only keeps the answers back.

    Args:
        app: the application.
        settings: of the server.
        now: the time in seconds.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, now: Callable[[], float] = monotonic
    ) -> None:
        self._app = app
        self._hosts = settings.hosts
        self._origins = settings.origins
        self._keys = [_digest(key) for key in settings.keys]
        self._rates = Rates(settings.rate, now) if settings.rate else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http":
            try:
                self._check(scope)
            except ProblemError as error:
                request_id = id_of(Request(scope))
                response = respond(request_id, error.kind, error.detail, error.headers)
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if self._hosts and _name_in(headers.get("host", "")) not in self._hosts:
            # DNS rebinding: a page of a foreign site names this machine by its own name.
            raise ProblemError(
                WRONG_HOST,
                "Without API keys this server answers to localhost alone. VITRINE_PUBLIC_URL "
                "names the address that clients use, VITRINE_API_KEYS the keys.",
            )
        if scope["path"].startswith(OPEN):
            return
        if self._hosts and not self._is_known(headers.get("origin", "")):
            raise ProblemError(
                FOREIGN_ORIGIN,
                "Without API keys this server answers to pages of its own host alone. "
                "`--allow-origin` names others.",
            )
        client = scope["client"][0] if scope.get("client") else ""
        if self._keys:
            client = self._key_of(headers)
        if self._rates and (wait := self._rates.wait(client)):
            metrics.REFUSED.labels("rate").inc()
            raise ProblemError(
                TOO_MANY,
                f"The next request is answered in {wait} s.",
                {"Retry-After": str(wait)},
            )

    def _is_known(self, origin: str) -> bool:
        """Whether a page of an origin may send requests; what is no page names none."""
        if not origin or "*" in self._origins or origin in self._origins:
            return True
        return _name_in(origin.partition("://")[2]) in self._hosts

    def _key_of(self, headers: Headers) -> str:
        """The digest of a request's key.

        Raises:
            ProblemError: it has none, or one that is not valid.
        """
        scheme, _, token = headers.get("authorization", "").partition(" ")
        sent = token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        digest = _digest(sent)
        # every key is compared, in constant time
        if not sum(hmac.compare_digest(digest, key) for key in self._keys):
            metrics.REFUSED.labels("key").inc()
            raise ProblemError(
                UNAUTHORIZED,
                "Send one of the server's keys as `Authorization: Bearer KEY` or `X-API-Key: KEY`.",
                {"WWW-Authenticate": "Bearer"},
            )
        return digest


class Rates:
    """A token bucket for each client.

    Args:
        rate: requests a second.
        now: the time in seconds.
    """

    def __init__(self, rate: float, now: Callable[[], float] = monotonic) -> None:
        self._rate = rate
        self._most = max(1.0, rate * BURST)
        self._now = now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, and when

    def wait(self, client: str) -> int:
        """Whole seconds until a request may come; 0 where it may now, which is then counted."""
        now = self._now()
        tokens, before = self._left.pop(client, (self._most, now))
        tokens = min(self._most, tokens + (now - before) * self._rate)
        allowed = tokens >= 1
        self._left[client] = (tokens - allowed, now)
        if len(self._left) > CLIENTS:
            self._left.popitem(last=False)
        return 0 if allowed else math.ceil((1 - tokens) / self._rate)


def _digest(key: str) -> str:
    """A key as it is compared: all digests have one length, and none is a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def _name_in(host: str) -> str:
    """The name of a host with or without a port."""
    host = host.lower()
    return host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
