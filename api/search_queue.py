"""Searches that wait for a thread are answered together.

A model encodes 16 texts in a fraction of the time of 16 calls, and the store answers a batch in one
request. A search that finds a free thread begins at once; those that arrive while all threads are
busy are one batch for the next thread that is free. So no search waits in order to be in a batch.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from api import metrics
from pictures.limit import Busy
from search.engine import Engine
from search.query import Query
from search.results import Results
from vitrine import VitrineError

BATCHES = 2  # at once: one is in the model while another is in the store
BATCH = 32  # searches in a batch; more make each wait longer and save little
WAITING = 256  # searches: some seconds of work on two cores


@dataclass(frozen=True, slots=True)
class Answered:
    """What a search found, and the engine that searched."""

    engine: Engine
    results: Results


@dataclass(frozen=True, slots=True)
class _Waiting:
    variant: str
    query: Query
    answer: "asyncio.Future[Answered]"


class SearchQueue:
    """Answers searches in batches; use it from one event loop alone.

    Args:
        engine: finds the engine of a variant by its name; called in the threads.
        waiting: searches that may wait.
        batch: searches that are answered together, at most.
    """

    def __init__(
        self, engine: Callable[[str], Engine], waiting: int = WAITING, batch: int = BATCH
    ) -> None:
        self._engine = engine
        self._most = waiting
        self._batch = batch
        self._waiting: deque[_Waiting] = deque()
        self._threads = ThreadPoolExecutor(BATCHES, thread_name_prefix="search")
        self._batches: set[asyncio.Task[None]] = set()

    async def search(self, variant: str, query: Query) -> Answered:
        """Answer one search; one that is cancelled while it waits is left out of its batch.

        Args:
            variant: whose collection to search.
            query: what to search for.

        Raises:
            Busy: too many searches wait.
            VitrineError: the query cannot be answered.
            Exception: the engine cannot be found.
        """
        if len(self._waiting) >= self._most:
            raise Busy(f"{self._most} searches wait for an answer; try again in a moment.")
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(variant, query, answer))
        self._start()
        return await answer

    def close(self) -> None:
        """Wait for the batches under way."""
        self._threads.shutdown()

    def _start(self) -> None:
        """Give what waits to the threads that are free."""
        while self._waiting and len(self._batches) < BATCHES:
            if batch := self._take():
                task = asyncio.get_running_loop().create_task(self._run(batch))
                self._batches.add(task)
                task.add_done_callback(self._end)
        metrics.WAITING.set(len(self._waiting))

    def _end(self, task: "asyncio.Task[None]") -> None:
        self._batches.discard(task)
        self._start()

    def _take(self) -> list[_Waiting]:
        """The searches of the first one's variant, in their order; others keep their places."""
        variant = self._waiting[0].variant
        batch: list[_Waiting] = []
        others: list[_Waiting] = []
        while self._waiting and len(batch) < self._batch:
            each = self._waiting.popleft()
            if each.variant != variant:
                others.append(each)
            elif not each.answer.cancelled():
                batch.append(each)
        self._waiting.extendleft(reversed(others))
        return batch

    async def _run(self, batch: Sequence[_Waiting]) -> None:
        metrics.BATCH.observe(len(batch))
        queries = [each.query for each in batch]
        outcomes = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._answer, batch[0].variant, queries
        )
        for each, outcome in zip(batch, outcomes, strict=True):
            if each.answer.cancelled():
                continue
            if isinstance(outcome, Answered):
                each.answer.set_result(outcome)
            else:
                each.answer.set_exception(outcome)

    def _answer(self, variant: str, queries: Sequence[Query]) -> list[Answered | Exception]:
        """The results of each query, or its error: one that fails leaves the others whole."""
        try:
            engine = self._engine(variant)
            return [Answered(engine, each) for each in engine.search_batch(queries)]
        except Exception as error:  # noqa: BLE001 - raised again where its request waits
            if len(queries) == 1 or not isinstance(error, VitrineError):
                return [error for _ in queries]
            return [self._answer(variant, [query])[0] for query in queries]
