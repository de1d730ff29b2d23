"""The job `vectors` from the vector files to the collection, and `verify`."""

import numpy as np
import pytest

from encoder.variants import Variants
from ingest import IngestError
from ingest.embedding import Shard
from ingest.products import load_products
from ingest.status import read_status
from ingest.vectors import embed_products
from ingest.verification import verify_collection
from qdrant.store import open_store
from qdrant.vector_files import VectorFiles, checksums
from tests import shop
from tests.ingest.stored import generation, points
from vitrine import VitrineError


def test_every_product_becomes_a_point_with_its_vectors_and_its_payload(home):
    found = points(home)
    assert found.keys() == {row["id"] for row in shop.rows()}
    kettle = found["kettle-teal"]
    assert kettle.payload["title"] == "teal kettle"
    assert kettle.payload["price"] == 80
    assert kettle.payload["picture"]
    total = kettle.vectors["text"] + kettle.vectors["image"]
    np.testing.assert_allclose(kettle.vectors["fused"], total / np.linalg.norm(total), atol=1e-5)


def test_a_product_whose_picture_failed_has_a_text_vector_only(tmp_path, tiny_clip):
    rows = shop.rows()[:4]
    rows[0]["image"] = "absent.jpg"
    del rows[1]["image"]
    rows[2]["image"] = "data:image/png;base64,AAAA"
    home = shop.build(tmp_path, tiny_clip, rows)
    found = points(home)
    assert [set(found[row["id"]].vectors) for row in rows] == [
        {"text"},
        {"text"},
        {"text"},
        {"text", "image", "fused"},
    ]
    failures = {each["reason"]: each["count"] for each in read_status(home)["failures"]}
    assert failures["missing file"] == 1
    assert sum(failures.values()) >= 2


def test_few_changes_are_made_to_a_copy_and_many_mean_building_anew(home, monkeypatch):
    rows = shop.rows()
    rows[0]["price"] = 1
    rows[1]["title"] = "ivory kettle"
    source = shop.write_source(home / "source", rows[:-1])
    load_products(home, source, category_field="category", prune=True)
    monkeypatch.setenv("VITRINE_REBUILD_SHARE", "0.3")
    figures = embed_products(home, "tiny")
    assert (figures["written"], figures["deleted"], figures["points"]) == (2, 1, 11)
    assert verify_collection(home, "tiny")["faults"] == {}
    monkeypatch.setenv("VITRINE_REBUILD_SHARE", "0")
    rows[2]["price"] = 2
    load_products(home, shop.write_source(home / "source", rows[:-1]), category_field="category")
    figures = embed_products(home, "tiny")
    assert (figures["written"], figures["deleted"], figures["points"]) == (11, 0, 11)
    assert verify_collection(home, "tiny")["faults"] == {}
    monkeypatch.setenv("VITRINE_REBUILD_SHARE", "much")
    rows[2]["price"] = 3
    load_products(home, shop.write_source(home / "source", rows[:-1]), category_field="category")
    with pytest.raises(IngestError, match="VITRINE_REBUILD_SHARE is 'much': it must be a number"):
        embed_products(home, "tiny")


def test_a_collection_is_built_anew_with_recreate_or_when_it_is_broken(home):
    before = generation(home)
    assert embed_products(home, "tiny", recreate=True)["written"] == 12
    assert generation(home) != before
    (home / "qdrant" / "tiny" / "CURRENT").write_text("nonsense")
    assert embed_products(home, "tiny")["written"] == 12
    assert verify_collection(home, "tiny")["faults"] == {}


def test_verify_finds_what_is_missing_extra_and_stale(home):
    rows = shop.rows()
    rows[2]["title"] = "another"
    fresh = [*rows[1:], {"id": "new", "title": "new", "category": "Beauty"}]
    load_products(
        home, shop.write_source(home / "source", fresh), category_field="category", prune=True
    )
    assert verify_collection(home, "tiny")["faults"] == {"missing": 1, "extra": 1, "stale": 1}


def test_shares_of_a_shop_are_verified_one_by_one(home):
    """Each product is in one of them, and its fault is found there alone."""
    picture = next((home / "images").rglob("*.jpg"))
    kept = picture.read_bytes()
    picture.unlink()
    try:
        found = [verify_collection(home, "tiny", Shard(number, 2)) for number in (1, 2)]
    finally:
        picture.write_bytes(kept)
    assert sum(figures["compared"] for figures in found) == 12
    assert all(0 < figures["compared"] < 12 for figures in found)
    assert sum(figures["faults"].get("lost pictures", 0) for figures in found) == 1
    assert all(figures["points"] == 12 for figures in found)
    with open_store(home) as store:
        store.update(store.collection("tiny"), [], [row["id"] for row in shop.rows()[:6]])
    found = [verify_collection(home, "tiny", Shard(number, 2)) for number in (1, 2)]
    assert sum(figures["faults"].get("missing", 0) for figures in found) == 6


def test_verify_finds_vectors_that_are_not_those_of_the_part_files(home):
    variant = Variants(home).get("tiny")
    folder = home / "vectors" / variant.fingerprint
    [part] = folder.glob("*.part")
    with VectorFiles(folder, variant.dim) as vector_files:
        records = np.fromfile(part, vector_files.record)
    records["vector"] = records["vector"][:, ::-1]
    records["checksum"] = checksums(records)
    records.tofile(part)
    assert verify_collection(home, "tiny")["faults"] == {"other vectors": 12}


def test_addresses_of_pictures_follow_the_public_url_without_encoding_again(home, monkeypatch):
    def ingest(public_url):
        monkeypatch.setenv("VITRINE_PUBLIC_URL", public_url)
        figures = embed_products(home, "tiny")
        assert figures["encoded"] == 0
        assert verify_collection(home, "tiny")["faults"] == {}
        return figures["written"], points(home)["kettle-teal"].payload.get("image_url")

    assert ingest("") == (0, None)
    written, address = ingest("https://api.shop.example/")
    assert (written, address[:37]) == (12, "https://api.shop.example/v1/pictures/")
    assert ingest("https://api.shop.example") == (0, address)
    monkeypatch.delenv("VITRINE_PUBLIC_URL")
    assert verify_collection(home, "tiny")["faults"] == {}
    assert ingest("http://localhost:8000")[1].startswith("http://localhost:8000/v1/pictures/")
    assert ingest("") == (12, None)


def test_a_few_products_are_changed_under_a_public_url_too(home, monkeypatch):
    monkeypatch.setenv("VITRINE_PUBLIC_URL", "https://api.shop.example")
    embed_products(home, "tiny")
    rows = shop.rows()
    rows[0]["price"] = 1
    load_products(home, shop.write_source(home / "source", rows), category_field="category")
    assert embed_products(home, "tiny")["written"] == 1
    addresses = {each.payload["image_url"][:36] for each in points(home).values()}
    assert addresses == {"https://api.shop.example/v1/pictures"}


def test_a_public_url_that_is_none_ends_the_job_before_any_work(home, monkeypatch):
    monkeypatch.setenv("VITRINE_PUBLIC_URL", "shop.example")
    before = generation(home)
    with pytest.raises(VitrineError, match=r"VITRINE_PUBLIC_URL is 'shop\.example': set it to"):
        embed_products(home, "tiny", recreate=True)
    assert generation(home) == before
