"""`python -m benchmarks`: each measurement is a command of its own."""

import typer

from benchmarks import (
    adaptation,
    encode,
    evaluate,
    finetune,
    ingest,
    pictures,
    query,
    search,
    server,
)

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Measure speed and scale; ratios come from one run, side by side.",
)
app.command("adaptation")(adaptation.command)
app.command("encode")(encode.command)
app.command("evaluate")(evaluate.command)
app.command("finetune")(finetune.command)
app.add_typer(ingest.app, name="ingest")
app.command("pictures")(pictures.command)
app.command("query")(query.command)
app.command("search")(search.command)
app.command("server")(server.command)

if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
