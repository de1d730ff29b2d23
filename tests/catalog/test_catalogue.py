import random
import threading
from dataclasses import fields, replace
from pathlib import Path

import pytest

from catalog import CatalogError, database
from catalog.catalogue import Catalogue, Upserted
from catalog.ledger import PictureOutcome, picture_stamp
from catalog.product import Product
from pictures.store import StoredPicture
from vitrine import home

FULL = Product(
    id="a/1 'quoted'; DROP TABLE product --",
    title="L'Oréal 日本 👩‍🔧",
    category="Beauty",
    description="<b>soft</b>",
    features=("one", "two"),
    attributes={"Größe": "M", "": "x", "weight": 1.5, "pieces": 12, "vegan": True, "tested": False},
    brand="Acme",
    price=9.99,
    rating=4.5,
    rating_count=7,
    link="http://x/?a=1&b=%20",
    parent="P",
    images=("http://x/1.jpg", "/tmp/ä.jpg"),
    sku="AC-1",
    gtin="04006381333931",
    currency="EUR",
    list_price=12.5,
    categories=(("Beauty", "Eyes & Brows"), ("Gifts",)),
    in_stock=False,
    released="2026-03-01",
)


@pytest.fixture
def catalogue(tmp_path):
    with Catalogue(tmp_path / "home") as opened:
        yield opened


def products(count: int, category: str = "") -> list[Product]:
    return [Product(f"{number:05}", f"title {number}", category) for number in range(count)]


def keep(catalogue: Catalogue, product: Product) -> None:
    picture = StoredPicture("ab" * 32, 10, 10, 99)
    outcome = PictureOutcome.stored(product, product.images[0], picture, picture_stamp(product))
    catalogue.record_pictures([outcome])


def test_a_product_comes_back_as_it_went_in(catalogue):
    assert catalogue.upsert([FULL]) == Upserted(new=1, changed=0, unchanged=0)
    assert catalogue.get([FULL.id]) == {FULL.id: FULL}
    assert list(catalogue.products()) == [FULL]


def test_a_product_needs_an_id_and_a_title():
    with pytest.raises(ValueError, match="needs an id and a title"):
        Product("", "title")
    with pytest.raises(ValueError, match="needs an id and a title"):
        Product("1", "")


def test_the_category_is_the_first_step_of_the_first_path():
    assert Product("1", "t", categories=(("Home", "Lamps"), ("Sale",))).category == "Home"
    assert Product("1", "t", category="Home").categories == (("Home",),)


@pytest.mark.parametrize("identity", ["👩‍🔧", "x" * 100_000, "a\nb", "%", "'"])
def test_any_id_is_kept(catalogue, identity):
    catalogue.upsert([Product(identity, "t")])
    assert list(catalogue.get([identity, "other"])) == [identity]
    assert catalogue.delete([identity, "other"]) == 1
    assert len(catalogue) == 0


def test_upsert_counts_new_changed_and_unchanged(catalogue):
    first = products(3)
    catalogue.upsert(first)
    second = [first[0], replace(first[1], price=5), first[2], Product("x", "new")]
    assert catalogue.upsert(second) == Upserted(new=1, changed=1, unchanged=2)
    assert catalogue.upsert(second) == Upserted(new=0, changed=0, unchanged=4)
    assert catalogue.get(["00001"])["00001"].price == 5


OTHER = Product(
    "other",
    title="x",
    category="x",
    description="x",
    features=("x",),
    attributes={"x": "y"},
    brand="x",
    price=1.5,
    rating=1.5,
    rating_count=1,
    link="x",
    parent="x",
    images=("x",),
    sku="x",
    gtin="x",
    currency="USD",
    list_price=2.5,
    categories=(("x",),),
    in_stock=True,
    released="2025-01-01",
)


@pytest.mark.parametrize("name", [field.name for field in fields(Product)][1:])
def test_a_change_of_any_field_is_a_change(catalogue, name):
    catalogue.upsert([FULL])
    other = getattr(OTHER, name)
    changed = replace(FULL, **{name: other})
    assert catalogue.upsert([changed]) == Upserted(new=0, changed=1, unchanged=0)
    assert catalogue.get([FULL.id])[FULL.id] == changed


def test_products_are_read_by_ascending_id_page_by_page(catalogue):
    everything = products(1300)
    shuffled = random.Random(5).sample(everything, len(everything))
    catalogue.upsert(shuffled)
    assert list(catalogue.products()) == everything
    assert list(catalogue.products(after="01000")) == everything[1001:]
    assert list(catalogue.get(product.id for product in shuffled).values()) != []
    assert len(catalogue.get(product.id for product in shuffled)) == 1300


def test_ids_are_ordered_as_python_orders_them(catalogue):
    ids = ["Z", "a", "é", "日", "👩", "10", "9", "\uffee"]
    catalogue.upsert(Product(identity, "t") for identity in ids)
    assert [product.id for product in catalogue.products()] == sorted(ids)


def test_rows_may_be_written_during_an_iteration_over_them(catalogue, monkeypatch):
    monkeypatch.setattr(database, "PAGE_ROWS", 10)
    catalogue.upsert(products(40))
    seen = []
    for product in catalogue.products():
        catalogue.upsert([replace(product, price=1.0)])
        catalogue.delete([f"{int(product.id) + 20:05}"])
        seen.append(product)
    assert seen == products(20)
    assert [product.price for product in catalogue.products()] == [1.0] * 20


def test_categories_are_counted_and_filter(catalogue):
    catalogue.upsert([*products(3, "Shoes"), Product("x", "t", "Bags"), Product("y", "t")])
    assert catalogue.categories() == {"": 1, "Bags": 1, "Shoes": 3}
    assert [product.id for product in catalogue.products(category="Shoes", after="00000")] == [
        "00001",
        "00002",
    ]
    assert [entry.product.id for entry in catalogue.entries(category="Bags")] == ["x"]
    assert list(catalogue.products(category="none")) == []


def test_prune_deletes_what_a_source_no_longer_has_and_nothing_else(catalogue):
    first, second = 1, 2
    catalogue.upsert(products(4), source="a.csv", run=first)
    catalogue.upsert([Product("other", "t")], source="b.csv", run=first)
    assert catalogue.prune("a.csv", first) == 0
    catalogue.upsert(products(3)[1:], source="a.csv", run=second)
    catalogue.upsert([Product("00003", "moved")], source="b.csv", run=second)
    assert catalogue.prune("a.csv", second) == 1
    assert [product.id for product in catalogue.products()] == ["00001", "00002", "00003", "other"]


def test_an_entry_loses_picture_and_summary_when_their_inputs_change(catalogue):
    catalogue.upsert([FULL])
    keep(catalogue, FULL)
    catalogue.save_summaries([(FULL.id, "digest", "short"), ("gone", "digest2", "kept")])
    (entry,) = catalogue.entries()
    assert (entry.product, entry.picture, entry.summary) == (FULL, "ab" * 32, "short")

    catalogue.upsert([replace(FULL, price=1.0, rating=1.0, link="")])
    (entry,) = catalogue.entries()
    assert (entry.picture, entry.summary) == ("ab" * 32, "short")

    catalogue.upsert([replace(FULL, description="other")])
    (entry,) = catalogue.entries()
    assert (entry.picture, entry.summary) == ("ab" * 32, None)

    catalogue.upsert([replace(FULL, images=("http://x/2.jpg",))])
    (entry,) = catalogue.entries()
    assert entry.picture is None


def test_a_summary_is_found_by_its_digest(catalogue):
    catalogue.upsert([FULL])
    catalogue.save_summaries([(FULL.id, "digest", "short"), ("gone", "other", "kept")])
    catalogue.delete([FULL.id])
    assert catalogue.summaries(["digest", "other", "none"]) == {"digest": "short", "other": "kept"}
    catalogue.upsert([FULL])
    assert [entry.summary for entry in catalogue.entries()] == [None]
    catalogue.save_summaries([(FULL.id, "digest", "better")])
    assert [entry.summary for entry in catalogue.entries()] == ["better"]


def test_threads_share_a_catalogue(catalogue):
    failures = []

    def work(name: int) -> None:
        try:
            for batch in range(10):
                catalogue.upsert(Product(f"{name}-{batch}-{n}", "t") for n in range(20))
                assert sum(1 for _ in catalogue.products()) >= (batch + 1) * 20
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(catalogue) == 800


def test_one_page_of_rows_is_in_memory_at_a_time(catalogue, monkeypatch):
    pages = []
    page = database._page
    monkeypatch.setattr(database, "PAGE_ROWS", 10)
    monkeypatch.setattr(database, "_page", lambda *a: pages.append(rows := page(*a)) or rows)
    catalogue.upsert(products(35))
    assert sum(1 for _ in catalogue.entries()) == 35
    assert [len(rows) for rows in pages] == [10, 10, 10, 5, 0]


def test_home_is_what_the_environment_names(monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", "/srv/shop")
    assert home() == Path("/srv/shop")
    monkeypatch.setenv("VITRINE_HOME", "")
    assert home() == Path("data")


def test_the_side_of_pictures_is_fixed_when_the_catalogue_is_created(tmp_path):
    with Catalogue(tmp_path / "usual") as catalogue:
        assert (catalogue.picture_side, catalogue.pictures.side) == (384, 384)
    with Catalogue(tmp_path / "large", picture_side=336) as catalogue:
        assert catalogue.pictures.side == 336
    with Catalogue(tmp_path / "large") as catalogue:
        assert catalogue.pictures.side == 336
    with pytest.raises(
        CatalogError, match="shortest side of 336 pixels, not 224; name a new folder"
    ):
        Catalogue(tmp_path / "large", picture_side=224)
