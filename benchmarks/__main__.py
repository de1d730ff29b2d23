"""`python -m benchmarks`: one command per measurement."""

import typer

from benchmarks import (
    adaptation,
    api,
    cold_start,
    distributed,
    embedding,
    encode,
    feeds,
    finetune,
    fusion,
    intervals,
    known_items,
    scale,
    screenshots,
    search,
    sessions,
    storage,
)

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Measure speed and scale. Compare figures of one run only.",
)
for module in (
    adaptation,
    api,
    cold_start,
    distributed,
    embedding,
    encode,
    feeds,
    finetune,
    fusion,
    intervals,
    known_items,
    scale,
    screenshots,
    search,
    sessions,
    storage,
):
    app.command(module.__name__.removeprefix("benchmarks.").replace("_", "-"))(module.command)

if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
