"""The ingest jobs at several sizes of catalogue: time, memory, a second run, a small change.

    python -m benchmarks scale --n 100000 --n 1000000 --folder scale

Products are generated; with `--pictures` each has a small picture of its own, as a data address.
The model is a tiny random CLIP, so that the work around it is measured. Each job is a process of
its own, as a user runs it. A size is measured in parts; what a part measured is kept in the folder,
so that the same command goes on after the last part that was finished.
"""

import json
import os
import resource
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import psutil
import typer
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.generated import VOCABULARY
from encoder.variants import Variants
from vitrine.command import Json
from vitrine.whole_files import write_whole

NAME = "benchmark"
DIM = 512  # of the vectors, as ViT-B/32's
SIDE = 32  # of the pictures, pixels
# Words of a description: most are longer than CLIP's token limit, as in real shops.
DESCRIPTION_WORDS = (10, 150)
CHANGED = 100  # one product in so many changes
SAMPLING = 0.05  # seconds between two samples of memory: a shorter peak may be missed
SHARES = 3  # in which a shop is encoded: a million products take some minutes each
QUERY = "red cotton shirt"


@dataclass(frozen=True)
class Job:
    """One run of a job.

    Attributes:
        what: which.
        seconds: the process's whole time.
        cpu_seconds: of the process and those that it started, which other work on the machine
            changes less.
        own_mb: peak memory of the process, without mapped files.
        builder_mb: the same of the processes that it started: the collection's builder.
        encoded: vectors encoded; None for a job that encodes none.
        stored_bytes: of what the job fills, on disk afterwards; 0 for a job that fills nothing.
    """

    what: str
    seconds: float
    cpu_seconds: float
    own_mb: float
    builder_mb: float
    encoded: int | None = None
    stored_bytes: int = 0


@dataclass(frozen=True)
class Shop:
    """A shop of one size, in a folder that is kept between runs.

    Attributes:
        n: products.
        pictures: whether each has one.
        dim: dimension of the vectors.
        folder: of all that is measured.
    """

    n: int
    pictures: bool
    dim: int
    folder: Path

    @property
    def home(self) -> Path:
        """VITRINE_HOME of the jobs."""
        return self.folder / "shop"

    @property
    def feed(self) -> Path:
        """The file of products."""
        return self.folder / "products.jsonl"

    def run(self, what: str, *words: str, fills: str = "") -> Job:
        """Run a job; `fills` is the folder or file of the shop that it fills."""
        job = _run(what, ["ingest", *words, "--json"], self.home)
        return replace(job, stored_bytes=_size(self.home / fills)) if fills else job

    def vectors(self, what: str, *words: str, fills: str = "") -> Job:
        """Run the job `vectors`."""
        return self.run(what, "vectors", "--variant", NAME, *words, fills=fills)


def _products(shop: Shop) -> list[Job]:
    from benchmarks.checkpoints import tiny_clip  # imports torch

    checkpoint = tiny_clip(shop.folder / "clip", dim=shop.dim, side=SIDE)
    Variants(shop.home).add(NAME, checkpoint, force=True)
    _write(shop.feed, rows(shop.n, pictures=shop.pictures))
    return [shop.run("products", "products", str(shop.feed), fills="catalog.sqlite")]


def _images(shop: Shop) -> list[Job]:
    return [shop.run("images", "images", fills="images")]


def _encode(number: int) -> "Part":
    def encode(shop: Shop) -> list[Job]:
        words = ("--shard", f"{number}/{SHARES}")
        return [shop.vectors(f"vectors, share {number} of {SHARES}", *words, fills="vectors")]

    return encode


def _collection(shop: Shop) -> list[Job]:
    return [shop.vectors("vectors, collection", fills=f"qdrant/{NAME}")]


def _again(shop: Shop) -> list[Job]:
    return [
        shop.run("products, again", "products", str(shop.feed)),
        shop.vectors("vectors, again"),
    ]


def _changed(shop: Shop) -> list[Job]:
    _write(shop.feed, rows(shop.n, pictures=shop.pictures, changed=True))
    return [
        shop.run("products, 1 % changed", "products", str(shop.feed)),
        shop.vectors("vectors, 1 % changed"),
    ]


def _search(shop: Shop) -> list[Job]:
    return [_run("search, from the command line", ["search", QUERY, "--json"], shop.home)]


def _verify(shop: Shop) -> list[Job]:
    return [shop.run("verify", "verify", "--variant", NAME)]


def _export(shop: Shop) -> list[Job]:
    out = shop.home / "export"
    words = ("export", "--variant", NAME, "--folder", str(out))
    return [shop.run("export", *words, fills="export")]


Part = Callable[[Shop], list[Job]]


def parts(shop: Shop) -> Mapping[str, Part]:
    """What is measured one after the other: ten parts, and one more with pictures."""
    encode = {f"vectors {number}": _encode(number) for number in range(1, SHARES + 1)}
    images = {"images": _images} if shop.pictures else {}
    return {
        "products": _products,
        **images,
        **encode,
        "collection": _collection,
        "again": _again,
        "1 % changed": _changed,
        "search": _search,
        "verify": _verify,
        "export": _export,
    }


def measure(shop: Shop) -> list[Job]:
    """Run the parts that were not finished, and return the jobs of all of them."""
    shop.folder.mkdir(parents=True, exist_ok=True)
    kept = shop.folder / "measured.json"
    done: dict[str, list[Any]] = json.loads(kept.read_text()) if kept.exists() else {}
    for name, part in parts(shop).items():
        if name not in done:
            done[name] = [asdict(job) for job in part(shop)]
            write_whole(kept, json.dumps(done))
    return [Job(**job) for name in parts(shop) for job in done[name]]


def rows(n: int, *, pictures: bool, changed: bool = False) -> Iterator[dict[str, Any]]:
    """Generated products, equal in every call; `changed` gives one in a hundred a new title."""
    rng = np.random.default_rng(0)
    for number in range(n):
        words = rng.choice(VOCABULARY, 6 + int(rng.integers(*DESCRIPTION_WORDS)))
        new = "new " if changed and number % CHANGED == 0 else ""
        row = {
            "id": f"B{number:09d}",
            "title": f"{new}{' '.join(words[:6])} {number}",
            "description": " ".join(words[6:]),
            "brand": f"brand {number % 500}",
            "category": f"category {number % 20}",
            "price": number % 1000 + 0.99,
        }
        if pictures:
            row["image"] = _picture(rng)
        yield row


def _picture(rng: np.random.Generator) -> str:
    coarse = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(coarse).resize((SIDE, SIDE)).save(file, "jpeg")
    return f"data:image/jpeg;base64,{b64encode(file.getvalue()).decode()}"


def _write(path: Path, products: Iterator[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as out:
        out.writelines(f"{json.dumps(product)}\n" for product in products)


def _run(what: str, command: list[str], home: Path) -> Job:
    started, cpu_before = time.perf_counter(), _cpu_seconds()
    process = psutil.Popen(
        [sys.executable, "-m", "vitrine", *command],
        env={**os.environ, "VITRINE_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    own = builder = 0.0
    while process.returncode is None:
        try:
            result, messages = process.communicate(timeout=SAMPLING)
        except subprocess.TimeoutExpired:
            own = max(own, _own_mb(process))
            builder = max(builder, sum(map(_own_mb, process.children(recursive=True))))
    seconds = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(f"{what} failed: {messages.strip()}")
    encoded = json.loads(result).get("encoded")
    cpu = round(_cpu_seconds() - cpu_before, 1)
    return Job(what, round(seconds, 1), cpu, round(own), round(builder), encoded)


def _cpu_seconds() -> float:
    """Processor time of this process's children that have ended, and of theirs."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _own_mb(process: psutil.Process) -> float:
    """Anonymous memory of a process, MB; pages of mapped files are left out."""
    try:
        memory = process.memory_info()
    except psutil.NoSuchProcess:
        return 0.0
    return (memory.rss - memory.shared) / (1 << 20)


def _size(path: Path) -> int:
    """Bytes on disk of a file, or of the files in a folder; a hard link counts once."""
    files = path.rglob("*") if path.is_dir() else path.parent.glob(f"{path.name}*")
    found = {each.stat().st_ino: each.stat() for each in files if each.is_file()}
    return sum(each.st_blocks * 512 for each in found.values())


def command(
    n: Annotated[
        list[int] | None, typer.Option(min=100, help="Products; repeatable for more sizes.")
    ] = None,
    pictures: Annotated[bool, typer.Option("--pictures", help="Each with a picture.")] = False,
    dim: Annotated[int, typer.Option(min=8, help="Dimension of the vectors.")] = DIM,
    folder: Annotated[
        Path, typer.Option(help="Keeps the shops and what was measured; delete it to begin anew.")
    ] = Path("data/scale"),
    as_json: Json = False,
) -> None:
    """The ingest jobs at several sizes, in parts; stopped, the same command goes on."""
    scales = []
    for size in n or [10_000, 100_000]:
        kind = f"{size}-{dim}{'-pictures' if pictures else ''}"
        shop = Shop(size, pictures, dim, (folder / kind).resolve())
        scales.append((shop, measure(shop)))
        Console(stderr=as_json).print(_table(*scales[-1], scales[0]))
    if as_json:
        found = [
            {"n": shop.n, "pictures": pictures, "dim": dim, "jobs": [asdict(job) for job in jobs]}
            for shop, jobs in scales
        ]
        typer.echo(json.dumps({"scales": found}))


def _table(shop: Shop, jobs: list[Job], first: tuple[Shop, list[Job]]) -> Table:
    """The jobs of one size, beside those of the first: memory, and time a product."""
    table = Table(
        *("job", "seconds", "CPU s", "products/s", "own MB", "builder MB", "encoded"),
        *("bytes a product", "× memory", "× CPU a product"),
        title=f"{shop.n:,} products{' with pictures' if shop.pictures else ', text only'}",
    )
    smaller = {job.what: job for job in first[1]}
    for job in jobs:
        other = smaller.get(job.what)
        ratios = ("", "")
        if other and first[0] is not shop:
            growth = job.cpu_seconds / shop.n / (other.cpu_seconds / first[0].n)
            ratios = (f"{job.own_mb / max(other.own_mb, 1):.2f}", f"{growth:.2f}")
        table.add_row(
            job.what,
            f"{job.seconds:.1f}",
            f"{job.cpu_seconds:.1f}",
            f"{shop.n / job.seconds:,.0f}",
            f"{job.own_mb:.0f}",
            f"{job.builder_mb:.0f}",
            "" if job.encoded is None else f"{job.encoded:,}",
            f"{job.stored_bytes / shop.n:,.0f}" if job.stored_bytes else "",
            *ratios,
        )
    return table
