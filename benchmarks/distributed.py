"""The same products embedded by each engine of `vitrine ingest embed`: vectors, collections, time.

    python -m benchmarks distributed chorus/products.jsonl.gz --folder distributed

Every command is run as a user runs it. The products are planned once and embedded by each engine
into a folder of its own; each engine's result is merged into a copy of the shop, whose collection
is then built. Vectors are compared bit by bit; collections by their points and by what searches of
them find. The model is a tiny random CLIP, so that an engine's own time is seen.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from pyarrow import parquet
from rich.console import Console
from rich.table import Table

from benchmarks.process_cost import ROOT, Cost, run_process
from catalog.catalogue import Catalogue
from encoder.variants import Variants
from ingest.distributed.engines import ENGINES
from qdrant.model import Point, VectorQuery
from qdrant.store import Store, open_embedded
from vitrine.command import Json, messages

NAME = "benchmark"
SIDE = 32  # of the model's pictures, pixels
QUERIES = 50  # products whose own vectors are searched for
K = 100
# Difference of equal scores, of their size or of 1: a score of words is a sum, which two builds do
# not add up in the same order.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Embedded:
    """What an engine did.

    Attributes:
        engine: its name.
        seconds: of the embedding.
        again_seconds: of the same command once more, when nothing is left to embed.
        encoded: vectors.
        blocks: of the plan.
        same_vectors: whether each has the bits of the first engine's.
        collection_encoded: vectors that the job `vectors` had to encode after the merge.
        same_points: whether its collection has the points of the first engine's: ids, payloads, and
            dense and sparse vectors bit by bit.
        same_answers: whether searches of both find the same products in the same order with equal
            scores.
    """

    engine: str
    seconds: float
    again_seconds: float
    encoded: int
    blocks: int
    same_vectors: bool
    collection_encoded: int
    same_points: bool
    same_answers: bool


class Shop:
    """A shop of real products, and a plan of it.

    Args:
        folder: new; of all that is measured.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "shop"
        self.want = folder / "want"

    def run(self, home: Path, *words: object) -> tuple[Cost, dict[str, Any]]:
        """Run a job in a shop's folder: its cost, and its result."""
        environment = {**os.environ, "VITRINE_HOME": str(home), "PYTHONPATH": str(ROOT)}
        environment.pop("QDRANT_URL", None)
        command = ["-m", "vitrine", "ingest", *map(str, words), "--json"]
        messages.print(f"{home.name}: vitrine ingest {' '.join(map(str, words))}")
        cost, printed = run_process(command, environment)
        return cost, json.loads(printed)

    def fill(self, feeds: Sequence[Path], limit: int, dim: int) -> dict[str, Any]:
        """Add the variant and the products of some feeds, and plan them; how many there are."""
        from benchmarks.checkpoints import tiny_clip  # imports torch

        Variants(self.home).add(NAME, tiny_clip(self.folder / "clip", dim=dim, side=SIDE))
        products = 0
        for feed in feeds:
            if products < limit:
                self.run(self.home, "products", feed.resolve(), "--limit", limit - products)
                with Catalogue(self.home) as catalogue:
                    products = len(catalogue)
        self.run(self.home, "images")
        return {"products": products, **self.run(self.home, "plan", "--out", self.want)[1]}

    def got(self, engine: str) -> Path:
        """The folder of an engine's results."""
        return self.folder / f"got_{engine}"

    def embed(self, engine: str, first: str) -> Embedded:
        """Embed with an engine, build its collection, and compare both with another engine's."""
        got, home = self.got(engine), self.folder / engine
        words = ("embed", self.want, got, "--engine", engine)
        cost, embedded = self.run(self.home, *words)
        again, nothing = self.run(self.home, *words)
        if nothing["encoded"]:
            raise RuntimeError(f"{engine} embedded {nothing['encoded']} vectors twice.")
        shutil.copytree(self.home, home)
        self.run(home, "merge", got)
        _, vectors = self.run(home, "vectors")
        with (
            open_embedded(home / "qdrant") as store,
            open_embedded(self.folder / first / "qdrant") as other,
        ):
            return Embedded(
                engine,
                round(cost.seconds, 1),
                round(again.seconds, 1),
                embedded["encoded"],
                embedded["blocks"],
                same_blocks(got, self.got(first)),
                vectors["encoded"],
                same_points(store, other),
                same_answers(store, other),
            )


def same_blocks(got: Path, other: Path) -> bool:
    """Whether two folders of results have the same rows, vectors bit by bit."""
    names = sorted(path.name for path in got.glob("block-*"))
    return names == sorted(path.name for path in other.glob("block-*")) and all(
        parquet.read_table(got / name).equals(parquet.read_table(other / name)) for name in names
    )


def same_points(store: Store, other: Store) -> bool:
    """Whether two collections have the same points: ids, payloads, and vectors bit by bit."""
    pairs = zip_longest(*(each.scroll(NAME, vectors=True) for each in (store, other)))
    return all(a and b and _bits(a) == _bits(b) for a, b in pairs)


def _bits(point: Point) -> tuple[object, ...]:
    dense = {name: vector.tobytes() for name, vector in point.vectors.items()}
    sparse = {
        name: (vector.indices.tobytes(), vector.values.tobytes())
        for name, vector in point.sparse.items()
    }
    return point.id, point.payload, dense, sparse


def same_answers(store: Store, other: Store) -> bool:
    """Whether searches by the vectors of some products give the same products with equal scores."""
    queries = list(_queries(store))
    found, expected = (each.search_batch(NAME, queries) for each in (store, other))
    return len(queries) > 0 and all(
        [hit.id for hit in one] == [hit.id for hit in two]
        and np.allclose([hit.score for hit in one], [hit.score for hit in two], ROUNDING, ROUNDING)
        for one, two in zip(found, expected, strict=True)
    )


def _queries(store: Store) -> Iterator[VectorQuery]:
    step = max(store.count(NAME) // QUERIES, 1)
    for point in islice(store.scroll(NAME, vectors=True), 0, None, step):
        vectors: Mapping[str, Any] = {**point.vectors, **point.sparse}
        for name, vector in vectors.items():
            yield VectorQuery(name, vector, K)


def command(
    feeds: Annotated[list[Path], typer.Argument(help="Files of products, one after the other.")],
    n: Annotated[int, typer.Option(min=1, help="Products in all.")] = 20_000,
    engine: Annotated[
        list[str] | None,
        typer.Option(help="local, daft or ray; repeatable; all three by default."),
    ] = None,
    dim: Annotated[int, typer.Option(min=8, help="Dimension of the vectors.")] = 64,
    folder: Annotated[Path, typer.Option(help="New; keeps the shops.")] = Path("data/distributed"),
    as_json: Json = False,
) -> None:
    """The same products embedded by each engine: vectors, collections, time."""
    if folder.exists():
        raise typer.BadParameter(f"--folder {folder} exists: delete it, or name another one.")
    engines = engine or ["local", *ENGINES]
    shop = Shop(folder.resolve())
    facts = shop.fill(feeds, n, dim)
    rows = [shop.embed(each, engines[0]) for each in engines]
    if as_json:
        typer.echo(json.dumps({**facts, "engines": [asdict(row) for row in rows]}))
        return
    console = Console()
    console.print(facts)
    console.print(_table(rows))


def _table(rows: Sequence[Embedded]) -> Table:
    table = Table("engine", "seconds", "again", "encoded", "vectors", "points", "answers")
    for row in rows:
        table.add_row(
            row.engine,
            f"{row.seconds:.0f}",
            f"{row.again_seconds:.0f}",
            f"{row.encoded:,}",
            *(
                "the same" if same else "differ"
                for same in (row.same_vectors, row.same_points, row.same_answers)
            ),
        )
    return table
