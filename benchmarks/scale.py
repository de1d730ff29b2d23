"""The ingest jobs at several sizes of catalogue: time, memory, a second run, a small change.

    python -m benchmarks scale --n 10000 --n 100000

Products are generated; with `--pictures` each has a small picture of its own, as a data address.
The model is a tiny random CLIP, so that the work around it is measured, with the dimension of
ViT-B/32. Each job is a process of its own, as a user runs it.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import asdict, dataclass
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

NAME = "benchmark"
DIM = 512  # of the vectors, as ViT-B/32's
SIDE = 32  # of the pictures, pixels
# Words of a description: most are longer than CLIP's token limit, as in real shops.
DESCRIPTION_WORDS = (10, 150)
CHANGED = 100  # one product in so many changes
SAMPLING = 0.05  # seconds between two samples of memory: a shorter peak may be missed


@dataclass(frozen=True)
class Job:
    """One run of a job.

    Attributes:
        what: which.
        seconds: the process's whole time.
        rows_per_second: products of the catalogue over these seconds.
        own_mb: peak memory of the process, without mapped files.
        builder_mb: the same of the processes that it started: the collection's builder.
        encoded: vectors encoded; None for a job that encodes none.
    """

    what: str
    seconds: float
    rows_per_second: float
    own_mb: float
    builder_mb: float
    encoded: int | None


@dataclass(frozen=True)
class Scale:
    """The jobs at one size.

    Attributes:
        n: products.
        pictures: whether each has one.
        jobs: in the order in which they ran.
        store_bytes: of the collection on disk, per point.
        vector_file_bytes: of the vector files on disk, per product.
    """

    n: int
    pictures: bool
    jobs: list[Job]
    store_bytes: float
    vector_file_bytes: float


def scale(n: int, *, pictures: bool) -> Scale:
    """Run every job over n products, again, with one in a hundred changed, and a rebuild."""
    from benchmarks.checkpoints import tiny_clip

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "shop"
        source = Path(folder) / "products.jsonl"
        Variants(home).add(NAME, tiny_clip(Path(folder) / "clip", dim=DIM, side=SIDE))
        _write(source, rows(n, pictures=pictures))
        chain = {
            "products": ["products", str(source)],
            "images": ["images"],
            "vectors": ["vectors", "--variant", NAME],
        }
        if not pictures:
            del chain["images"]
        jobs = [_run(what, command, home, n) for what, command in chain.items()]
        jobs += [_run(f"{what}, again", command, home, n) for what, command in chain.items()]
        store_bytes = _size(next((home / "qdrant" / NAME).glob("*/segments")))
        vector_file_bytes = _size(home / "vectors")
        _write(source, rows(n, pictures=pictures, changed=True))
        jobs += [_run(f"{what}, 1 % changed", command, home, n) for what, command in chain.items()]
        jobs.append(_run("vectors, rebuild", [*chain["vectors"], "--recreate"], home, n))
    return Scale(n, pictures, jobs, store_bytes / n, vector_file_bytes / n)


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


def _run(what: str, command: list[str], home: Path, n: int) -> Job:
    started = time.perf_counter()
    process = psutil.Popen(
        [sys.executable, "-m", "vitrine", "ingest", *command, "--json"],
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
    return Job(what, round(seconds, 1), round(n / seconds), own, builder, encoded)


def _own_mb(process: psutil.Process) -> float:
    """Anonymous memory of a process, MB; pages of mapped files are left out."""
    try:
        memory = process.memory_info()
    except psutil.NoSuchProcess:
        return 0.0
    return (memory.rss - memory.shared) / (1 << 20)


def _size(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def command(
    n: Annotated[
        list[int] | None, typer.Option(min=100, help="Products; repeatable for more sizes.")
    ] = None,
    pictures: Annotated[bool, typer.Option("--pictures", help="Each with a picture.")] = False,
    as_json: Json = False,
) -> None:
    """The ingest jobs at several sizes: time, memory, a second run, 1 % changed, a rebuild."""
    scales = []
    for size in n or [10_000, 100_000]:
        scales.append(scale(size, pictures=pictures))
        Console(stderr=as_json).print(_table(scales[-1]))
    if as_json:
        typer.echo(json.dumps({"scales": [asdict(each) for each in scales]}))


def _table(measured: Scale) -> Table:
    table = Table(
        *("job", "seconds", "products/s", "own MB", "builder MB", "encoded"),
        title=f"{measured.n:,} products{' with pictures' if measured.pictures else ', text only'}",
    )
    for job in measured.jobs:
        encoded = "" if job.encoded is None else f"{job.encoded:,}"
        numbers = f"{job.seconds:.1f}", f"{job.rows_per_second:,}"
        table.add_row(job.what, *numbers, f"{job.own_mb:.0f}", f"{job.builder_mb:.0f}", encoded)
    table.caption = (
        f"on disk: collection {measured.store_bytes:,.0f} bytes a point, "
        f"vector files {measured.vector_file_bytes:,.0f} bytes a product"
    )
    return table
