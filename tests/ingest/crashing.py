"""Run the jobs and die at every instant that matters; run by test_crashes.py as a program.

The jobs run in forks of one process that has everything imported, so that hundreds of deaths
take a minute and not an hour. A fork counts the events that change the disk (renames, commits
of SQLite, appended vectors) and calls `os._exit` just before or just after the chosen one.
"""

import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from catalog.catalogue import Catalogue
from encoder.variants import Variants
from ingest.images import images
from ingest.products import products
from ingest.summaries import summaries
from ingest.summarizer import Recipe
from ingest.vectors import vectors
from ingest.verify import verify
from qdrant.store import open_store
from qdrant.vector_files import VectorFiles
from tests import shop
from tests.tiny_bart import build_tiny_bart

DIED = 77
LONG = "A lipstick that keeps its colour from breakfast to supper. " * 3  # beyond the tiny CLIP


def jobs(home: Path, bart: Path) -> None:
    products(home, home / "source" / "products.jsonl", category_field="category")
    images(home)
    recipe = Recipe(checkpoint=str(bart), beams=1, longest=8, read=64, batch=1)
    summaries(home, "tiny", recipe=recipe)
    vectors(home, "tiny")


def forked(work: Callable[[], None]) -> int:
    """Do work in a fork; its exit status."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - the fork must never return into the parent's code
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Deaths:
    """Counts events and dies at one of them.

    Args:
        at: the event's number from 0; −1 for none.
        after: die after the event rather than before it.
        log: where to write the events' names.
    """

    def __init__(self, at: int, after: bool, log: Path) -> None:
        self.at, self.after, self.seen, self.log = at, after, 0, log
        self.parent = os.getpid()

    def around(self, name: str, call: Callable) -> Callable:
        def watched(*args, **keywords):
            number, self.seen = self.seen, self.seen + 1
            with self.log.open("a") as log:
                log.write(f"{name}\n")
            if number == self.at and not self.after:
                os._exit(DIED)
            result = call(*args, **keywords)
            if number == self.at and self.after:
                os._exit(DIED)
            return result

        return watched

    def watch(self) -> None:
        os.replace = self.around("replace", os.replace)
        os.rename = self.around("rename", os.rename)
        VectorFiles.append = self.around("append", VectorFiles.append)
        deaths = self

        class Watched(sqlite3.Connection):
            def execute(self, sql, *rest):
                run = super().execute
                if sql.strip().upper().startswith(("COMMIT", "END")):
                    run = deaths.around("commit", run)
                return run(sql, *rest)

            def commit(self):
                if self.in_transaction:
                    deaths.around("commit", super().commit)()

            def __exit__(self, *error):
                if error[0] is None and self.in_transaction:
                    return deaths.around("commit", super().__exit__)(*error)
                return super().__exit__(*error)

        connect = sqlite3.connect
        sqlite3.connect = lambda *a, **k: connect(*a, **(k | {"factory": Watched}))


def state(home: Path) -> dict:
    """All that a run leaves behind, without times and counts of attempts."""
    with Catalogue(home) as catalogue, open_store(home) as store:
        entries = [
            [entry.picture, entry.summary, str(entry.product).replace(str(home), "")]
            for entry in catalogue.entries()
        ]
        return {
            "entries": entries,
            "pictures": catalogue.picture_counts(),
            "kept": sorted(
                path.name for path in (home / "images").rglob("*") if path.suffix == ".jpg"
            ),
            "points": {
                point.id: [
                    point.payload,
                    {name: [round(float(x), 4) for x in v] for name, v in point.vectors.items()},
                ]
                for point in store.scroll("tiny", vectors=True)
            },
            "faults": verify(home, "tiny")["faults"],
        }


def write_state(home: Path, out: Path) -> None:
    out.write_text(json.dumps(state(home), sort_keys=True))


def report(**facts) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")


def main(folder: Path, checkpoint: Path, after: bool) -> None:
    """Print one line of JSON per death that a second run did not make good, and the count."""
    torch.set_num_threads(1)  # a fork has no thread pool
    start = folder / "start"
    bart = build_tiny_bart(folder / "bart")
    Variants(start).add("tiny", checkpoint, template="summary")
    rows = shop.rows()[:3]
    rows[0]["image"] = "absent.png.jpg"
    for row in rows[1:]:
        row["description"] = LONG + row["title"]
    shop.write_source(start / "source", rows)

    def fresh() -> Path:
        home = folder / "home"  # one address for all: pictures' stamps hold paths
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(start, home)
        return home

    log, out = folder / "events", folder / "state"

    def ended(home: Path) -> str:
        if status := forked(lambda: jobs(home, bart)):
            return f"the second run ended with status {status}"
        if status := forked(lambda: write_state(home, out)):
            return f"the state could not be read: status {status}"
        return out.read_text()

    def unbroken() -> None:
        Deaths(-1, False, log).watch()
        jobs(home, bart)

    home = fresh()
    if forked(unbroken) != 0:
        sys.exit("the unbroken run failed")
    events = log.read_text().split()
    expected = ended(home)
    died = 0
    for number, name in enumerate(events):
        home = fresh()

        def broken(number: int = number, home: Path = home) -> None:
            Deaths(number, after, folder / "ignored").watch()
            jobs(home, bart)

        died += forked(broken) == DIED
        found = ended(home)
        if found != expected:
            report(event=number, name=name, found=found[:400])
    report(events=events, deaths=died)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "after")
