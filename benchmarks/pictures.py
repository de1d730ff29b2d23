"""Pictures from the web: what the `images` job spends its time on, and whether it ever waits.

    python -m benchmarks pictures --products FILE --n 3000

Real photos, enlarged to what shops put on the web, come from a server on loopback, which answers
at once or late. Each run is the whole job in a process of its own. Its processor time is split:

    decode   decoding, shrinking, encoding again (and the processes that do it, from their start)
    store    writing the small pictures and the ledger
    fetch    all the rest of the job: HTTP, the event loop, the catalogue's reading

Beside the job as it is, each latency is measured with decoding in threads of the job's process.
What other processes of the machine take meanwhile is told too: where the cores are never idle,
wall ÷ (all processor time ÷ cores) is 1, whoever used them.
"""

import asyncio
import json
import multiprocessing as mp
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock
from typing import Annotated, Any, Self

import typer
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.picture_server import serving
from catalog.catalogue import Catalogue
from catalog.product import Product
from catalog.readers import read_products
from ingest import images as job
from pictures.decode_workers import Shrinkers
from pictures.store import PictureStore, is_local
from pictures.thumbnail import Small, shrink

QUALITY = 90  # JPEG, of the enlarged photos
CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class Spent:
    """What one run of the job took, in seconds.

    Attributes:
        wall: by the clock.
        fetch: processor time of the job, as are `decode` and `store`.
        server: processor time of the web.
        others: of everything else on the machine meanwhile, time stolen from it included.
    """

    wall: float
    fetch: float
    decode: float
    store: float
    server: float = 0.0
    others: float = 0.0

    @property
    def cpu(self) -> float:
        """Processor time of the job."""
        return self.fetch + self.decode + self.store


class ThreadShrinkers:
    """Stands in for `Shrinkers`: the same work in threads of the job's own process."""

    def __init__(self, side: int, count: int) -> None:
        self._side = side
        self._threads = ThreadPoolExecutor(count)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._threads.shutdown()

    async def shrink(self, data: bytes, name: str) -> Small:
        """Shrink in a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _shrink, data, self._side, name)


_shrink = shrink  # what a thread calls; the measurement puts a clock around it
WAYS: dict[str, Any] = {"processes": Shrinkers, "threads": ThreadShrinkers}


class Clock:
    """Adds up the processor time that threads spend inside some functions."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = Lock()

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed."""

        def timed(*args: Any, **keywords: Any) -> Any:  # noqa: ANN401 - whatever it takes and gives
            started = time.thread_time()
            try:
                return function(*args, **keywords)
            finally:
                spent = time.thread_time() - started
                with self._lock:
                    self.seconds += spent

        return timed


def enlarged(products: Path, n: int, side: int, folder: Path) -> list[str]:
    """Write a file's photos anew with this longest side; gives the files' names."""
    rows = (row for row in read_products(products) if isinstance(row, Product))
    photos = (image for row in rows for image in row.images[:1] if is_local(image))
    with ProcessPoolExecutor(mp_context=mp.get_context("spawn")) as pool:
        work = [
            pool.submit(_enlarge, Path(photo), side, folder / f"{number:06}.jpg")
            for number, photo in enumerate(islice(photos, n))
        ]
        return [each.result() for each in work]


def _enlarge(photo: Path, side: int, path: Path) -> str:
    with Image.open(photo) as opened:
        image = opened.convert("RGB")
    scale = side / max(image.size)
    size = (round(image.width * scale), round(image.height * scale))
    image.resize(size, Image.Resampling.BICUBIC).save(path, "JPEG", quality=QUALITY)
    return path.name


def measured(folder: Path, names: list[str], latency: float, way: str) -> Spent:
    """Run the job over a catalogue whose pictures lie on a server; what it took."""
    home = folder / "home"
    shutil.rmtree(home, ignore_errors=True)
    with serving(folder, latency) as web:
        with Catalogue(home) as catalogue:
            catalogue.upsert(Product(name, name, "", images=(web.address(name),)) for name in names)
        ours, theirs = mp.Pipe()
        process = mp.get_context("spawn").Process(target=_run, args=(home, way, theirs))
        process.start()
        theirs.close()
        figures, spent = ours.recv()
        process.join()
    if figures["stored"] != len(names):
        raise AssertionError(figures)
    others = max(0.0, spent.others - spent.cpu - web.cpu)  # so far the whole machine's
    return replace(spent, server=web.cpu, others=others)


def _run(home: Path, way: str, parent: Connection) -> None:
    global _shrink  # this process is for one measurement
    decode, store = Clock(), Clock()
    _shrink = decode.around(_shrink)
    PictureStore.keep = store.around(PictureStore.keep)  # type: ignore[method-assign]
    Catalogue.record_pictures = store.around(Catalogue.record_pictures)  # type: ignore[method-assign]
    job.Shrinkers = WAYS[way]  # type: ignore[misc]
    started, own, all_before = time.perf_counter(), time.process_time(), _busy()
    figures = job.images(home, manners=replace(job.MANNERS, allow_loopback=True))
    wall, own = time.perf_counter() - started, time.process_time() - own
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    decoding = decode.seconds + children.ru_utime + children.ru_stime
    fetch = own - decode.seconds - store.seconds
    spent = Spent(wall, fetch, decoding, store.seconds, others=_busy() - all_before)
    parent.send((figures, spent))


def _busy() -> float:
    """Seconds that all processors of the machine were not idle since it started (proc(5))."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def command(
    products: Annotated[Path, typer.Option(help="A file of products with local pictures.")],
    n: Annotated[int, typer.Option(min=1, help="How many photos.")] = 3000,
    side: Annotated[int, typer.Option(min=1, help="Their longest side, in pixels.")] = 1500,
    latency: Annotated[
        list[float] | None, typer.Option(min=0.0, help="Seconds before an answer; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure where the time of pictures from the web goes."""
    runs: dict[tuple[str, float], Spent] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = enlarged(products, n, side, folder)
        size = sum((folder / each).stat().st_size for each in names)
        for each in latency or [0.0, 0.2]:
            for way in WAYS:
                runs[way, each] = measured(folder, names, each, way)
    if as_json:
        told = [
            {"way": way, "latency": late} | asdict(spent) for (way, late), spent in runs.items()
        ]
        typer.echo(json.dumps({"pictures": len(names), "bytes": size, "runs": told}))
        return
    console = Console()
    console.print(
        f"{len(names):,} JPEGs of {side:,} pixels, {size / len(names) / 1e3:.0f} kB each; "
        f"processor seconds on {CORES} cores",
        highlight=False,
    )
    console.print(_table(runs, len(names)))


def _table(runs: dict[tuple[str, float], Spent], count: int) -> Table:
    table = Table("decoding in", "latency", box=None)
    for heading in ("fetch", "decode", "store", "web", "others", "wall", "pictures/s"):
        table.add_column(heading, justify="right")
    for heading in ("wall ÷ job", "÷ job, web", "÷ all", "÷ first latency"):
        table.add_column(heading, justify="right")
    first: dict[str, float] = {}
    for (way, late), spent in runs.items():
        seconds = (spent.fetch, spent.decode, spent.store, spent.server, spent.others, spent.wall)
        sums = (spent.cpu, spent.cpu + spent.server, spent.cpu + spent.server + spent.others)
        table.add_row(
            way,
            f"{late * 1000:.0f} ms",
            *(f"{each:.1f}" for each in seconds),
            f"{count / spent.wall:.0f}",
            *(f"{spent.wall / (each / CORES):.2f}" for each in sums),
            f"{spent.wall / first.setdefault(way, spent.wall):.2f}",
        )
    return table
