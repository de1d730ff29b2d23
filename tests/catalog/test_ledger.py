import os
from dataclasses import replace
from pathlib import Path

import pytest

from catalog import database
from catalog.catalogue import Catalogue
from catalog.ledger import PictureFailures, PictureOutcome, picture_stamp
from catalog.product import Product
from pictures.errors import PictureError
from pictures.store import StoredPicture
from tests.ledger import ledger_row

PICTURE = StoredPicture("ab" * 32, 300, 224, 9999)
GONE = PictureError("missing file", "There is no file a.jpg.")


@pytest.fixture
def catalogue(tmp_path):
    with Catalogue(tmp_path / "home") as opened:
        yield opened


def product(identity: str, *images: str | Path, category: str = "Shoes") -> Product:
    return Product(identity, "t", category, images=tuple(map(str, images)))


def stored(product: Product) -> PictureOutcome:
    return PictureOutcome.stored(product, product.images[0], PICTURE, picture_stamp(product))


def failed(product: Product, error: PictureError = GONE) -> PictureOutcome:
    return PictureOutcome.failed(product, product.images[0], error, picture_stamp(product))


def pending(catalogue: Catalogue, **choices) -> list[str]:
    return [pending.product.id for pending in catalogue.pictures_pending(**choices)]


def test_a_picture_is_pending_until_its_outcome_is_recorded(catalogue):
    one, two = product("1", "http://x/1"), product("2", "http://x/2")
    catalogue.upsert([two, one])
    assert pending(catalogue) == ["1", "2"]
    catalogue.record_pictures([stored(one), failed(two)])
    assert pending(catalogue) == []
    assert pending(catalogue, retry_failed=True) == ["2"]
    row = ledger_row(catalogue, "1")
    assert (row.outcome, row.hash, row.attempts) == ("stored", PICTURE.hash, 1)
    assert (row.width, row.height, row.bytes) == (PICTURE.width, PICTURE.height, PICTURE.bytes)
    assert [entry.picture for entry in catalogue.entries()] == [PICTURE.hash, None]


def test_attempts_are_counted_for_the_same_picture_only(catalogue):
    one = product("1", "http://x/1")
    catalogue.upsert([one])
    for _ in range(3):
        catalogue.record_pictures([failed(one)])
    assert ledger_row(catalogue, "1").attempts == 3
    catalogue.record_pictures([replace(failed(one), stamp="another")])
    assert ledger_row(catalogue, "1").attempts == 1


def test_a_product_without_addresses_has_an_outcome_and_is_never_pending(catalogue):
    catalogue.upsert([product("1"), product("2", "http://x/2")])
    assert pending(catalogue, retry_failed=True) == ["2"]
    assert ledger_row(catalogue, "1").outcome == "none"
    catalogue.upsert([product("1", "http://x/1"), product("2")])
    assert pending(catalogue) == ["1"]
    assert catalogue.picture_counts() == {"Shoes": {"no picture given": 1, "pending": 1}}


def test_other_addresses_make_a_picture_pending_and_other_text_does_not(catalogue):
    one = product("1", "http://x/1")
    catalogue.upsert([one])
    catalogue.record_pictures([stored(one)])
    catalogue.upsert([replace(one, title="other", price=5.0)])
    assert pending(catalogue) == []
    catalogue.upsert([product("1", "http://x/1", "http://x/2")])
    assert pending(catalogue) == ["1"]
    assert next(catalogue.entries()).picture is None


def test_a_local_file_that_changes_appears_or_goes_is_read_again(catalogue, tmp_path):
    path = tmp_path / "a.jpg"
    one = product("1", path)
    catalogue.upsert([one])
    catalogue.record_pictures([failed(one)])
    assert pending(catalogue) == []
    path.write_bytes(b"one")
    assert pending(catalogue) == ["1"]
    catalogue.record_pictures([stored(one)])
    assert pending(catalogue) == []
    path.write_bytes(b"other")
    assert pending(catalogue) == ["1"]
    catalogue.record_pictures([stored(one)])
    os.utime(path, (1, 1))  # written again, as long as before
    assert pending(catalogue) == ["1"]
    catalogue.record_pictures([stored(one)])
    path.unlink()
    assert pending(catalogue) == ["1"]


def test_a_file_that_changes_while_it_is_read_is_read_again(catalogue, tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"old")
    one = product("1", path)
    catalogue.upsert([one])
    outcome = stored(one)
    path.write_bytes(b"newer")
    catalogue.record_pictures([outcome])
    assert pending(catalogue) == ["1"]


@pytest.mark.parametrize("address", ["data:,x", "a\0b", "\ud800.jpg", "http://x", "x" * 9999])
def test_any_address_has_a_stamp(catalogue, address):
    one = product("1", address)
    catalogue.upsert([one])
    catalogue.record_pictures([failed(one)])
    assert pending(catalogue) == []


def test_outcomes_may_be_recorded_during_an_iteration_over_the_pending_ones(catalogue, monkeypatch):
    monkeypatch.setattr(database, "PAGE_ROWS", 10)
    catalogue.upsert(product(f"{n:05}", f"http://x/{n}") for n in range(35))
    walked = []
    for one in catalogue.pictures_pending(retry_failed=True):
        walked.append(one.product.id)
        catalogue.record_pictures([failed(one.product)])
    assert walked == [f"{n:05}" for n in range(35)]


def test_an_outcome_of_a_deleted_product_is_skipped(catalogue):
    one = product("1", "http://x/1")
    catalogue.upsert([one])
    catalogue.delete(["1"])
    catalogue.record_pictures([stored(one)])
    assert ledger_row(catalogue, "1") is None


def test_deleting_a_product_deletes_its_row_of_the_ledger(catalogue):
    one = product("1", "http://x/1")
    catalogue.upsert([one])
    catalogue.record_pictures([stored(one)])
    catalogue.delete(["1"])
    catalogue.upsert([one])
    assert pending(catalogue) == ["1"]


def test_every_product_is_counted_by_category_and_reason(catalogue):
    shoes = [product(f"s{n}", f"http://x/{n}") for n in range(5)]
    bags = [product(f"b{n}", f"http://x/{n}", category="Bags") for n in range(3)]
    catalogue.upsert([*shoes, *bags, product("none", category="Bags")])
    broken = PictureError("broken", "It is damaged.")
    catalogue.record_pictures(
        [
            *map(stored, shoes[:2]),
            *map(failed, shoes[2:4]),
            failed(bags[0]),
            failed(bags[1], broken),
        ]
    )
    assert catalogue.picture_counts() == {
        "Bags": {"broken": 1, "missing file": 1, "no picture given": 1, "pending": 1},
        "Shoes": {"missing file": 2, "stored": 2, "pending": 1},
    }
    assert catalogue.picture_failures() == [
        PictureFailures("missing file", 3, "There is no file a.jpg."),
        PictureFailures("broken", 1, "It is damaged."),
    ]
