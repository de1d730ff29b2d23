"""Work done ahead of the reader: batches prepared in threads while others run."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from threading import Barrier
from typing import TypeVar

import torch

Item = TypeVar("Item")
Prepared = TypeVar("Prepared")
Result = TypeVar("Result")

# Batches that wait prepared beside those being run: one to start at once, one being prepared.
SPARE = 2


def run_ahead(
    batches: Iterable[Item],
    prepare: Callable[[Item], Prepared],
    run: Callable[[Prepared], Result],
    runners: int,
) -> Iterator[Result]:
    """Prepare and run batches in threads, and give their results in order.

    On a CPU each core runs whole batches of its own with one thread of torch: cores then never
    wait for each other inside a layer, which costs little on an idle machine (1.0 to 1.1 times
    the speed of all cores on one batch) and much on a shared one (2 to 10 times).

    At most `runners` + `SPARE` batches are taken from `batches` beyond those given back, and
    they are taken in the caller's thread.

    Args:
        batches: what to work on; drawn no faster than the results are read.
        prepare: what can be done beside the model, such as opening pictures.
        run: the model.
        runners: threads that run the model; with 1 torch keeps its own threads.

    Yields:
        What `run` gives, in the order of `batches`.
    """
    waiting: deque[Future[Result]] = deque()
    source = iter(batches)
    preparing = ThreadPoolExecutor(runners + 1, "prepare")
    running = _single_threaded(runners) if runners > 1 else ThreadPoolExecutor(1, "run")
    try:
        while True:
            for batch in islice(source, runners + SPARE - len(waiting)):
                prepared = preparing.submit(prepare, batch)
                waiting.append(running.submit(lambda ready: run(ready.result()), prepared))
            if not waiting:
                return
            yield waiting.popleft().result()
    finally:
        # Also when the reader stops half-way: what has not begun is dropped.
        running.shutdown(wait=False, cancel_futures=True)
        preparing.shutdown(cancel_futures=True)
        running.shutdown()


def _single_threaded(runners: int) -> ThreadPoolExecutor:
    """A pool whose threads each keep torch to one thread of its own.

    torch keeps that number per thread, but threads started later begin with the last number set
    anywhere; so all are started here, and the caller's number is set again after them.
    """
    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(runners, "run", torch.set_num_threads, (1,))
    together = Barrier(runners)
    for started in [pool.submit(together.wait) for _ in range(runners)]:
        started.result()
    torch.set_num_threads(threads)
    return pool
