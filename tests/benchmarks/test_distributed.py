"""Whether two engines of `vitrine ingest embed` gave the same collection."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from qdrant_client import QdrantClient

from benchmarks.distributed import NAME, same_answers, same_points
from qdrant.model import Point
from qdrant.server.connection import Connection
from qdrant.server.engine import ServerEngine
from qdrant.store import Store
from tests.qdrant.shop import SPEC, shop

POINTS = shop(60)


@contextmanager
def built(points: list[Point]) -> Iterator[Store]:
    """A store of these points."""
    with Store(ServerEngine(Connection(QdrantClient(":memory:")), streams=1)) as store:
        store.build(replace(SPEC, variant=NAME), points)
        yield store


@pytest.fixture(scope="module")
def whole() -> Iterator[Store]:
    with built(POINTS) as store:
        yield store


def test_collections_of_the_same_points_are_the_same(whole):
    with built(POINTS[::-1]) as other:
        assert same_points(whole, other)
        assert same_answers(whole, other)


def test_a_product_less_another_payload_and_another_vector_are_differences(whole):
    last = POINTS[-1]
    turned = {name: -vector for name, vector in last.vectors.items()}
    for changed, answered in (
        ([], False),
        ([replace(last, payload={**last.payload, "title": "another"})], True),
        ([replace(last, vectors=turned)], False),
    ):
        with built([*POINTS[:-1], *changed]) as other:
            assert not same_points(whole, other)
            assert same_answers(whole, other) == answered
