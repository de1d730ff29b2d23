"""The facts and the columns of values that the embedded engine keeps beside its points."""

import shutil
from pathlib import Path

import pytest

from qdrant.embedded.facts import FOLDER, KeptFacts
from qdrant.embedded.figure_columns import IN_LINES, FigureColumns
from qdrant.embedded.phrase_index import KINDS
from qdrant.embedded.point_ids import upper_half
from qdrant.filters import conditions_of
from qdrant.layout import COUNTED, MAX_RESULTS, RANKED_FACTS
from qdrant.model import Filters, Point, Range, Where
from qdrant.points import point_id
from qdrant.store import open_embedded
from tests.qdrant.shop import BRANDS, CATEGORIES, COLOURS, SPEC, WEIGHT, shop, vectors

POINTS = shop(40)
NUMBERS = [upper_half(point_id(point.id)) for point in POINTS]
NAMES = ["title", "price"]
FACTS = ["price", "rating", "released"]
JANUARY = Range(gte="2026-01-01", lt="2026-02-01")
FILTERS = {
    "none": Filters(),
    "category": Filters(categories=CATEGORIES[:1]),
    "brands": Filters(brands=(*BRANDS[:2], "unknown")),
    "value": Filters(where=(Where("Colour", COLOURS[1:]),)),
    "not a value": Filters(where=(Where("Colour", COLOURS[:1], negated=True),)),
    "value or number": Filters(where=(Where(WEIGHT, ("0.5",), (Range(gte=1),)),)),
    "price": Filters(price_min=3, price_max=12),
    "no price": Filters(price_min=1000),
    "ids": Filters(ids=("p1", "p3", "p0", "nobody")),
    "not ids": Filters(exclude=("p1", "p3")),
    "several": Filters(categories=CATEGORIES[:2], has_picture=True, in_stock=True, price_max=15),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of collections with one of two generations: 40 points, then 39."""
    folder = tmp_path_factory.mktemp("facts")
    with open_embedded(folder) as store:
        store.build(SPEC, POINTS)
        changed = Point("p1", {"title": "new", "brand": "Ü"}, {"text": vectors(1)[0]})
        store.update(SPEC, [changed], delete=["p0"])
    return folder


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return shutil.copytree(built, tmp_path / "qdrant")


def _generation(folder: Path) -> Path:
    return folder / "demo" / (folder / "demo" / "CURRENT").read_text().split()[0]


def _facts(folder: Path):
    with open_embedded(folder) as store:
        return store.facts("demo", NUMBERS, NAMES)


def test_every_product_has_its_facts_there_after_an_update(built: Path):
    with KeptFacts(_generation(built) / FOLDER) as kept, open_embedded(built) as store:
        found = kept.read(NUMBERS)
        payloads = {upper_half(point_id(each.id)): each.payload for each in store.scroll("demo")}
    assert NUMBERS[0] not in found
    assert found[NUMBERS[1]] == {"id": "p1", "title": "new", "brand": "Ü"}
    assert found == {
        number: {name: payload[name] for name in ("id", *RANKED_FACTS) if name in payload}
        for number, payload in payloads.items()
    }


def test_a_generation_without_them_has_the_same_facts_and_its_update_keeps_what_changes(
    folder: Path,
):
    before = _facts(folder)
    shutil.rmtree(_generation(folder) / FOLDER)
    assert {number: [facts.get(name) for name in NAMES] for number, facts in before.items()} == {
        number: [facts.get(name) for name in NAMES] for number, facts in _facts(folder).items()
    }
    with open_embedded(folder) as store:
        store.update(SPEC, [Point("p2", {"title": "newer"}, {"text": vectors(1)[0]})])
        assert store.facts("demo", NUMBERS, NAMES).keys() == before.keys()
    with KeptFacts(_generation(folder) / FOLDER) as kept:
        assert kept.read(NUMBERS) == {NUMBERS[2]: {"id": "p2", "title": "newer"}}


@pytest.mark.parametrize("name", FILTERS)
def test_columns_count_as_the_engine_does(built: Path, tmp_path: Path, name: str):
    without = shutil.copytree(built, tmp_path / "qdrant")
    shutil.rmtree(_generation(without) / FOLDER)
    counted = []
    for folder in (built, without):
        with open_embedded(folder) as store, store.engine.reader("demo") as reader:
            conditions = conditions_of(FILTERS[name], reader.collection)
            counted.append(
                {field: reader.facet(field, conditions, MAX_RESULTS) for field in COUNTED}
            )
    assert counted[0] == counted[1]
    assert any(counted[0].values()) == (name != "no price")


@pytest.mark.parametrize("name", FILTERS)
def test_figures_and_numbers_of_products_are_those_of_the_engine(
    built: Path, tmp_path: Path, name: str
):
    without, earlier = (shutil.copytree(built, tmp_path / copy) for copy in ("none", "earlier"))
    shutil.rmtree(_generation(without) / FOLDER)
    for file in (_generation(earlier) / FOLDER).glob("figures*"):
        file.unlink()
    read = []
    for folder in (without, built, earlier):
        with open_embedded(folder) as store:
            found = list(store.figures("demo", FACTS, FILTERS[name]))
            prices = {
                point >> 64 or point: tuple(map(str, figures))
                for block in found
                for point, *figures in zip(
                    block.points.tolist(), *(block.values[fact] for fact in FACTS), strict=True
                )
            }
            assert len(prices) == store.count("demo", FILTERS[name])
            read.append(prices)
    assert read[0] == read[1] == read[2]
    assert bool(read[0]) == (name != "no price")


def test_an_update_of_a_generation_without_figures_has_them_and_counts_as_the_engine_does(
    folder: Path,
):
    for file in (_generation(folder) / FOLDER).glob("figures*"):
        file.unlink()
    changed = Point("p3", {"price": 7.5, "released": "2026-01-31"}, {"text": vectors(1)[0]})
    with open_embedded(folder) as store:
        store.update(SPEC, [changed])
        columns = FigureColumns(KeptFacts(_generation(folder) / FOLDER))
        assert columns.fields == IN_LINES
        counted = [store.count("demo", each) for each in FILTERS.values()]
        released = store.count("demo", Filters(where=(Where("released", ranges=(JANUARY,)),)))
    assert released == 1
    shutil.rmtree(_generation(folder) / FOLDER)
    with open_embedded(folder) as store:
        assert counted == [store.count("demo", each) for each in FILTERS.values()]


def test_counts_are_of_the_most_frequent_values(built: Path):
    with open_embedded(built) as store:
        whole = store.facet("demo", "categories")
        for limit in (
            1,
            2,
            3,
        ):  # values as frequent as the last one are in the order of their names
            assert list(store.facet("demo", "categories", limit=limit)) == list(whole)[:limit]
            brands = store.facet("demo", "brand", limit=limit)
            assert list(brands) == list(store.facet("demo", "brand"))[:limit]


def test_an_update_shares_what_stays_and_writes_no_file_of_the_generation_before(tmp_path: Path):
    texts = [f"1 2 {number:x}" for number in range(40)]
    points = [
        Point(point.id, {**point.payload, "terms": text}, point.vectors)
        for point, text in zip(POINTS, texts, strict=True)
    ]
    with open_embedded(tmp_path) as store:
        store.build(SPEC, points)
        base = _generation(tmp_path) / FOLDER
        before = {file: file.read_bytes() for file in base.iterdir()}
        store.update(SPEC, points[:1], delete=["p1"])
        assert store.count("demo", Filters(phrases=("1 2",))) == 39
        assert {file: file.read_bytes() for file in base.iterdir()} == before
    shared = [file.name for file in base.iterdir() if file.stat().st_nlink > 1]
    assert sorted(shared) == [f"phrases-0.{kind}" for kind in sorted(KINDS) if kind != "products"]


def test_a_generation_of_no_products_has_none(folder: Path):
    with open_embedded(folder) as store:
        store.update(SPEC, [], delete=[point.id for point in POINTS])
        assert not (_generation(folder) / FOLDER).exists()
        assert store.facts("demo", NUMBERS, NAMES) == {}
