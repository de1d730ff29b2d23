"""What is kept of every point between two runs of `vectors`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.catalogue import Catalogue
from encoder.variants import Variants
from ingest import IngestError
from ingest.contents import FILE, Contents
from ingest.kept_vectors import open_vectors
from ingest.products import load_products
from ingest.projection import Projection
from ingest.vectors import embed_products
from ingest.verification import verify_collection
from ingest.words import choose_settings
from qdrant.store import open_store
from qdrant.vocabulary import FILE as VOCABULARY
from qdrant.vocabulary import Vocabulary
from tests import shop
from tests.ingest.stored import generation, points


class Counting(Projection):
    """A projection that counts the products that are parsed for it."""

    planned_products = 0

    def plan(self, each, **vectors):
        self.planned_products += each.entry.product.id in {row["id"] for row in shop.rows()}
        return super().plan(each, **vectors)


def parsed(home: Path) -> int:
    """How many products a run parses before it encodes."""
    variant = Variants(home).get("tiny")
    with (
        Catalogue(home) as catalogue,
        open_vectors(home, variant) as kept,
        open_store(home) as store,
    ):
        words = choose_settings(catalogue, store.collection("tiny").words)
        projection = Counting(catalogue, variant, kept, words)
        with Contents(projection) as contents:
            contents.refresh()
        return projection.planned_products


def change(home: Path, edit: Callable[[list[dict]], object]) -> dict:
    """Change the feed, read it, and run `vectors`; its figures."""
    rows = shop.rows()
    edit(rows)
    source = shop.write_source(home / "source", rows)
    load_products(home, source, category_field="category", prune=True)
    figures = embed_products(home, "tiny")
    assert verify_collection(home, "tiny")["faults"] == {}
    return {name: figures[name] for name in ("written", "deleted", "points")}


@pytest.fixture(autouse=True)
def few_are_changed_in_place(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VITRINE_REBUILD_SHARE", "0.5")


def contents_file(home: Path) -> Path:
    return home / "variants" / "tiny" / FILE


def counted(home: Path) -> dict:
    """The words and names of the vocabulary with their counts."""
    found = Vocabulary(home / "variants" / "tiny" / VOCABULARY)
    names = found._select("SELECT kind, text, count FROM name")
    return {"words": found.words(0, 1000), "names": sorted(names)}


def test_a_product_whose_row_is_as_it_was_is_not_parsed(home):
    assert parsed(home) == 0
    rows = shop.rows()
    rows[3]["price"] = 1
    load_products(home, shop.write_source(home / "source", rows), category_field="category")
    assert parsed(home) == 1
    assert parsed(home) == 0


def test_products_that_come_change_and_go_reach_the_collection(home):
    assert change(home, lambda rows: rows.pop(0)) == {"written": 0, "deleted": 1, "points": 11}
    nothing = {"written": 0, "deleted": 0}
    assert change(home, lambda rows: rows.pop(0)) == {**nothing, "points": 11}

    def edit(rows: list[dict]) -> None:
        rows[1]["title"] = "ivory kettle"
        rows.append({"id": "new", "title": "new", "category": "Beauty"})

    assert change(home, edit) == {"written": 3, "deleted": 0, "points": 13}
    assert points(home).keys() == {"new", *(row["id"] for row in shop.rows())}


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"damaged" * 999)])
def test_a_file_that_is_missing_or_damaged_is_made_anew_and_the_collection_stays(home, damage):
    before = generation(home)
    damage(contents_file(home))
    assert change(home, len) == {"written": 0, "deleted": 0, "points": 12}
    assert generation(home) == before
    damage(contents_file(home))

    def edit(rows: list[dict]) -> None:
        rows[1]["title"] = "ivory kettle"
        rows.pop(0)

    assert change(home, edit) == {"written": 1, "deleted": 1, "points": 11}


def test_a_file_that_cannot_be_written_is_an_error_with_its_name(home):
    contents_file(home).unlink()
    contents_file(home).mkdir()
    with pytest.raises(IngestError, match=rf"{FILE} cannot be read and written"):
        embed_products(home, "tiny")


def test_a_collection_that_was_rolled_back_is_compared_point_by_point(home):
    change(home, lambda rows: rows[0].update(title="ivory lipstick"))
    with open_store(home) as store:
        store.rollback("tiny")
    figures = change(home, lambda rows: rows[0].update(title="ivory lipstick"))
    assert figures == {"written": 1, "deleted": 0, "points": 12}


def test_counts_of_words_and_names_follow_the_products(home):
    first = counted(home)
    assert first["words"]["lipstick"] == 6

    def edit(rows: list[dict]) -> None:
        rows.pop(0)
        rows[1].update(title="cerise cerise kettle", brand="Zenith & Sons")
        rows.append({"id": "new", "title": "cerise", "category": "Beauty"})

    change(home, edit)
    changed = counted(home)
    assert changed["words"]["cerise"] == 2
    contents_file(home).unlink()
    (contents_file(home).with_name(VOCABULARY)).unlink()
    change(home, edit)
    assert counted(home) == changed
    change(home, len)
    assert counted(home) == first
