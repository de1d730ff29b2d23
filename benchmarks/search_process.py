"""Each engine works in processes of its own: one builds, others search.

So what a process grows by is the engine's memory alone, and no engine finds another's threads or
heap about it. The measurement speaks to a searching process in lines of JSON: a question in, an
answer out.

    python -m benchmarks.search_process build|search ENGINE FOLDER
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from benchmarks.search_data import FILTERS, Generated
from benchmarks.search_engines import ENGINES, Ask, Engine, faiss

ROOT = Path(__file__).parent.parent
CORES = os.cpu_count() or 1
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Question:
    """What a searching process is asked.

    Attributes:
        filter: of `FILTERS`.
        ef: candidates that a graph keeps.
        start, stop: which queries.
        warm_up: take the queries that go before, and not those that count.
        at_once: all of them in one call, on all cores.
    """

    filter: str
    ef: int
    start: int = 0
    stop: int | None = None
    warm_up: bool = False
    at_once: bool = False


@dataclass(frozen=True)
class Answer:
    """What it answers.

    Attributes:
        seconds: of each query; of the one call where they came at once.
        found: product numbers by query.
        own_mb: memory that the process has grown by since before it opened its index.
        mapped_mb: pages of the index's files that it has come to see; processes share them, and
            the system may take them back.
    """

    seconds: list[float]
    found: list[list[int]]
    own_mb: float
    mapped_mb: float


class Searcher:
    """A process that searches with one engine; used in a `with` block."""

    def __init__(self, engine: str, folder: Path) -> None:
        self._process = _start("search", engine, folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()  # the end of its questions is its end

    def begin(self, question: Question) -> None:
        """Put a question; `end` waits for its answer."""
        if self._process.stdin is None:
            raise AssertionError("a pipe was asked for")
        self._process.stdin.write(json.dumps(asdict(question)) + "\n")
        self._process.stdin.flush()

    def end(self) -> Answer | None:
        """The answer to what was asked last; None when the engine cannot filter so."""
        if self._process.stdout is None:
            raise AssertionError("a pipe was asked for")
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("A searching process has ended; its reason stands above.")
        told = json.loads(line)
        return told and Answer(**told)

    def ask(self, question: Question) -> Answer | None:
        """Put a question and wait for its answer."""
        self.begin(question)
        return self.end()


def build(engine: str, folder: Path) -> dict[str, Any]:
    """Build an engine in a process of its own; returns its `seconds` and its `disk_mb`."""
    place(engine, folder).mkdir()
    told, _ = (process := _start("build", engine, folder)).communicate()
    if process.returncode:
        raise RuntimeError(f"{engine} could not be built; the reason stands above.")
    return json.loads(told)


def place(engine: str, folder: Path) -> Path:
    """The folder of an engine."""
    return folder / re.sub(r"\W+", "-", engine).lower()


def _start(work: str, engine: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.search_process", work, engine, str(folder.absolute())],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _build(engine: Engine, folder: Path) -> None:
    shop = Generated.load(folder)
    np.asarray(shop.vectors).sum()  # read from the disk before the clock runs
    started = time.perf_counter()
    engine.build(shop)
    seconds = time.perf_counter() - started
    size = engine.size()
    megabytes = None if size is None else round(size / MEGABYTE, 1)
    _tell({"seconds": round(seconds, 2), "disk_mb": megabytes})


def _serve(engine: Engine, folder: Path) -> None:
    shop = Generated.load(folder)
    allowed = {name: shop.allowed(filters) for name, filters in FILTERS.items()}
    asked, warm_up = np.array(shop.queries), np.array(shop.warm_up)
    faiss.omp_set_num_threads(1)
    before = _memory()
    engine.open(allowed)
    for line in sys.stdin:
        question = Question(**json.loads(line))
        ask = engine.ask(question.filter, question.ef)
        answer = None
        if ask:
            queries = (warm_up if question.warm_up else asked)[question.start : question.stop]
            seconds, found = (_at_once if question.at_once else _in_turn)(ask, queries)
            grown = [(now - then) / MEGABYTE for now, then in zip(_memory(), before, strict=True)]
            answer = asdict(Answer(seconds, found, *grown))
        _tell(answer)


def _in_turn(ask: Ask, queries: np.ndarray) -> tuple[list[float], list[list[int]]]:
    seconds, found = [], []
    for query in queries:
        start = time.perf_counter()
        found += ask(query[None])
        seconds.append(time.perf_counter() - start)
    return seconds, found


def _at_once(ask: Ask, queries: np.ndarray) -> tuple[list[float], list[list[int]]]:
    faiss.omp_set_num_threads(CORES)
    start = time.perf_counter()
    found = ask(queries)
    seconds = time.perf_counter() - start
    faiss.omp_set_num_threads(1)
    return [seconds], found


def _tell(what: dict[str, Any] | None) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _memory() -> tuple[int, int]:
    """Bytes of this process: its own, and pages of files that it sees."""
    status = Path("/proc/self/status").read_text()
    own, mapped = (
        int(re.search(rf"{name}:\s+(\d+)", status)[1]) * 1024  # type: ignore[index]
        for name in ("RssAnon", "RssFile")
    )
    return own, mapped


if __name__ == "__main__":
    work, name, at = sys.argv[1:]
    {"build": _build, "search": _serve}[work](ENGINES[name](place(name, Path(at))), Path(at))
