"""`python -m benchmarks ingest`: the jobs at catalogue scale; `docs/ingest.md` has the figures."""

import typer

from benchmarks import rebuild, scale, summaries, vectors

app = typer.Typer(no_args_is_help=True, help="The jobs at catalogue scale; see docs/ingest.md.")
app.command("rebuild")(rebuild.command)
app.command("scale")(scale.command)
app.command("summaries")(summaries.command)
app.command("vectors")(vectors.command)
