"""Points sent by gRPC: the same collection as over REST, and errors as sentences."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import grpc
import numpy as np
import pytest
from qdrant_client import grpc as messages
from qdrant_client.conversions.conversion import GrpcToRest

from qdrant.errors import DiskFull, EngineError
from qdrant.model import WORDS, SparseVector
from qdrant.server import point_writer
from qdrant.store import Store, open_server
from qdrant.word_settings import WordSettings
from tests.qdrant.fake_server import FakeServer
from tests.qdrant.shop import SPEC, shop

SPEC_WITH_WORDS = replace(SPEC, words=WordSettings())


class Points(messages.PointsServicer):
    """The service that takes points, of the fake server's local mode."""

    def __init__(self, fake_server: FakeServer) -> None:
        self.fake_server = fake_server
        self.failures: list[tuple[grpc.StatusCode, str]] = []
        self.keys: list[str] = []

    def Upsert(self, request, context):  # noqa: N802 - the service's name
        self.keys.append(dict(context.invocation_metadata()).get("api-key", ""))
        if self.failures:
            context.abort(*self.failures.pop())
        assert request.wait
        with self.fake_server.busy:
            points = [GrpcToRest.convert_point_struct(each) for each in request.points]
            self.fake_server.client.upsert(request.collection_name, points)
        return messages.PointsOperationResponse(
            result=messages.UpdateResult(status=messages.UpdateStatus.Completed)
        )


@pytest.fixture
def service(fake_server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Points]:
    points = Points(fake_server)
    server = grpc.server(ThreadPoolExecutor(4))
    messages.add_PointsServicer_to_server(points, server)
    monkeypatch.setenv("QDRANT_GRPC_PORT", str(server.add_insecure_port("127.0.0.1:0")))
    server.start()
    yield points
    server.stop(None)


@pytest.fixture
def store(fake_server: FakeServer, service: Points) -> Iterator[Store]:
    with open_server(fake_server.url, "secret") as opened:
        opened.engine.connection.pause = lambda seconds: None
        yield opened


def test_points_sent_by_grpc_are_those_sent_over_rest(fake_server, service, store, monkeypatch):
    words = SparseVector(np.array([3, 7], np.uint32), np.array([1, 0.5], np.float32))
    points = [replace(point, sparse={WORDS: words}) for point in shop(200)]
    store.build(SPEC_WITH_WORDS, points)
    assert set(service.keys) == {"secret"}
    assert fake_server.requests("PUT .*/points") == []
    by_grpc = list(store.scroll("demo", vectors=True))
    monkeypatch.delenv("QDRANT_GRPC_PORT")
    with open_server(fake_server.url) as rest:
        rest.build(SPEC_WITH_WORDS, points)
        over_rest = list(rest.scroll("demo", vectors=True))
    assert [point.payload for point in by_grpc] == [point.payload for point in over_rest]
    for left, right in zip(by_grpc, over_rest, strict=True):
        assert left.vectors.keys() == right.vectors.keys()
        assert left.sparse.keys() == right.sparse.keys() == {WORDS}
        for name, vector in left.vectors.items():
            np.testing.assert_allclose(vector, right.vectors[name], atol=1e-6)


def test_a_server_that_is_busy_is_tried_again(service, store):
    service.failures = [(grpc.StatusCode.UNAVAILABLE, "starting")] * 3
    store.build(SPEC, shop(10))
    assert store.count("demo") == 10


@pytest.mark.parametrize(
    ("status", "words", "error", "sentence"),
    [
        (grpc.StatusCode.INTERNAL, "No space left on device", DiskFull, "is full"),
        (grpc.StatusCode.UNAUTHENTICATED, "Invalid key", EngineError, "rejects the key"),
        (
            grpc.StatusCode.PERMISSION_DENIED,
            "Global manage access is required",
            EngineError,
            "only read",
        ),
        (grpc.StatusCode.INTERNAL, "odd", EngineError, r"refused \(500\): odd"),
    ],
)
def test_an_error_is_a_sentence_and_nothing_is_published(
    fake_server, service, store, status, words, error, sentence
):
    service.failures = [(status, words)] * 100
    with pytest.raises(error, match=sentence):
        store.build(SPEC, shop(10))
    assert fake_server.names() == []


def test_a_port_where_nothing_answers_is_named(service, store, monkeypatch):
    monkeypatch.setattr(point_writer, "FIRST_GRPC", 0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("QDRANT_GRPC_PORT", str(listener.getsockname()[1]))
    with (
        open_server(store.engine.connection.server.address) as other,
        pytest.raises(EngineError, match="set QDRANT_GRPC_PORT to its port, or leave it out"),
    ):
        other.build(SPEC, shop(10))
