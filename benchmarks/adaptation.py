r"""The adaptation experiment: what fine-tuning gains on held-out products, and what it forgets.

    python -m benchmarks adaptation PRODUCTS --base CHECKPOINT --out FOLDER --source-domain OTHER

`vitrine finetune` chooses its settings; options after `--` are its own, such as --minutes 60.
Everything runs through Vitrine's own commands. Each seed holds other products out, whole groups of
those that share a picture or a title; `vitrine finetune` judges by them at the end. Forgetting is
the change in title → picture on products of the source domain, which the base was trained on. A
seed that has its result is not run again.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from typer.main import get_command

from vitrine.__main__ import app
from vitrine.command import Json

MEASURE = "nDCG@10"
BASE = "base"
QUERIES = "titles.jsonl"

Result = dict[str, Any]


def adapt(
    products: Path,
    base: str,
    out: Path,
    seeds: Sequence[int],
    *,
    source_domain: Path | None = None,
    unseen: Path | None = None,
    options: Sequence[str] = (),
) -> list[Result]:
    """Run the experiment.

    Args:
        products: a file of products to train on and to judge by.
        base: folder of the checkpoint, or its id on the hub.
        out: keeps two installations and the results.
        seeds: one training and one split each.
        source_domain: a file of products of the kind that the base was trained on.
        unseen: those of them that it was not trained on: ids, a JSON list or one a line; None: all.
        options: of `vitrine finetune`.

    Returns:
        For each seed, what `vitrine finetune --json` and `vitrine eval run --json` returned, as
        `training` and `source_domain`.

    Raises:
        typer.Exit: a command failed; its message is on stderr.
        typer.BadParameter: `out` has results of another experiment.
    """
    experiment = {
        "products": str(products),
        "base": base,
        "source_domain": str(source_domain),
        "unseen": str(unseen),
        "options": list(options),
    }
    _check_same(out / "experiment.json", experiment)
    files = [out / f"seed{seed}.json" for seed in seeds]
    if not all(file.exists() for file in files):
        shop = _filled(out / "shop", products)
        other = _source_domain(out, source_domain, base, unseen) if source_domain else None
        for seed, file in zip(seeds, files, strict=True):
            if not file.exists():
                name = f"seed{seed}"
                train = ("finetune", "--variant", name, "--base", base, "--seed", seed, *options)
                trained = json.loads(vitrine(shop, *train, "--force", "--json"))
                forgotten = _evaluate(shop, other, name) if other else None
                result = {"seed": seed, "training": trained, "source_domain": forgotten}
                file.write_text(json.dumps(result), encoding="utf-8")
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def _check_same(file: Path, experiment: dict[str, Any]) -> None:
    """Write what an experiment is, or compare it with what is there."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(experiment), encoding="utf-8")
    if json.loads(file.read_text(encoding="utf-8")) != experiment:
        raise typer.BadParameter(
            f"{file.parent} has results of another experiment: name another folder."
        )


def _filled(home: Path, products: Path) -> Path:
    """An installation with these products and their pictures."""
    vitrine(home, "ingest", "products", products)
    vitrine(home, "ingest", "images")
    return home


def _source_domain(out: Path, products: Path, base: str, unseen: Path | None) -> Path:
    """An installation with the base as a variant, and queries for its products."""
    home = _filled(out / "source_domain", products)
    vitrine(home, "add", BASE, "--base", base, "--force")
    vitrine(home, "ingest", "vectors", "--variant", BASE)
    chosen = ("--held-out", unseen) if unseen else ("--share", 1)
    vitrine(home, "eval", "make-queries", "--kind", "title", *chosen, "--out", home / QUERIES)
    return home


def _evaluate(shop: Path, other: Path, name: str) -> Result:
    """Compare the base with a variant of the shop on the source domain's products."""
    merged = other / "merged" / name
    if not merged.exists():
        merged.parent.mkdir(exist_ok=True)
        vitrine(shop, "finetune", "merge", name, merged)
    vitrine(other, "add", name, "--base", merged, "--force")
    vitrine(other, "ingest", "vectors", "--variant", name)
    variants = ("--variant", BASE, "--variant", name)
    report = ("--queries", other / QUERIES, "--name", name)
    return json.loads(vitrine(other, "eval", "run", *variants, *report, "--json"))


def vitrine(home: Path, *words: object) -> str:
    """Run one command on an installation, in this process; returns its stdout."""
    with _environment(home), redirect_stdout(StringIO()) as out:
        status = get_command(app).main([str(word) for word in words], standalone_mode=False)
    if status:
        raise typer.Exit(status)  # its message is on stderr
    return out.getvalue()


@contextmanager
def _environment(home: Path) -> Iterator[None]:
    """The environment of an installation with the embedded engine."""
    before = dict(os.environ)
    os.environ["VITRINE_HOME"] = str(home)
    os.environ.pop("QDRANT_URL", None)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def command(
    products: Annotated[Path, typer.Argument(help="File of products to train on.")],
    base: Annotated[str, typer.Option(help="Checkpoint to adapt: its folder, or its hub id.")],
    out: Annotated[Path, typer.Option(help="Folder of the installations and results.")],
    options: Annotated[
        list[str] | None, typer.Argument(help="After --: options of `vitrine finetune`.")
    ] = None,
    seed: Annotated[list[int] | None, typer.Option(help="Repeatable; 0 if none.")] = None,
    source_domain: Annotated[
        Path | None, typer.Option(help="File of products of the kind that the base was trained on.")
    ] = None,
    unseen: Annotated[
        Path | None, typer.Option(help="Those of them that it was not trained on: a list of ids.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fine-tune on a file of products: gain on held-out products, loss on the source domain."""
    results = adapt(
        products,
        base,
        out,
        seed or [0],
        source_domain=source_domain,
        unseen=unseen,
        options=options or (),
    )
    if as_json:
        typer.echo(json.dumps({"seeds": results}))
    else:
        Console().print(_table(results))


def _table(results: Sequence[Result]) -> Table:
    table = Table("seed", "direction", "queries", "base", "fine-tuned", "gain", "p (Holm)")
    for result in results:
        for direction, found in result["training"]["heldout"]["ways"].items():
            cells = _cells(found["base"], found["tuned"], found["difference"])
            table.add_row(f"{result['seed']}", direction, *cells)
        recommended = "recommended" if result["training"]["recommended"] else "not recommended"
        gain = result["training"]["heldout"]["gain"]
        table.add_row("", f"both: {recommended}", f"{gain['n']:,}", "", "", _interval(gain))
        if found := result["source_domain"]:
            difference = next(each for each in found["differences"] if each["measure"] == MEASURE)
            base, tuned = found["variants"].values()
            cells = _cells(base, tuned, difference)
            table.add_row("", "source domain", *cells)
    table.caption = f"mean {MEASURE}; gain with its 95 % interval"
    return table


def _cells(base: Result, tuned: Result, gain: Result) -> tuple[str, ...]:
    values = (f"{each[MEASURE]['value']:.4f}" for each in (base, tuned))
    return f"{gain['n']:,}", *values, _interval(gain), f"{gain['p_holm']:.3f}"


def _interval(gain: Result) -> str:
    return f"{gain['value']:+z.4f} ({gain['low']:+z.4f} to {gain['high']:+z.4f})"
