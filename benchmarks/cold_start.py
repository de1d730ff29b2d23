"""Cold start: what the first search of a new process costs, and what it imports.

    python -m benchmarks cold-start
    python -m benchmarks cold-start --home data --query "red dress" --torch

Processes of the real commands, in turns: `vitrine search`, and the search page, which draws itself,
searches, and searches again. Each step of the page has times of its own; a step's processor time
includes what the page does in the background, which is to load the model. At last one search runs
with `-X importtime`: the packages whose modules take longest to import, each without those that
it imports in turn.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.generated import random_texts, write_shop
from benchmarks.process_cost import ROOT, Cost, run_process
from encoder.runtimes.runtime import VARIABLE
from encoder.variants import Variants
from ingest.images import fetch_images
from ingest.products import load_products
from ingest.vectors import embed_products
from vitrine.command import Json

NAME = "benchmark"
SEARCH, PAGE = "vitrine search", "page"
LARGEST = 10  # packages that are shown

# The page as a visitor's first searches run it, without a browser. Prints the seconds of wall and
# of processor time at which each step ended.
PAGE_CODE = """
import json, sys, time
def mark(step):
    marks.append((step, time.perf_counter() - started, time.process_time()))
started, marks = time.perf_counter(), []
from streamlit.testing.v1 import AppTest
mark("import Streamlit")
page = AppTest.from_file("app/main.py", default_timeout=600).run()
mark("draw the page")
for step in ("first search", "second search"):
    page.text_input(key="text").set_value(sys.argv[1] + " new" * (step == "second search")).run()
    assert not page.exception, page.exception
    mark(step)
print(json.dumps(marks))
"""


def command(
    home: Annotated[
        Path | None, typer.Option(help="A shop with vectors; one is generated if none.")
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Of the generated shop: a CLIP's folder; a random ViT-B/32 if none."),
    ] = None,
    n: Annotated[int, typer.Option(min=1, help="Products of the generated shop.")] = 200,
    rounds: Annotated[int, typer.Option(min=1, help="Processes of each kind.")] = 5,
    query: Annotated[str, typer.Option(help="What is searched for.")] = "red dress",
    by_torch: Annotated[
        bool, typer.Option("--torch", help="Measure the same run by torch too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Times and memory of a new process's first search, and its largest imports."""
    from benchmarks.encoders import machine

    with tempfile.TemporaryDirectory() as folder:
        shop = home.absolute() if home else _built(Path(folder), checkpoint, n)
        runtimes = ("auto", "torch") if by_torch else ("auto",)
        costs = _measure(shop, query, rounds, runtimes)
        imports = _imports(shop, query)
    facts = machine()
    if as_json:
        shown = {name: [asdict(each) for each in found] for name, found in costs.items()}
        typer.echo(json.dumps({"costs": shown, "imports_ms": imports, "machine": facts}))
        return
    console = Console()
    console.print(_table(costs))
    largest = ", ".join(f"{name} {spent:.0f}" for name, spent in imports.items())
    console.print(f"imports of {SEARCH}, ms: {largest}", highlight=False)
    console.print("; ".join(f"{name}: {value}" for name, value in facts.items()))


def _built(folder: Path, checkpoint: Path | None, n: int) -> Path:
    """A shop whose model is converted as `vitrine ingest vectors` does."""
    from benchmarks.checkpoints import vit_b_32

    shop = folder / "home"
    Variants(shop).add(NAME, checkpoint or vit_b_32(folder / "clip"))
    load_products(shop, write_shop(folder / "feed", random_texts(n)))
    fetch_images(shop)
    embed_products(shop, NAME)
    return shop


def _measure(
    shop: Path, query: str, rounds: int, runtimes: tuple[str, ...]
) -> dict[str, list[Cost]]:
    """The costs of processes and of their steps, by name; one round before is not counted."""
    costs = defaultdict[str, list[Cost]](list)
    for number in range(rounds + 1):
        for runtime in runtimes:
            environment = _environment(shop, runtime)
            found = {SEARCH: run_process(_search_words(query), environment)[0]}
            found |= _page_costs(query, environment)
            for name, cost in found.items():
                if number:
                    costs[f"{name}, torch" if runtime == "torch" else name].append(cost)
    return costs


def _page_costs(query: str, environment: Mapping[str, str]) -> dict[str, Cost]:
    """The cost of the page's process, and of each of its steps."""
    whole, printed = run_process(["-c", PAGE_CODE, query], environment)
    found, before = {PAGE: whole}, (0.0, 0.0)
    for step, seconds, processor in json.loads(printed):
        found[f"{PAGE}: {step}"] = Cost(seconds - before[0], processor - before[1])
        before = (seconds, processor)
    return found


def _environment(shop: Path, runtime: str) -> dict[str, str]:
    return {**os.environ, "VITRINE_HOME": str(shop), VARIABLE: runtime}


def _search_words(query: str) -> list[str]:
    return ["-m", "vitrine", "search", query, "--json"]


def _imports(shop: Path, query: str) -> dict[str, float]:
    """Milliseconds that a search's imports take, by package, the largest first."""
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", *_search_words(query)],
        cwd=ROOT,
        env=_environment(shop, "auto"),
        capture_output=True,
        text=True,
        check=True,
    )
    spent = defaultdict[str, float](float)
    for line in ran.stderr.splitlines():
        own, _, rest = line.removeprefix("import time:").partition("|")
        if line.startswith("import time:") and own.strip().isdigit():
            package = rest.rpartition("|")[2].strip().partition(".")[0]
            spent[package] += int(own) / 1000
    largest = sorted(spent.items(), key=lambda each: -each[1])[:LARGEST]
    return {name: round(each, 1) for name, each in largest} | {"all": round(sum(spent.values()), 1)}


def _table(costs: Mapping[str, list[Cost]]) -> Table:
    drawn = Table("", "s, least", "s, median", "processor time, s, least", "MB")
    for name, found in costs.items():
        seconds = [each.seconds for each in found]
        row: list[Any] = [min(seconds), float(np.median(seconds))]
        row.append(min(each.processor for each in found))
        most = max(each.megabytes for each in found)
        drawn.add_row(name, *(f"{each:.2f}" for each in row), f"{most:,}" if most else "")
    return drawn
