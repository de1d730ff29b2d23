"""`vitrine app`: serve the search page."""

import os
from pathlib import Path
from typing import Annotated

import typer

from events.settings import ENABLED
from vitrine.command import CommandLine, host_option, port_option

MAIN = Path(__file__).with_name("main.py")

app = CommandLine()


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def serve(
    context: typer.Context,
    host: Annotated[str, host_option("VITRINE_APP_HOST", "STREAMLIT_SERVER_ADDRESS")] = "localhost",
    port: Annotated[
        int | None,
        port_option(
            "VITRINE_APP_PORT", "STREAMLIT_SERVER_PORT", otherwise="8501, or the next free one"
        ),
    ] = None,
    events: Annotated[
        bool,
        typer.Option(
            "--events/--no-events",
            envvar=ENABLED,
            help="Keep searches, and which results are opened, in the shop's folder.",
        ),
    ] = False,
) -> None:
    """Serve the search page of the installation VITRINE_HOME. Ctrl-C ends it.

    Every other option is one of `streamlit run`, such as --server.baseUrlPath shop.
    """
    from click import Abort, ClickException
    from streamlit.web import cli  # takes a second that `--help` need not wait for

    os.environ[ENABLED] = "1" if events else "0"
    options = ["--server.address", host]
    if port:
        options += ["--server.port", str(port)]
    command = ["run", str(MAIN), *options, *context.args]
    try:
        cli.main(command, prog_name="streamlit", standalone_mode=False)
    except Abort:  # Ctrl-C
        return
    except ClickException as error:
        error.show()
        raise typer.Exit(error.exit_code) from error


if __name__ == "__main__":
    app(prog_name="python -m app")
