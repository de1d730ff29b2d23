import pytest

from qdrant.price_steps import EDGES, LEAST, edge_of, step_of


@pytest.mark.parametrize("step", range(LEAST + 1, 90))
def test_a_step_begins_at_its_edge_and_ends_below_the_next(step):
    low, high = edge_of(step), edge_of(step + 1)
    assert step_of(low) == step
    assert step_of(high - high * 1e-15) == step
    assert low < high


def test_edges_are_round_numbers_of_every_decade():
    assert [edge_of(step) for step in range(10)] == list(EDGES)
    assert (edge_of(-1), edge_of(23), edge_of(41)) == (0.8, 200, 12_000)


@pytest.mark.parametrize("price", [0.0, 1e-300, 0.01])
def test_the_cheapest_are_one_step_from_zero(price):
    assert step_of(price) == LEAST
    assert edge_of(LEAST) == 0
