"""`python -m benchmarks ingest`: the jobs at catalogue scale; `docs/ingest.md` has the figures."""

import typer

from benchmarks import vectors

app = typer.Typer(no_args_is_help=True, help="The jobs at catalogue scale; see docs/ingest.md.")
app.command("vectors")(vectors.command)
