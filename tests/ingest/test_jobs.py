"""The jobs run again, and one after the other."""

import pytest
from filelock import FileLock

from catalog import CatalogError
from ingest.images import fetch_images
from ingest.products import load_products
from ingest.vectors import embed_products
from tests import shop
from tests.ingest.stored import generation, points


def test_a_second_run_reads_and_encodes_nothing_and_keeps_the_generation(home):
    before = generation(home)
    again = load_products(home, home / "source" / "products.jsonl", category_field="category")
    assert (again["new"], again["changed"], again["unchanged"]) == (0, 0, 12)
    assert fetch_images(home) == {"stored": 0, "skipped": 12, "failed": {}, "identical": 0}
    assert embed_products(home, "tiny") == {
        "encoded": 0,
        "reused": 24,
        "unreadable": 0,
        "failed": {},
        "pictures_pending": 0,
        "points": 12,
        "written": 0,
        "deleted": 0,
    }
    assert generation(home) == before


def test_prune_deletes_what_the_source_no_longer_has(home):
    source = shop.write_source(home / "source", shop.rows()[:5])
    assert load_products(home, source, category_field="category", prune=True)["pruned"] == 7
    assert embed_products(home, "tiny")["points"] == 5
    assert len(points(home)) == 5


def test_rows_that_are_no_products_are_counted_by_reason(tmp_path):
    source = tmp_path / "mixed.jsonl"
    lines = ['{"id": "1", "title": "a"}', '{"id": "1", "title": "b"}', '{"id": "2"}', "[1]", "{"]
    source.write_text("\n".join(lines))
    figures = load_products(tmp_path / "home", source)
    assert (figures["rows"], figures["kept"]) == (5, 1)
    assert figures["dropped"] == {
        "repeated id": 1,
        "no title": 1,
        "not an object": 1,
        "unreadable row": 1,
    }


def test_a_second_job_in_the_same_folder_is_refused(home):
    with (
        FileLock(home / "ingest.lock"),
        pytest.raises(CatalogError, match="Another ingest job is running"),
    ):
        fetch_images(home)
