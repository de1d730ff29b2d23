"""`vitrine serve`: serve the HTTP API."""

import socket
import tempfile
from contextlib import ExitStack
from os import environ
from typing import Annotated

import typer

from api.settings import FETCH, KEYS, LOOPBACK, ORIGINS, RATE, Settings
from events.settings import DAYS, ENABLED
from pictures.public_addresses import PUBLIC_URL
from vitrine import VitrineError, home
from vitrine.command import CommandLine, host_option, messages, port_option

app = CommandLine()


@app.command()
def serve(
    host: Annotated[str, host_option("VITRINE_API_HOST")] = "localhost",
    port: Annotated[int, port_option("VITRINE_API_PORT", otherwise="8000")] = 8000,
    workers: Annotated[
        int,
        typer.Option(
            min=1,
            max=64,
            envvar="VITRINE_API_WORKERS",
            help="Processes, each with a model of its own in memory.",
        ),
    ] = 1,
    public_url: Annotated[
        str,
        typer.Option(
            metavar="URL",
            envvar=PUBLIC_URL,
            help="The server's address as clients see it, which the addresses of pictures have.",
        ),
    ] = "",
    fetch: Annotated[
        bool,
        typer.Option(
            "--fetch/--no-fetch",
            envvar=FETCH,
            help="Whether the picture of a query may be at an address on the public web.",
        ),
    ] = True,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            envvar=ORIGINS,
            help="Let scripts of this origin read answers, as https://shop.example; repeatable.",
        ),
    ] = None,
    rate: Annotated[
        float,
        typer.Option(
            min=0,
            envvar=RATE,
            help="Requests a second for each key or, without keys, each address; 0 is no limit.",
        ),
    ] = 0,
    events: Annotated[
        bool,
        typer.Option(
            "--events/--no-events",
            envvar=ENABLED,
            help="Keep searches, and the events that clients send, in the shop's folder.",
        ),
    ] = False,
    events_days: Annotated[
        float,
        typer.Option(
            min=0, envvar=DAYS, help="Delete searches and events when older; 0 keeps them all."
        ),
    ] = 0,
) -> None:
    """Serve the HTTP API of the installation VITRINE_HOME. Ctrl-C ends it.

    /openapi.json describes it. VITRINE_API_KEYS has the keys of which requests must send one; an
    address that other machines reach needs keys. For example:

      vitrine serve --port 8000

      curl localhost:8000/v1/search --json '{"text": "red dress"}'
    """
    # These take a second that `--help` need not wait for.
    from api.connections import allow_connections
    from api.metrics import FOLDER
    from api.processes import run_processes
    from search.shop import open_shop

    environ[PUBLIC_URL], environ[FETCH] = public_url, "1" if fetch else "0"
    environ[ENABLED], environ[DAYS] = "1" if events else "0", str(events_days)
    environ[ORIGINS], environ[RATE] = " ".join(allow_origin or ()), str(rate)
    if not Settings.read().keys and host not in LOOPBACK:
        raise VitrineError(
            f"Other machines reach {host}: set {KEYS} to one or several keys, as "
            "`openssl rand -hex 32` makes them."
        )
    environ["VITRINE_HOME"] = str(home().absolute())
    open_shop(log=events).close()  # a shop that cannot be opened is one sentence
    _check_port(host, port)
    allow_connections()
    messages.print(f"The API is at http://{host}:{port}/v1 (Ctrl-C ends it).", markup=False)
    with ExitStack() as stack:
        if workers > 1:
            environ[FOLDER] = stack.enter_context(tempfile.TemporaryDirectory())
        run_processes(host, port, workers)


def _check_port(host: str, port: int) -> None:
    """Check that the port is free.

    Raises:
        VitrineError: it is not, or there is no such address.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except OSError as error:
        raise VitrineError(
            f"The server cannot listen on {host}:{port} ({error.strerror}): name another --port, "
            "or another --host."
        ) from None


if __name__ == "__main__":
    app(prog_name="python -m api")
