"""What the routes share: the open shop, the threads that serve it, and its searches."""

import threading
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Annotated

from fastapi import Depends, Request

from api import metrics
from api.problems import INVALID, UNREADY, UNREADY_SECONDS, ProblemError
from api.renditions import Renditions
from api.search_queue import Answered, SearchQueue
from api.settings import Settings
from api.threads import Threads
from pictures.decode_workers import AT_ONCE
from search.engine import Engine
from search.query import Query
from search.redaction import redact
from search.shop import Shop, VariantStatus
from vitrine import Closing, VitrineError, default_variant

THREADS = 4  # for what is neither a search nor a picture of one; the store answers one at a time
RENDITIONS = 2  # for pictures of products, which take only a processor
WAITING = 256  # calls that may wait for one of them
LOOK_UP_SECONDS = 5.0  # on a server each look at all collections is a request
NO_VARIANT = "This shop has no variant yet."


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether searches can be answered at once.

    Attributes:
        variant: that is searched where none is named; empty where there is none.
        problem: why they cannot; empty where they can.
    """

    variant: str
    problem: str


class Service(Closing):
    """Serves one shop from one event loop.

    Args:
        shop: closed with the service.
        settings: of the server.
    """

    def __init__(self, shop: Shop, settings: Settings) -> None:
        self.shop = shop
        self.settings = settings
        self.queue = SearchQueue(self.engine)
        self.threads = Threads("call", THREADS, WAITING)
        # A thread for each picture that may be fetched or decoded at once; more are refused there.
        self.picture_threads = Threads("picture", AT_ONCE, 0)
        # Pictures need no key: requests for many of them delay no other call and no probe.
        self.rendition_threads = Threads("rendition", RENDITIONS, WAITING)
        self.renditions = Renditions(shop.home)
        self._loading = threading.Lock()
        self._default: tuple[str, float] | None = None  # its name, and when it was looked up

    def close(self) -> None:
        """Wait for what is under way, then close the shop."""
        self.queue.close()
        self.threads.close()
        self.picture_threads.close()
        self.rendition_threads.close()
        self.shop.close()

    def engine(self, name: str) -> Engine:
        """The engine of the variant named, else of the default one.

        Raises:
            ProblemError: there is none of that name, or it cannot be searched.
        """
        name = name or self._default_name()
        try:
            return self.shop.engine(name)
        except VitrineError as error:
            names = [status.name for status in self.shop.statuses()]
            if name in names:
                raise _unready(redact(str(error))) from error
            raise ProblemError(
                INVALID, f"There is no variant “{name}”. Those there are: {', '.join(names)}."
            ) from None

    def _default_name(self) -> str:
        """The default variant; which one it is is looked up again every few seconds.

        Raises:
            ProblemError: there is none.
        """
        if self._default is None or monotonic() - self._default[1] > LOOK_UP_SECONDS:
            status = default_status(self.shop.statuses())
            if status is None or status.problem:
                raise _unready(redact(status.problem) if status else NO_VARIANT)
            self._default = (status.name, monotonic())
        return self._default[0]

    async def search(self, variant: str, query: Query) -> Answered:
        """Answer one search together with others.

        Args:
            variant: whose collection to search; empty is the default one.
            query: what to search for.

        Raises:
            VitrineError, ProblemError: it cannot be answered.
        """
        answered = await self.queue.search(variant, query)
        found = answered.results
        metrics.ENCODING.observe(found.encode_seconds)
        metrics.TEXTS.labels("miss").inc(found.encoded_texts)
        metrics.TEXTS.labels("hit").inc(found.cached_texts)
        metrics.STORE.observe(found.search_seconds)
        if found.confidence is not None:
            metrics.CONFIDENCE.observe(found.confidence)
        if found.nothing_fits:
            metrics.NOTHING_FITS.inc()
        return answered

    def readiness(self) -> Readiness:
        """Whether the default variant can be searched and its model is in memory."""
        status = default_status(self.shop.statuses())
        if status is None or status.problem:
            return Readiness("", redact(status.problem) if status else NO_VARIANT)
        with suppress(VitrineError):
            if self.shop.engine(status.name).loaded:
                return Readiness(status.name, "")
        self.load(status.name)
        return Readiness(status.name, f"The model of {status.name} is being loaded.")

    def load(self, variant: str) -> None:
        """Open a variant's collection and load its model in the background, one at a time."""
        if self._loading.acquire(blocking=False):
            threading.Thread(target=self._load, args=(variant,), daemon=True).start()

    def _load(self, variant: str) -> None:
        try:
            with suppress(VitrineError):  # the first search reports it
                self.shop.engine(variant).open()
            with suppress(VitrineError):  # the first search reports it
                self.shop.engine(variant).encoder.encode_texts(["a product"])
        finally:
            self._loading.release()


def default_status(statuses: list[VariantStatus]) -> VariantStatus | None:
    """The variant to search where none is named; None where there is none.

    Where the rule of the command lines requires a name, it is the first that can be searched.
    """
    by_name = {status.name: status for status in statuses}
    ready = [status.name for status in statuses if not status.problem]
    with suppress(VitrineError, KeyError):
        return by_name[default_variant(ready or list(by_name))]
    return by_name[ready[0]] if ready else next(iter(statuses), None)


def _unready(detail: str) -> ProblemError:
    return ProblemError(UNREADY, detail, {"Retry-After": str(UNREADY_SECONDS)})


async def service_of(request: Request) -> Service:
    """The service of the application that a request came to.

    A coroutine: FastAPI calls functions in a thread, which takes longer than this does.
    """
    service: Service = request.app.state.service
    return service


Served = Annotated[Service, Depends(service_of)]
