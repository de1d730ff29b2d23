"""`vitrine qdrant size`: what it computes, beside what was measured."""

import json

import pytest

from qdrant.sizing import IDS, INDEXES, KEPT, PAYLOAD, WORDS_INDEX, Embedded, estimate
from qdrant.storage import STORAGES
from tests.qdrant.test_command import run

SIZE = ("size", "--products", "10_000_000")


def test_size_is_one_object():
    printed = json.loads(run(*SIZE, "--dim", "512", "--vectors", "3", "--json"))
    facts = IDS + INDEXES + WORDS_INDEX * PAYLOAD
    assert printed["floats"]["memory"] == 10_000_000 * (3 * 512 * 4 * 1.5 + facts)
    assert printed["int8"]["memory"] == 10_000_000 * (3 * (512 + 4) * 1.5 + facts)
    assert printed["memory"] == KEPT * printed["int8"]["memory"]
    assert printed["disk"] == KEPT * printed["int8"]["disk"]
    assert printed["storages"].keys() == STORAGES.keys()
    assert (printed["storage"], printed["cost"]) == ("int8", None)
    assert "QDRANT_SHARDS=6" in run(*SIZE).replace("\n", " ")


def test_the_storage_decides_what_a_server_needs_and_both_engines_are_shown_for_each():
    words = run(*SIZE, "--storage", "turbo4").replace("\n", " ")
    assert all(words.count(f" {name} ") == 2 for name in ("int8", "turbo8"))
    whole, small = estimate(10**7, 512, 3), estimate(10**7, 512, 3, storage="turbo4")
    assert small.memory < whole.memory
    assert small.nodes < whole.nodes
    assert small.storages == whole.storages


def test_prices_of_memory_and_disk_give_a_cost():
    found = json.loads(run(*SIZE, "--memory-price", "3", "--disk-price", "0.1", "--json"))
    expected = (found["memory_building"] * 3 + found["disk_building"] * 0.1) / 1e9
    assert found["cost"]["server"] == pytest.approx(expected, abs=0.01)
    assert "cost" in run(*SIZE, "--disk-price", "0.1")


@pytest.mark.parametrize("products", ["many", "0", "-3"])
def test_a_number_that_is_none_is_wrong_usage(products):
    run("size", "--products", products, status=2)


def test_a_storage_that_is_none_is_wrong_usage():
    run(*SIZE, "--storage", "int4", status=2)
    assert "int8, turbo4, turbo16, turbo8" in run.messages


@pytest.mark.parametrize(
    ("dim", "payload", "disk", "least", "most"),
    [(512, 1_490, 1_197_600_000, 0.97, 1.05), (64, 815, 320_200_000, 1.0, 1.3)],
)
def test_the_disk_of_one_machine_is_that_of_two_shops_that_were_measured(
    dim, payload, disk, least, most
):
    """100,000 products of three vectors, without the log; the second shop had no attributes."""
    computed = one_machine(10**5, dim, 3, payload=payload).disk
    assert least <= computed / disk <= most


@pytest.mark.parametrize(("dim", "payload", "own"), [(512, 1_490, 129e6), (64, 815, 58e6)])
def test_the_memory_of_one_machine_has_room_for_the_process_and_what_searches_read(
    dim, payload, own
):
    found = one_machine(10**5, dim, 3, payload=payload)
    assert found.memory >= own + 10**5 * 3 * dim
    assert found.memory < found.memory_building


def test_a_server_of_200_000_products_is_planned_with_what_one_took():
    """1.6 GB of disk and 368 MB of anonymous memory after the build."""
    found = estimate(200_000, 512, 3, payload=0).int8
    assert found.memory_measured >= 368e6
    assert found.disk == pytest.approx(1.6e9, rel=0.1)


def test_a_machine_holds_as_many_products_as_can_be_built_in_its_memory():
    memory = 24 * 10**9
    holds = one_machine(10**6, 64, 3, node_memory=memory).holds
    found = one_machine(holds, 64, 3)
    assert found.memory_building <= memory
    assert found.memory_building > 0.75 * memory


def test_our_measurements_stay_below_qdrants_formula_and_disk_holds_the_originals_too():
    for products in (10**5, 10**6, 10**7, 10**8):
        found = estimate(products, 512, 3)
        assert found.int8.memory_measured < found.int8.memory
        assert found.floats.memory_measured < found.floats.memory
        assert found.int8.disk > found.floats.disk > products * 3 * 512 * 4


def test_a_build_is_planned_with_the_peak_that_was_measured_of_a_server():
    """100,000 products of 3 × 512 ended at 0.83 GB, and took 1.55 GB and 0.29 GB on the way."""
    found = estimate(10**5, 512, 3)
    peak = found.disk_building - found.disk
    assert peak == pytest.approx(1.55 / 0.83 * found.int8.disk, rel=0.05)
    assert found.memory_building - found.memory >= 0.29e9


@pytest.mark.parametrize("dim", [64, 128, 256])
def test_no_plan_is_below_what_was_measured(dim):
    found = estimate(10**6, dim, 3)
    assert found.int8.memory >= found.int8.memory_measured
    assert found.memory_building - found.memory >= 1.5 * found.int8.memory_measured


def test_no_two_copies_of_a_shard_share_a_machine():
    assert estimate(10**5, 512, 3, replicas=5).nodes == 5


def test_more_copies_take_more_machines_and_an_outage_takes_three():
    one, two = estimate(10**8, 512, 3), estimate(10**8, 512, 3, replicas=2)
    assert two.int8.memory == 2 * one.int8.memory
    assert two.nodes >= 2 * one.nodes - 1
    assert estimate(10**5, 512, 3, replicas=2).nodes == 3
    assert (estimate(10**5, 512, 3).nodes, estimate(10**5, 512, 3).shards) == (1, 1)
    assert two.shards == 2 * two.nodes


def one_machine(products: int, dim: int, vectors: int, **given: int) -> Embedded:
    """What the embedded engine needs, by int8."""
    return estimate(products, dim, vectors, **given).storages["int8"].embedded
