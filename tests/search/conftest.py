"""A shop whose products share pictures, have none, or have markup in the title."""

import pytest

from search.service import SearchService
from tests import shop

# Ids out of order; one picture for all, so their scores are equal.
TWINS = [f"twin-{letter}" for letter in "gbfaedhc"]


@pytest.fixture(scope="session")
def home(tmp_path_factory, tiny_clip):
    twins = [
        {"id": name, "title": "grey twin", "category": "Twins", "image": "twin.png"}
        for name in TWINS
    ]
    bare = [
        {"id": f"bare-{n}", "title": f"crimson lipstick {n}", "category": "Beauty"} for n in "ba"
    ]
    rows = [*shop.rows(), *twins, *bare]
    rows[0]["title"] = "crimson [bold]lipstick[/bold]"
    return shop.build(tmp_path_factory.mktemp("shop"), tiny_clip, rows)


@pytest.fixture(scope="session")
def engine(home):
    with SearchService(home) as service:
        yield service.engine("tiny")
