"""Requests whose client has gone away are cancelled, so that their searches leave the queue."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CLOSED = 499  # of the log and the metrics: nginx's status where the client closed the connection
WITHOUT_BODY = ("GET", "HEAD")


class Disconnects:
    """Middleware that cancels the work for a client that leaves before it is answered.

    Work that a thread has begun is done to its end; what still waits for one is dropped.

    Args:
        app: the application.
        prefix: of the paths of its routes.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix):
            await self._app(scope, receive, send)
            return
        work = asyncio.current_task()
        assert work is not None  # noqa: S101 - a server calls this in a task
        watch: asyncio.Task[None] | None = None
        answered = left = False

        async def wait() -> None:
            nonlocal left
            while (await receive())["type"] != "http.disconnect":
                pass
            if not answered:
                left = True
                work.cancel()

        async def watched() -> Message:
            nonlocal watch
            if watch is None:
                message = await receive()
                if message["type"] == "http.request" and not message.get("more_body"):
                    watch = asyncio.create_task(wait())
                return message
            await asyncio.shield(watch)
            return {"type": "http.disconnect"}

        async def respond(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.body" and not message.get("more_body"):
                answered = True
            await send(message)

        if scope["method"] in WITHOUT_BODY:
            watch = asyncio.create_task(wait())
        try:
            await self._app(scope, watched, respond)
        except asyncio.CancelledError:
            if not left:
                raise
            work.uncancel()
            # Nobody receives it; the observer counts it.
            await send({"type": "http.response.start", "status": CLOSED, "headers": []})
            await send({"type": "http.response.body"})
        finally:
            if watch:
                watch.cancel()
