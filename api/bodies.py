"""Limits on the bodies of requests: bytes of each and of all together, and time to arrive."""

import asyncio
from time import monotonic

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import TIMEOUT, TOO_LARGE, ProblemError
from pictures.limit import Busy

LARGEST = 16 * 2**20  # bytes: a phone's photo, also as a data: address, which takes a third more
LARGEST_TOGETHER = 256 * 2**20  # bytes of the bodies that are in memory at once
SECONDS = 30.0  # for a whole body, so that slow clients do not keep memory: 16 MiB at 4.5 Mbit/s
# What is left of a body that is refused is not read.
CLOSE = {"Connection": "close"}


class BodyLimits:
    """Middleware that ends a request whose body exceeds a limit.

    Args:
        app: the application.
        seconds: for a whole body.
        together: bytes of the bodies that are in memory at once.
    """

    def __init__(
        self, app: ASGIApp, seconds: float = SECONDS, together: int = LARGEST_TOGETHER
    ) -> None:
        self._app = app
        self._seconds = seconds
        self._together = together
        self._bytes = 0  # of the bodies of requests under way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        size = 0
        more = True
        ends = monotonic() + self._seconds

        async def limited() -> Message:
            nonlocal size, more
            if not more:  # what is awaited is the client's leaving
                return await receive()
            if announced.isdecimal() and int(announced) > LARGEST:
                raise _too_large()
            try:
                async with asyncio.timeout(ends - monotonic()):
                    message = await receive()
            except TimeoutError:
                raise ProblemError(
                    TIMEOUT, f"The body did not arrive within {self._seconds:g} seconds.", CLOSE
                ) from None
            more = message.get("more_body", False)
            arrived = len(message.get("body", b""))
            size += arrived
            self._bytes += arrived
            if size > LARGEST:
                raise _too_large()
            if self._bytes > self._together:
                raise Busy("Too many pictures arrive at once; try again in a moment.")
            return message

        try:
            await self._app(scope, limited, send)
        finally:
            self._bytes -= size


def _too_large() -> ProblemError:
    return ProblemError(
        TOO_LARGE, f"The body is larger than {LARGEST // 2**20} MiB: send a smaller picture.", CLOSE
    )
