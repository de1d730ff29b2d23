"""The ids of points in the embedded engine."""

from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from qdrant.embedded.shard import Shard
from qdrant.errors import BuildFailed
from qdrant.filters import HasId
from qdrant.points import checked_rows, point_id
from qdrant.store import open_embedded
from tests.qdrant.shop import SPEC, shop

POINTS = shop(3)


def written(folder: Path, *batches: slice) -> Shard:
    """A folder of the engine with the points in it."""
    shard = Shard.create(folder, SPEC)
    rows = list(checked_rows(SPEC, POINTS))
    for batch in batches:
        shard.write(rows[batch])
    return shard


@pytest.mark.parametrize("batches", [(slice(0, 2),), (slice(0, 1), slice(1, 2))])
def test_products_whose_ids_have_one_digest_are_not_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batches: tuple[slice, ...]
):
    monkeypatch.setattr("qdrant.embedded.point_ids.upper_half", lambda key: 7)
    with pytest.raises(BuildFailed, match="'p0' and 'p1' have the same digest"):
        written(tmp_path / "shard", *batches)


def test_a_product_is_stored_again_under_its_number(tmp_path: Path):
    shard = written(tmp_path / "shard", slice(None), slice(1, 2))
    with closing(shard.finish()) as reader:
        points, _ = reader.page(None, vectors=False)
        assert sorted(point.id for point in points) == ["p0", "p1", "p2"]


def test_ids_are_the_upper_halves_of_the_uuids_that_a_server_has(tmp_path: Path):
    with open_embedded(tmp_path) as store:
        store.build(SPEC, POINTS)
        with store.engine.reader("demo") as reader:
            numbers = [point_id(point.id).int >> 64 for point in POINTS]
            facts = reader.facts(numbers, ["title"])
            assert [facts[number]["id"] for number in numbers] == ["p0", "p1", "p2"]
            assert reader.count([HasId((UUID(int=numbers[0] << 64),))]) == 1
