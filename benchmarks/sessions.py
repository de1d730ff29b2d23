"""Visitors of the search page at once: errors, times, and the memory of the server.

    VITRINE_HOME=data/demo python -m benchmarks sessions
    python -m benchmarks sessions --home data/demo --sessions 50 --seconds 600

The real server is started, and is searched by one session alone, then by all of them. A session
speaks Streamlit's own protocol (`benchmarks.browser_session`), types as a visitor does, searches,
opens products, uploads pictures of the shop, and loads the pictures it is shown; a pause lies
between its acts. The visitors are processed in this process, on the same machine, so its share of
the processor is in the times.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated

import httpx
import numpy as np
import psutil
import typer
from rich.console import Console
from rich.table import Table
from websockets.exceptions import WebSocketException

from benchmarks.browser_session import BrowserSession, open_session
from benchmarks.page_server import PageServer, serve_page
from catalog.catalogue import Catalogue
from vitrine import VitrineError
from vitrine import home as installation
from vitrine.command import Json, messages

# What visitors do, and how often.
ACTS = {"search": 0.7, "product": 0.2, "upload": 0.1}
LONGEST_WAIT = 120.0  # seconds for one act; it counts as an error then
SAMPLED = 1.0  # seconds between two measurements of memory
TEXTS = 2_000  # products whose titles are searched for
PICTURES = 50  # that are uploaded
SETTLED = 1 / 3  # of the run, after which caches are filled and growth is measured


@dataclass
class Acts:
    """What sessions did.

    Attributes:
        seconds: of each act, by its name.
        pictures: that were loaded.
        errors: sentences, each with its number.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in ACTS})
    pictures: int = 0
    errors: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Times:
    """How long one kind of act took.

    Attributes:
        count: of acts.
        p50_ms, p99_ms: percentiles; None without an act.
    """

    count: int
    p50_ms: float | None
    p99_ms: float | None

    @classmethod
    def of(cls, seconds: list[float]) -> "Times":
        """The percentiles of times in seconds."""
        if not seconds:
            return cls(0, None, None)
        p50, p99 = np.percentile(np.array(seconds) * 1000, [50, 99])
        return cls(len(seconds), round(float(p50), 1), round(float(p99), 1))


@dataclass(frozen=True)
class Measured:
    """The whole measurement.

    Attributes:
        sessions, seconds, pause: as they were set.
        alone, together: times of one session and of all, by act.
        errors: of the sessions, by sentence; and lines of the server's log.
        pictures: that were loaded.
        start_mb: resident memory of the server after one session's searches.
        open_mb: with all sessions open, each with one search.
        end_mb: at the end of the run.
        session_mb: by which a session enlarged it when it was opened.
        processors: of the machine that the server kept busy in the run, on average.
        growth_mb_per_minute: slope of a straight line through the last two thirds of the run.
        load: mean number of running processes before the run.
    """

    sessions: int
    seconds: float
    pause: float
    alone: dict[str, Times]
    together: dict[str, Times]
    errors: dict[str, int]
    pictures: int
    start_mb: float
    open_mb: float
    end_mb: float
    session_mb: float
    processors: float
    growth_mb_per_minute: float
    load: float


def command(
    home: Annotated[Path | None, typer.Option(help="The shop; VITRINE_HOME if none.")] = None,
    sessions: Annotated[int, typer.Option(min=1, help="Open pages.")] = 50,
    seconds: Annotated[float, typer.Option(min=1, help="Of the run of all of them.")] = 600.0,
    alone: Annotated[float, typer.Option(min=1, help="Seconds of the run of one.")] = 60.0,
    pause: Annotated[
        float, typer.Option(min=0, help="Mean seconds between two acts of a session.")
    ] = 10.0,
    seed: Annotated[int, typer.Option(help="Of what the visitors do.")] = 0,
    as_json: Json = False,
) -> None:
    """Let visitors search the page of a shop at once; count errors, time acts, sample memory."""
    shop = home or installation()
    visits = _Visits(shop, seed)
    with serve_page(shop) as server:
        load = psutil.getloadavg()[0]
        measured = asyncio.run(_measure(server, visits, sessions, seconds, alone, pause, load))
    if as_json:
        typer.echo(json.dumps(asdict(measured)))
        return
    _show(measured)


class _Visits:
    """What visitors search for: pairs of words from titles of the shop, and its pictures.

    Raises:
        VitrineError: the shop has no products.
    """

    def __init__(self, home: Path, seed: int) -> None:
        self.random = random.Random(seed)
        with Catalogue(home, create=False) as catalogue:
            products = [each for each, _ in zip(catalogue.products(), range(TEXTS), strict=False)]
        self._titles = [title for each in products if (title := each.title.split())]
        if not self._titles:
            raise VitrineError(f"{home} has no products: `vitrine ingest all` adds some.")
        self._pictures = sorted((home / "images").glob("*/*.jpg"))[:PICTURES]

    def text(self) -> str:
        """Two words of a title."""
        title = self.random.choice(self._titles)
        return " ".join(self.random.sample(title, min(2, len(title))))

    def act(self) -> str:
        """What is done next."""
        return self.random.choices(list(ACTS), list(ACTS.values()))[0]

    async def do(self, session: BrowserSession, act: str) -> float:
        """Do it; seconds that it took."""
        if act == "upload" and self._pictures:
            picture = self.random.choice(self._pictures)
            return await session.upload(picture.name, picture.read_bytes())
        if act == "product" and session.view.products:
            return await session.open(self.random.choice(session.view.products))
        text = self.text()
        if "product" in session.parameters or "upload" in session.parameters:
            await session.open()  # the shop's name leads to its first page
        await session.type(text[: len(text) // 2])
        return await session.search(text)


async def _measure(
    server: PageServer,
    visits: _Visits,
    sessions: int,
    seconds: float,
    alone: float,
    pause: float,
    load: float,
) -> Measured:
    limits = httpx.Limits(max_connections=None)
    async with (
        httpx.AsyncClient(base_url=server.address, timeout=LONGEST_WAIT, limits=limits) as client,
        AsyncExitStack() as opened,
    ):
        one, everyone = Acts(), Acts()
        messages.print("one session …")
        first = await opened.enter_async_context(open_session(client))
        await _try(everyone, partial(_begin, first, visits, everyone))  # loads the model
        await _visit(first, visits, one, time.monotonic() + alone, 0.0)
        start = server.resident_mb()
        messages.print(f"{sessions:,} sessions are opened …")
        every = [first]
        for _ in range(sessions - 1):
            session = await opened.enter_async_context(open_session(client))
            every.append(session)
            await _try(everyone, partial(_begin, session, visits, everyone))
        open_mb = server.resident_mb()
        messages.print(f"they search for {seconds:g} seconds …")
        until = time.monotonic() + seconds
        busy, began = server.processor_seconds(), time.monotonic()
        sampling = asyncio.create_task(_sample(server, until))
        await asyncio.gather(*(_visit(each, visits, everyone, until, pause) for each in every))
        samples = await sampling
        busy = (server.processor_seconds() - busy) / (time.monotonic() - began)
    errors = one.errors + everyone.errors + Counter(server.faults())
    return Measured(
        sessions=sessions,
        seconds=seconds,
        pause=pause,
        alone={name: Times.of(each) for name, each in one.seconds.items()},
        together={name: Times.of(each) for name, each in everyone.seconds.items()},
        errors=dict(errors),
        pictures=everyone.pictures,
        start_mb=round(start, 1),
        open_mb=round(open_mb, 1),
        end_mb=round(samples[-1][1], 1),
        session_mb=round((open_mb - start) / max(1, sessions - 1), 2),
        processors=round(busy, 2),
        growth_mb_per_minute=round(_slope(samples), 2),
        load=round(load, 2),
    )


async def _begin(session: BrowserSession, visits: _Visits, acts: Acts) -> None:
    """Open the page and search once; only its pictures are counted."""
    await session.open()
    await session.search(visits.text())
    acts.pictures += await session.load_pictures()


async def _visit(
    session: BrowserSession, visits: _Visits, acts: Acts, until: float, pause: float
) -> None:
    """Act until a moment, or until an act has not ended.

    The first pause is shorter, so that sessions do not act in step.
    """
    await asyncio.sleep(visits.random.uniform(0, pause))
    while time.monotonic() < until:
        act = visits.act()

        async def perform(act: str = act) -> None:
            acts.seconds[act].append(await visits.do(session, act))
            acts.pictures += await session.load_pictures()
            acts.errors.update(session.view.problems)

        if not await _try(acts, perform):
            return
        wait = visits.random.expovariate(1 / pause) if pause else 0.0
        await asyncio.sleep(max(0.0, min(wait, until - time.monotonic())))


async def _try(acts: Acts, perform: Callable[[], Awaitable[None]]) -> bool:
    """Do something and count an error; whether it has ended."""
    try:
        async with asyncio.timeout(LONGEST_WAIT):
            await perform()
    except TimeoutError:
        acts.errors[f"not ended within {LONGEST_WAIT:g} s"] += 1
        return False
    except (httpx.HTTPError, WebSocketException) as error:
        acts.errors[f"{type(error).__name__}: {error}"] += 1
        return False
    return True


async def _sample(server: PageServer, until: float) -> list[tuple[float, float]]:
    """Seconds since the first sample, and resident megabytes."""
    began = time.monotonic()
    samples = [(0.0, server.resident_mb())]
    while time.monotonic() < until:
        await asyncio.sleep(SAMPLED)
        samples.append((time.monotonic() - began, server.resident_mb()))
    return samples


def _slope(samples: list[tuple[float, float]]) -> float:
    """Megabytes a minute of a least-squares line through the samples after the caches filled."""
    moments, sizes = np.array(samples[int(len(samples) * SETTLED) :]).T
    return float(np.polyfit(moments, sizes, 1)[0] * 60) if len(moments) > 1 else 0.0


def _show(measured: Measured) -> None:
    console = Console()
    table = Table(
        "",
        *("one: acts", "p50, ms", "p99, ms"),
        *(f"{measured.sessions}: acts", "p50, ms", "p99, ms"),
    )
    for name in ACTS:
        row = [name]
        for times in (measured.alone[name], measured.together[name]):
            row.append(f"{times.count:,}")
            row += ["" if each is None else f"{each:,.0f}" for each in (times.p50_ms, times.p99_ms)]
        table.add_row(*row)
    console.print(table)
    console.print(
        f"{measured.pictures:,} pictures loaded; memory of the server in MB: "
        f"{measured.start_mb:,.0f} with one session, {measured.open_mb:,.0f} with "
        f"{measured.sessions} ({measured.session_mb:.2f} each), {measured.end_mb:,.0f} at the end "
        f"({measured.growth_mb_per_minute:+.2f} a minute); {measured.processors:.2f} "
        f"processors busy with the server; load before it: {measured.load}",
        highlight=False,
    )
    total = sum(measured.errors.values())
    console.print(
        f"{total:,} errors" + "".join(f"\n{n:,} × {e}" for e, n in measured.errors.items())
    )
