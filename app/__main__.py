"""`vitrine app`: serve the search page. Options are those of `streamlit run`."""

import os
import sys
from pathlib import Path

import typer

from vitrine.command import CommandLine

MAIN = Path(__file__).with_name("main.py")

app = CommandLine()


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def serve(context: typer.Context) -> None:
    """Serve the search page of the installation VITRINE_HOME; Ctrl-C ends it.

    Options are handed to `streamlit run`: --server.port 8502, --server.address 0.0.0.0.
    """
    command = [sys.executable, "-m", "streamlit", "run", str(MAIN), *context.args]
    os.execv(sys.executable, command)  # noqa: S606 - our own words


if __name__ == "__main__":
    app(prog_name="python -m app")
