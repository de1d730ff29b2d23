"""The engines that the contract is tested with, each with an empty store."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qdrant_client import QdrantClient

from qdrant.server.connection import Connection, connect
from qdrant.server.engine import ServerEngine
from qdrant.store import Store, open_embedded
from tests.qdrant.fake_server import FakeServer

# A real server, where one is: `make test-server`. Only what bears a random prefix is touched.
SERVER = os.environ.get("VITRINE_TEST_SERVER", "")
ENGINES = ["embedded", "memory", "http", *(["server"] if SERVER else [])]


@contextmanager
def engine(kind: str, folder: Path) -> Iterator[Store]:
    """An empty store, of the engine in the process or in one of the layers of the server class."""
    if kind == "embedded":
        with open_embedded(folder / "qdrant") as store:
            yield store
    elif kind == "memory":
        with Store(ServerEngine(Connection(QdrantClient(":memory:")), streams=1)) as store:
            yield store
    elif kind == "http":
        with FakeServer() as fake_server, Store(ServerEngine(connect(fake_server.url))) as store:
            yield store
    else:
        connection = connect(SERVER, os.environ.get("QDRANT_API_KEY"))
        prefix = f"test_{secrets.token_hex(4)}_"
        with Store(ServerEngine(connection, prefix=prefix)) as store:
            try:
                yield store
            finally:
                for collection in connection.client.get_collections().collections:
                    if collection.name.startswith(prefix):
                        connection.client.delete_collection(collection.name)
