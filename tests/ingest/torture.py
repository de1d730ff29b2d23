"""`make torture`: kill jobs at random instants, again and again, and check that nothing is lost.

A shop of some hundred products, whose source changes after every other kill, is filled by the four
commands, each a group of processes of its own that is killed as a whole (SIGKILL). After each kill
the shop is checked; in the end the four commands run without kills and the shop must equal one
that was never disturbed.
"""

import os
import random
import secrets
import signal
import subprocess
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress
from transformers.utils.logging import disable_progress_bar

from catalog.catalogue import Catalogue
from encoder.variants import Variants
from ingest.image_vectors import LABEL
from ingest.verification import verify_collection
from pictures.errors import PictureError
from qdrant.errors import CollectionMissing
from qdrant.model import Point
from qdrant.store import open_store
from qdrant.vector_files import VectorFiles
from tests.ingest import drawn_shop
from tests.ingest.commands import begin, end
from tests.ingest.picture_web import PictureWeb
from tests.tiny_bart import build_tiny_bart
from tests.tiny_clip import build_tiny_clip

JOBS = ("products", "images", "summaries", "vectors")
KEPT_GENERATIONS = 2
SAME = 1e-5  # of a vector's numbers
# Of a job's seconds from its beginning to the end of its process: the rest is Python closing down.
WORK = 0.7
POLL = 0.005  # seconds between two checks for the beginning of a run

console = Console(stderr=True)


@dataclass(frozen=True)
class Shop:
    """One shop under torture."""

    home: Path
    source: Path
    bart: Path

    def command(self, job: str) -> subprocess.Popen[str]:
        """Start one of the four jobs."""
        choices: dict[str, tuple[object, ...]] = {
            "products": (self.source, "--category-field", "category", "--prune"),
            "summaries": ("--variant", "tiny", "--checkpoint", self.bart),
            "vectors": ("--variant", "tiny"),
        }
        return begin(self.home, job, *choices.get(job, ()), "--json")

    def run(self, job: str) -> float:
        """Run a job to its end and give the seconds from the beginning of its work."""
        process = self._at_work(job)
        started = time.monotonic()
        ended = end(process)
        if ended.status:
            raise Loss(f"{job} ended with status {ended.status}: {ended.stderr.strip()[-500:]}")
        return time.monotonic() - started

    def kill(self, job: str, after: float) -> bool:
        """Kill all processes of a job some seconds after it began to work; whether it was too late.

        Whoever is killed while Python closes down has nothing left to lose.
        """
        process = self._at_work(job)
        with suppress(subprocess.TimeoutExpired):
            process.wait(after)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        end(process)
        with Catalogue(self.home) as catalogue:
            return catalogue.runs(job)[0].outcome == "done"

    def _at_work(self, job: str) -> subprocess.Popen[str]:
        """Start a job and wait until it has written down that it began."""
        with Catalogue(self.home) as catalogue:
            before = catalogue.runs(job)
            process = self.command(job)
            while process.poll() is None and len(catalogue.runs(job)) == len(before):
                time.sleep(POLL)
        return process


class Loss(Exception):
    """Something that a kill must not cost."""


def require(holds: object, message: str) -> None:
    """Raise `Loss` where something does not hold."""
    if not holds:
        raise Loss(message)


@dataclass(frozen=True)
class Kept:
    """What a shop has written down, none of which may be lost or done again.

    Attributes:
        addresses: product → its address, and the hash of its picture, of every recorded attempt.
        summaries: digests of what was summarised.
        keys: of every vector, as often as it lies in the vector files.
        generation: the published one; empty before the first.
    """

    addresses: dict[str, tuple[str, str]]
    summaries: frozenset[str]
    keys: Counter[bytes]
    generation: str


def check(home: Path) -> Kept:
    """Open everything, as the next command would, and see that it is whole.

    Raises:
        Loss: something is not.
    """
    with Catalogue(home) as catalogue, catalogue.exclusive("vectors"):
        require(catalogue._select("PRAGMA integrity_check") == [("ok",)], "The file is not sound.")
        require(not catalogue._select("PRAGMA foreign_key_check"), "A row refers to nothing.")
        attempts = catalogue._select("SELECT product, address, hash FROM picture")
        for _, _, picture in attempts:
            try:
                picture and catalogue.pictures.open(picture)
            except PictureError as error:
                raise Loss(f"A recorded picture is not whole: {error}") from error
        made = frozenset(digest for (digest,) in catalogue._select("SELECT digest FROM summary"))
    variant = Variants(home).get("tiny")
    with VectorFiles(home / "vectors" / variant.fingerprint, variant.dim) as vector_files:
        keys: Counter[bytes] = Counter()
        for some, vectors in vector_files.batches():
            keys.update(some)
            require(np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4), "A torn vector.")
    repeated = [key for key, count in keys.items() if count > 1]
    require(not repeated, f"{len(repeated)} vectors were encoded though they were kept.")
    addresses = {product: (address, picture) for product, address, picture in attempts}
    return Kept(addresses, made, keys, _searched(home))


def _searched(home: Path) -> str:
    """The published generation, which must answer."""
    with open_store(home) as store:
        try:
            collection = store.collection("tiny")
        except CollectionMissing:
            return ""
        query = np.ones((1, collection.dim), np.float32)
        require(len(store.search("tiny", query, k=10)[0]) == 10, "A search finds too little.")
        count = sum(1 for _ in store.scroll("tiny"))
        require(count == collection.points, f"{count} points, {collection.points} were published.")
        return collection.generation


def compare(before: Kept, after: Kept, expected: dict[str, str], requests: Counter[str]) -> None:
    """See that a killed run lost nothing and did nothing again.

    Args:
        before: what the shop had before the run.
        after: what it has after the kill.
        expected: product → picture address, of the source that the run read.
        requests: addresses that were requested meanwhile.

    Raises:
        Loss: it did.
    """
    require(before.summaries <= after.summaries, "A summary is gone.")
    require(before.keys.keys() <= after.keys.keys(), "A vector is gone.")
    require(after.generation or not before.generation, "The collection is gone.")
    settled = {product for product, (address, _) in before.addresses.items() if address}
    unchanged = {each for each in settled if expected.get(each) == before.addresses[each][0]}
    lost = [each for each in unchanged if after.addresses.get(each) != before.addresses[each]]
    require(not lost, f"The outcome of a picture is gone: {lost[:3]}.")
    open_ones = {address for product, address in expected.items() if product not in unchanged}
    again = {before.addresses[each][0] for each in unchanged} - open_ones
    repeated = again & requests.keys()
    require(not repeated, f"Recorded pictures were fetched again: {sorted(repeated)[:3]}.")


def points(home: Path) -> dict[str, Point]:
    """Every point of the collection."""
    with open_store(home) as store:
        return {point.id: point for point in store.scroll("tiny", vectors=True)}


def require_equal(home: Path, unbroken: Path) -> None:
    """See that two shops hold the same products, pictures, summaries and vectors."""
    shops = []
    for each in (home, unbroken):
        with Catalogue(each) as catalogue:
            shops.append((list(catalogue.entries()), catalogue.picture_counts()))
    require(shops[0] == shops[1], "The catalogue differs from an unbroken shop's.")
    ours, theirs = points(home), points(unbroken)
    require(ours.keys() == theirs.keys(), "The products found differ from an unbroken shop's.")
    for name, point in ours.items():
        other = theirs[name]
        require(point.payload == other.payload, f"The payload of {name} differs.")
        require(point.vectors.keys() == other.vectors.keys(), f"The vectors of {name} differ.")
        for kind, vector in point.vectors.items():
            require(np.allclose(vector, other.vectors[kind], atol=SAME), f"{name}: {kind} differs.")


def strays(home: Path) -> list[str]:
    """Files that a killed process left and nothing swept."""
    variant = Variants(home).get("tiny")
    collection = home / "qdrant" / "tiny"
    named = (collection / "CURRENT").read_text().split()
    expected = {"CURRENT", "LOCK", "readers", *named[:KEPT_GENERATIONS]}
    found = [path for path in collection.iterdir() if path.name not in expected]
    found += (collection / "readers").glob("*")
    found += (home / "images" / ".parts").glob("*")
    found += home.glob("catalog.sqlite-*")
    with Catalogue(home) as catalogue:
        hashes = {entry.picture for entry in catalogue.entries()}
    found += [path for path in (home / "images").glob("*/*.jpg") if path.stem not in hashes]
    vectors = home / "vectors" / variant.fingerprint
    found += [path for path in vectors.iterdir() if path.suffix != ".part" and path.name != LABEL]
    return sorted(str(path.relative_to(home)) for path in found)


def torture(folder: Path, kills: int, rng: random.Random) -> str:
    """Kill jobs of a shop and check it; returns one line for the user.

    Raises:
        Loss: something was lost.
    """
    bart, clip = build_tiny_bart(folder / "bart"), build_tiny_clip(folder / "clip")
    shop = Shop(folder / "home", folder / "products.jsonl", bart)
    Variants(shop.home).add("tiny", clip, template="summary")
    finished = 0
    with PictureWeb(drawn_shop.picture) as web, Progress(console=console) as progress:
        task = progress.add_task("an unbroken shop", total=kills + 3)
        trial = Shop(folder / "trial", shop.source, bart)
        Variants(trial.home).add("tiny", clip, template="summary")
        for edition in (0, 1):  # from one edition to the next there is less to do than at first
            drawn_shop.write(shop.source, web, edition)
            seconds = {job: trial.run(job) for job in JOBS}
        progress.advance(task)
        kept = check(shop.home)
        for number in range(kills):
            edition = number // 2
            drawn_shop.write(shop.source, web, edition)
            expected = {
                str(row["id"]): str(row["image"] or "") for row in drawn_shop.rows(web, edition)
            }
            web.requests.clear()
            job = rng.choice(JOBS)
            after = rng.uniform(0, WORK * seconds[job])
            progress.update(task, description=f"kill {number + 1}: {job} after {after:.2f} s")
            for earlier in JOBS[: JOBS.index(job)]:
                shop.run(earlier)
            finished += shop.kill(job, after)
            found = check(shop.home)
            compare(kept, found, expected, web.requests)
            kept = found
            progress.advance(task)
        progress.update(task, description="without kills")
        for job in JOBS:
            shop.run(job)
        require(not verify_collection(shop.home, "tiny")["faults"], "verify is not clean.")
        found = check(shop.home)
        web.requests.clear()
        for job in JOBS:
            shop.run(job)
        require(check(shop.home) == found, "A run that had nothing to do changed something.")
        require(not web.requests, "A run that had nothing to do made requests.")
        end(begin(shop.home, "images", "--prune"))
        require(not (left := strays(shop.home)), f"Files were left behind: {', '.join(left)}.")
        progress.advance(task)
        unbroken = Shop(folder / "unbroken", shop.source, bart)
        Variants(unbroken.home).add("tiny", clip, template="summary")
        for job in JOBS:
            unbroken.run(job)
        require_equal(shop.home, unbroken.home)
        progress.advance(task)
    return (
        f"{kills} kills, {kills - finished} of them in the middle of a job and {finished} just "
        f"after its end: nothing was lost, done again or left behind, and the shop of "
        f"{len(points(shop.home))} products equals one that was never disturbed."
    )


def main(
    kills: Annotated[int, typer.Option(help="How many.")] = 30,
    seed: Annotated[int | None, typer.Option(help="Of the instants; random by default.")] = None,
) -> None:
    """Kill jobs at random instants; exits 1 when anything is lost."""
    disable_progress_bar()
    seed = secrets.randbelow(10_000) if seed is None else seed
    console.print(f"Seed {seed}; the same instants again: --seed {seed}", highlight=False)
    with tempfile.TemporaryDirectory() as folder:
        try:
            sentence = torture(Path(folder), kills, random.Random(seed))
        except Loss as loss:
            console.print(f"[red]Lost:[/red] {loss} (seed {seed})", highlight=False)
            raise typer.Exit(1) from None
    console.print(sentence, highlight=False)


if __name__ == "__main__":
    typer.run(main)
