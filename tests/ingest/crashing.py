"""Kill the jobs at every event that changes the disk; run by test_crashes.py as a program.

The jobs run in forks of one process that has everything imported. A fork counts its events
(renames, SQLite commits, appended vectors) and calls `os._exit` just before the chosen one, or
just after the last: after any other, the disk is as before the next one, or lacks some of what that
one publishes. Another fork then runs the jobs again up to that one. What it leaves must equal what
a run without interruption leaves.
"""

import importlib
import json
import os
import shutil
import sqlite3
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from catalog.catalogue import Catalogue
from encoder.variants import Variants
from ingest.images import fetch_images
from ingest.products import load_products
from ingest.summaries import write_summaries
from ingest.summarizer import Recipe
from ingest.vectors import embed_products
from ingest.verification import verify_collection
from qdrant.errors import CollectionMissing
from qdrant.store import open_store
from qdrant.vector_files import VectorFiles
from tests import shop
from tests.tiny_bart import build_tiny_bart

KILLED = 77
LONG = "A lipstick that keeps its colour from breakfast to supper. " * 3  # beyond the tiny CLIP
# What the jobs import when they need it; imported here once instead of in every fork.
IMPORTS = (
    "encoder.encoder",
    "pandas",  # by pyarrow
    "pictures.decode_workers",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.bart.modeling_bart",
    "transformers.models.clip.modeling_clip",
)
# All that the catalogue keeps of a product but times, numbers of runs and counts of attempts.
ROWS = {
    "products": "SELECT id, title, category, description, brand, images, source FROM product",
    "pictures": "SELECT product, outcome, stamp, address, reason, hash, bytes FROM picture",
    "summaries": "SELECT product, digest, text FROM product_summary JOIN summary USING (digest)",
    "settings": "SELECT name, value FROM setting",
}

Job = Callable[[Path], object]


def jobs(bart: Path) -> dict[str, Job]:
    """The jobs in their order, each as a function of the shop's folder."""
    recipe = Recipe(checkpoint=str(bart), beams=1, longest=8, read=64, batch=1)
    return {
        "products": lambda home: load_products(
            home, home / "source" / "products.jsonl", category_field="category"
        ),
        "images": fetch_images,
        "summaries": lambda home: write_summaries(home, "tiny", recipe=recipe),
        "vectors": lambda home: embed_products(home, "tiny"),
    }


def forked(work: Callable[[], object]) -> int:
    """Do work in a fork; its exit status."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - the fork must never return into the parent's code
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Events:
    """Counts this process's events and ends the process at one of them.

    Args:
        log: where to write the events' names.
        at: the number, from 0, of the event to end at; −1 for none.
        after: end after the event rather than before it.
    """

    def __init__(self, log: Path, at: int = -1, *, after: bool = False) -> None:
        self._log, self._at, self._after, self._seen = log, at, after, 0

    def watch(self) -> None:
        """Count renames, commits and appended vectors from now on."""
        os.replace = self._counted("replace", os.replace)
        os.rename = self._counted("rename", os.rename)
        VectorFiles.append = self._counted("append", VectorFiles.append)
        counted = self._counted

        class Watched(sqlite3.Connection):
            def execute(self, sql, *rest):
                run = super().execute
                if sql.strip().upper().startswith(("COMMIT", "END")):
                    run = counted("commit", run)
                return run(sql, *rest)

            def commit(self):
                if self.in_transaction:
                    counted("commit", super().commit)()

            def __exit__(self, *error):
                if error[0] is None and self.in_transaction:
                    return counted("commit", super().__exit__)(*error)
                return super().__exit__(*error)

        connect = sqlite3.connect
        sqlite3.connect = lambda *a, **k: connect(*a, **(k | {"factory": Watched}))

    def _counted(self, name: str, call: Callable) -> Callable:
        def counted(*args, **keywords):
            number, self._seen = self._seen, self._seen + 1
            with self._log.open("a") as log:
                log.write(f"{name}\n")
            if number == self._at and not self._after:
                os._exit(KILLED)
            result = call(*args, **keywords)
            if number == self._at:
                os._exit(KILLED)
            return result

        return counted


def state(home: Path) -> dict:
    """All that a run leaves behind: rows, files of pictures, kept vectors, the collection."""
    variant = Variants(home).get("tiny")
    with Catalogue(home) as catalogue:
        rows = {name: sorted(catalogue._select(query)) for name, query in ROWS.items()}
    with VectorFiles(home / "vectors" / variant.fingerprint, variant.dim) as files:
        kept = {
            key.hex(): rounded(vector)
            for keys, found in files.batches()
            for key, vector in zip(keys, found, strict=True)
        }
    pictures = sorted(path.name for path in (home / "images").rglob("*.jpg"))
    return {"rows": rows, "pictures": pictures, "vectors": kept, "collection": collection(home)}


def collection(home: Path) -> dict:
    with open_store(home) as store:
        try:
            store.collection("tiny")
        except CollectionMissing:
            return {}
        points = {
            point.id: [point.payload, {name: rounded(v) for name, v in point.vectors.items()}]
            for point in store.scroll("tiny", vectors=True)
        }
    return {"points": points, "faults": verify_collection(home, "tiny")["faults"]}


def rounded(vector) -> list[float]:
    return [round(float(number), 4) for number in vector]


def write_state(home: Path, out: Path) -> None:
    out.write_text(json.dumps(state(home), sort_keys=True))


def kill_at_every_event(folder: Path, done: list[Job], job: Job) -> dict:
    """Kill a job before each of its events and after the last; compare what the next run leaves.

    Args:
        folder: has `start`, the shop before the job; afterwards the shop after it.
        done: the jobs that have already run.
        job: the one to kill.

    Returns:
        `events`, how many of the forks were `killed`, and what `differs` and how.
    """
    # One path for all copies, since pictures' stamps contain it.
    start, home, log, out = (folder / name for name in ("start", "home", "events", "state"))
    found = {"events": [], "killed": 0, "differs": []}

    def fresh_home() -> None:
        shutil.rmtree(home, ignore_errors=True)
        shop.copy(start, home)

    def run(at: int, after: bool = False) -> None:
        Events(log, at, after=after).watch()
        job(home)

    def run_again() -> None:
        for each in (*done, job):
            each(home)
        write_state(home, out)

    log.write_text("")
    fresh_home()
    if forked(partial(run, -1)) or forked(partial(write_state, home, out)):
        sys.exit("the run without interruption failed")
    found["events"] = log.read_text().split()
    expected = out.read_text()
    moments = [(number, False) for number in range(len(found["events"]))]
    for number, after in [*moments, (len(moments) - 1, True)]:
        name = found["events"][number]
        fresh_home()
        found["killed"] += forked(partial(run, number, after)) == KILLED
        if status := forked(run_again):
            found["differs"].append(f"{name} {number}: the next run ended with status {status}")
        elif out.read_text() != expected:
            found["differs"].append(f"{name} {number}: {out.read_text()} instead of {expected}")
    shutil.rmtree(start)
    home.rename(start)
    return found


def main(folder: Path, checkpoint: Path) -> None:
    """Print a JSON object: for each job its events, and what a killed run has changed."""
    torch.set_num_threads(1)  # a fork has no thread pool
    for module in IMPORTS:
        importlib.import_module(module)
    Variants(folder / "start").add("tiny", checkpoint, template="summary")
    rows = shop.rows()[:3]
    rows[0]["image"] = "absent.png.jpg"
    for row in rows[1:]:
        row["description"] = LONG + row["title"]
    shop.write_source(folder / "start" / "source", rows)
    found, done = {}, []
    for name, job in jobs(build_tiny_bart(folder / "bart")).items():
        found[name] = kill_at_every_event(folder, done, job)
        done.append(job)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
