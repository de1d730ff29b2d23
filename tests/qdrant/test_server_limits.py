"""Requests that a server, or a proxy before it, refuses for their size."""

import numpy as np
import pytest

from qdrant.errors import BuildFailed, EngineError
from qdrant.model import Point
from qdrant.server import point_writer
from tests.qdrant.shop import SPEC, ids, shop


def described(count: int, characters: int) -> list[Point]:
    """Products with a long description each."""
    return [Point(p.id, {**p.payload, "text": "x" * characters}, p.vectors) for p in shop(count)]


def test_batches_of_long_products_stay_below_the_servers_limit(fake_server, store):
    store.build(SPEC, described(150, 400_000))  # 128 of them are 51 MB
    assert store.count("demo") == 150
    assert max(request.size for request in fake_server.requests("PUT .*/points")) < 5e6


def test_a_proxy_that_refuses_a_batch_gets_smaller_ones(fake_server, store):
    fake_server.proxy_limit = 1 << 20
    store.build(SPEC, described(300, 20_000))
    assert store.count("demo") == 300
    refused = len(fake_server.requests("PUT .*/points"))
    refused -= len(fake_server.requests("PUT .*/points", done=True))
    assert 0 < refused <= point_writer.STREAMS * 2, "the size that passes is kept"


def test_a_product_that_is_too_large_alone_is_named_with_the_proxys_setting(fake_server, store):
    store.build(SPEC, shop(10))
    fake_server.proxy_limit = 1 << 20
    with pytest.raises(
        BuildFailed, match=r"Product 'p0' is too large to be stored.*client_max_body_size"
    ):
        store.build(SPEC, described(1, 1_100_000))
    assert (store.count("demo"), len(fake_server.names())) == (10, 1)


def test_searches_that_a_proxy_refuses_together_go_in_several_requests(fake_server, store):
    points = shop(40)
    store.build(SPEC, points)
    queries = np.stack([point.vectors["text"] for point in points])
    fake_server.proxy_limit = 10_000
    found = store.search("demo", queries, vector="text", k=1)
    assert [ids(hits)[0] for hits in found] == [point.id for point in points]
    fake_server.proxy_limit = 100
    with pytest.raises(EngineError, match="refuses a request of that size"):
        store.search("demo", queries[:1], vector="text")
