"""The jobs of a shop at several sizes: time, memory, a second run, a small change, search.

    python -m benchmarks scale --n 100000 --n 1000000 --folder scale

Products are generated; with `--pictures` each has a small picture of its own, as a data address.
The model is a tiny random CLIP, so that the work around it is measured. Each job is a process of
its own, as a user runs it. A size is measured in ten parts (with pictures one more), each of some
minutes for a million products on two cores; what a part measured is kept in the folder, so that the
same command goes on after the last part that was finished.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.measured_job import Job, run_job
from benchmarks.opened_shop import open_mb, search_api, search_opened, search_page
from benchmarks.scale_shop import NAME, SIDE, Shop, queries, rows, write_feed
from encoder.variants import Variants
from vitrine.command import Json
from vitrine.whole_files import write_whole

DIM = 64  # of the vectors: a million products take 4 GB of disk and not the 20 of 512
SHARES = 3  # in which a shop is encoded: a million products take some minutes each
QUERIES = 200
WIDTH = 160  # of the table, also where the output is no terminal


def _products(shop: Shop) -> list[Job]:
    from benchmarks.checkpoints import tiny_clip  # imports torch

    checkpoint = tiny_clip(shop.folder / "clip", dim=shop.dim, side=SIDE)
    Variants(shop.home).add(NAME, checkpoint, force=True)
    write_feed(shop.feed, rows(shop.n, pictures=shop.pictures))
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
    write_feed(shop.feed, rows(shop.n, pictures=shop.pictures, changed=True))
    return [
        shop.run("products, 1 % changed", "products", str(shop.feed)),
        _opening(shop, shop.vectors("vectors, 1 % changed")),
    ]


def _search(shop: Shop) -> list[Job]:
    texts = queries(QUERIES)
    return [
        run_job("search, command line", ["search", texts[0], "--json"], shop.home),
        search_opened(shop.home, NAME, texts),
        search_api(shop.home, texts),
        search_page(shop.home, texts[0]),
    ]


def _verify(shop: Shop) -> list[Job]:
    return [_opening(shop, shop.run("verify", "verify", "--variant", NAME))]


def _export(shop: Shop) -> list[Job]:
    out = shop.home / "export"
    words = ("export", "--variant", NAME, "--folder", str(out))
    return [_opening(shop, shop.run("export", *words, fills="export"))]


def _opening(shop: Shop, job: Job) -> Job:
    """A job that opens the collection, with the memory of that."""
    return replace(job, collection_mb=open_mb(shop.home, NAME))


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
        console = Console(stderr=as_json)
        console.width = max(console.width, WIDTH)
        console.print(_table(*scales[-1], scales[0]))
    if as_json:
        found = [
            {"n": shop.n, "pictures": pictures, "dim": dim, "jobs": [asdict(job) for job in jobs]}
            for shop, jobs in scales
        ]
        typer.echo(json.dumps({"scales": found}))


def _table(shop: Shop, jobs: list[Job], first: tuple[Shop, list[Job]]) -> Table:
    """The jobs of one size, beside those of the first: memory, and time a product.

    The memory of the open collection is the store's, and is not compared.
    """
    table = Table(
        *("job", "seconds", "CPU s", "CPU µs a product", "own MB", "of it collection"),
        *("builder MB", "encoded"),
        *("bytes a product", "first ms", "p50 ms", "p99 ms", "× memory", "× CPU a product"),
        title=f"{shop.n:,} products{' with pictures' if shop.pictures else ', text only'}",
    )
    smaller = {job.what: job for job in first[1]}
    for job in jobs:
        other = smaller.get(job.what)
        ratios = ("", "")
        if other and first[0] is not shop:
            growth = job.cpu_seconds / shop.n / (other.cpu_seconds / first[0].n)
            memory = (job.own_mb - job.collection_mb) / max(other.own_mb - other.collection_mb, 1)
            ratios = (f"{memory:.2f}", f"{growth:.2f}")
        table.add_row(
            job.what,
            f"{job.seconds:.1f}",
            f"{job.cpu_seconds:.1f}",
            *map(_shown, (1e6 * job.cpu_seconds / shop.n, job.own_mb, job.collection_mb or None)),
            *map(_shown, (job.builder_mb, job.encoded, job.stored_bytes / shop.n or None)),
            *map(_shown, (job.first_ms, job.p50_ms, job.p99_ms)),
            *ratios,
        )
    return table


def _shown(number: float | None) -> str:
    return "" if number is None else f"{number:,.0f}"
