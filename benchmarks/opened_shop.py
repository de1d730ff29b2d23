"""A shop that is open for searches: in a process of its own, behind the HTTP API, on the page.

Each is a `Job`: its seconds are those until it can answer, its memory is that after the last
answer, and its answers have times of their own.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from http.client import HTTPConnection
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psutil

from benchmarks.measured_job import Job
from benchmarks.process_cost import ROOT, own_mb

Result = TypeVar("Result")

STARTING = 0.1  # seconds between two tries to reach a server that starts


def search_opened(home: Path, variant: str, texts: Sequence[str]) -> Job:
    """Search with the engine of a shop, in a process that has done nothing else."""
    return _apart(_search, home, variant, texts)


def search_api(home: Path, texts: Sequence[str]) -> Job:
    """Search through `vitrine serve`, one request after the other."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = time.perf_counter()
    server = psutil.Popen(
        [sys.executable, "-m", "vitrine", "serve", "--host", "127.0.0.1", "--port", str(port)],
        env={**os.environ, "VITRINE_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not _is_ready(port):
            if server.poll() is not None:
                raise RuntimeError(f"The server ended with status {server.returncode}.")
            time.sleep(STARTING)
        seconds = time.perf_counter() - started
        connection = HTTPConnection("127.0.0.1", port)

        def search(text: str) -> None:
            body = json.dumps({"text": text})
            connection.request("POST", "/v1/search", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"The server answered {answer.status}.")

        return _job("search, HTTP API", seconds, server, _timed(search, texts))
    finally:
        server.kill()
        server.wait()


def search_page(home: Path, text: str) -> Job:
    """Draw the page without a browser, and search on it."""
    return _apart(_page, home, text)


def open_mb(home: Path, variant: str) -> int:
    """Memory of an open collection, MB: what a process has more once it has counted its points."""
    return _apart(_open, home, variant)


def _apart(work: Callable[..., Result], *arguments: object) -> Result:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def _open(home: Path, variant: str) -> int:
    from qdrant.store import open_store

    with open_store(home) as store:
        store.collection(variant)
        before = own_mb(psutil.Process())
        store.count(variant)
        return round(own_mb(psutil.Process()) - before)


def _search(home: Path, variant: str, texts: Sequence[str]) -> Job:
    started = time.perf_counter()
    from search.query import Query
    from search.shop import open_shop

    with open_shop(home) as opened:
        engine = opened.engine(variant)
        seconds = time.perf_counter() - started
        found = _timed(lambda text: engine.search(Query(text)), texts)
        return _job("search, opened shop", seconds, psutil.Process(), found)


def _page(home: Path, text: str) -> Job:
    os.environ |= {"VITRINE_HOME": str(home), "VITRINE_AUDIENCE": "shop"}
    started = time.perf_counter()
    from streamlit.testing.v1 import AppTest

    page = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=600).run()
    seconds = time.perf_counter() - started

    def search(written: str) -> None:
        page.text_input(key="text").set_value(written).run()
        if page.exception:
            raise RuntimeError(f"The page failed: {page.exception}")

    found = _timed(search, [text, f"{text} new"])
    return _job("search, page", seconds, psutil.Process(), found)


def _timed(search: Callable[[str], Any], texts: Sequence[str]) -> list[float]:
    """Milliseconds of each search."""
    found = []
    for text in texts:
        started = time.perf_counter()
        search(text)
        found.append(1000 * (time.perf_counter() - started))
    return found


def _job(what: str, seconds: float, process: psutil.Process, milliseconds: Sequence[float]) -> Job:
    first, *others = milliseconds
    spent = process.cpu_times()
    children = process.children(recursive=True)
    return Job(
        what,
        round(seconds, 1),
        round(spent.user + spent.system, 1),
        round(own_mb(process)),
        round(sum(map(own_mb, children))),
        first_ms=round(first, 1),
        p50_ms=round(float(np.median(others)), 1),
        p99_ms=round(float(np.percentile(others, 99)), 1),
    )


def _is_ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
