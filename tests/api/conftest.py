"""A shop with attributes, and a client of its API."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.testclient import TestClient

from api.application import make_application
from api.connections import Connection
from api.settings import Settings
from events.log import EventLog
from search.shop import Shop, open_shop
from tests import shop

ODD_ID = "odd/ü?&# id"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_clip: Path) -> Path:
    """The drawn shop with attributes; a product without a picture, one with an odd id."""
    rows = shop.rows()
    for number, row in enumerate(rows):
        kind, _, colour = row["id"].partition("-")
        row["category"] = f"{row['category']} > {kind.title()}s"
        row["in_stock"] = number % 4 > 0
        row["attributes"] = {"Colour": colour, "Weight": number / 4}
    rows.append({"id": ODD_ID, "title": "coral kettle without a picture", "category": "Odd"})
    return shop.build(tmp_path_factory.mktemp("api"), tiny_clip, rows)


@pytest.fixture(scope="session")
def client(home: Path) -> Iterator[TestClient]:
    """A client of the API on loopback, without keys; the model is in memory."""
    opened = open_shop(home)
    opened.engine().encoder  # noqa: B018 - loads it
    app = make_application(opened, Settings())
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def address(home, tmp_path_factory):
    """The address of a real server with a log of events."""
    opened = Shop(home, EventLog(tmp_path_factory.mktemp("log")))
    with running(opened, Settings(fetch=False)) as address:
        yield address


@contextmanager
def running(opened, settings):
    """The address of a real server over an open shop, in a thread; the model is in memory."""
    opened.engine().encoder  # noqa: B018 - loads it
    app = make_application(opened, settings)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", http=Connection))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()
