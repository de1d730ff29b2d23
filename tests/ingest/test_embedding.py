"""The job `vectors` up to the vector files: what is encoded, once, and what cannot be."""

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catalog.catalogue import Catalogue
from encoder.model import DualEncoder
from encoder.tokenizer import Tokenizer
from encoder.variants import Variants
from ingest import IngestError, embedding
from ingest.embedding import Shard
from ingest.images import fetch_images
from ingest.merge import merge_vectors
from ingest.products import load_products
from ingest.vectors import embed_products
from ingest.verification import verify_collection
from qdrant.store import open_store
from tests import shop
from tests.ingest.commands import run_here
from tests.ingest.stored import points, stored_pictures
from tests.tiny_clip import build_tiny_clip


def test_a_changed_title_is_embedded_again_and_nothing_else_is(home):
    rows = shop.rows()
    rows[3]["title"] = "midnight lipstick"
    before = points(home)
    figures = load_products(
        home, shop.write_source(home / "source", rows), category_field="category"
    )
    assert (figures["changed"], figures["unchanged"]) == (1, 11)
    assert embed_products(home, "tiny")["encoded"] == 1
    after = points(home)
    assert after[rows[3]["id"]].payload["title"] == "midnight lipstick"
    assert np.abs(
        after[rows[3]["id"]].vectors["text"] - before[rows[3]["id"]].vectors["text"]
    ).max()
    assert verify_collection(home, "tiny")["faults"] == {}


def test_a_changed_price_changes_the_payload_without_encoding(home):
    rows = shop.rows()
    rows[0]["price"] = 999
    load_products(home, shop.write_source(home / "source", rows), category_field="category")
    assert verify_collection(home, "tiny")["faults"] == {"stale": 1}
    assert embed_products(home, "tiny")["encoded"] == 0
    assert points(home)[rows[0]["id"]].payload["price"] == 999


def test_shares_encoded_on_several_machines_merge_into_the_whole(home, tmp_path):
    machines = [tmp_path / "one", tmp_path / "two"]
    encoded = 0
    for number, machine in enumerate(machines, start=1):
        shop.copy(home, machine)
        shutil.rmtree(machine / "vectors")
        figures = embed_products(machine, "tiny", shard=Shard(number, 2))
        assert "points" not in figures
        encoded += figures["encoded"]
    assert encoded == 24
    shutil.rmtree(home / "vectors")
    assert merge_vectors(home, "tiny", machines) == {"merged": 24, "known": 0}
    assert merge_vectors(home, "tiny", machines[:1])["merged"] == 0
    assert embed_products(home, "tiny")["encoded"] == 0
    assert verify_collection(home, "tiny")["faults"] == {}


def test_merging_from_a_folder_without_such_vectors_is_refused(home, tmp_path):
    with pytest.raises(IngestError, match="has no vectors of tiny with fingerprint"):
        merge_vectors(home, "tiny", [tmp_path])


def test_a_variant_that_needs_larger_pictures_than_are_kept_is_refused(home, tmp_path):
    large = build_tiny_clip(tmp_path / "large", image_size=512, patch_size=128)
    Variants(home).add("large", large)
    with pytest.raises(IngestError, match="takes pictures of 512 pixels"):
        embed_products(home, "large")


def test_a_stored_picture_that_was_damaged_is_read_from_its_source_again(home, tmp_path, tiny_clip):
    with Catalogue(home) as catalogue:
        entry = next(iter(catalogue.entries()))
        catalogue.pictures.path(entry.picture).write_bytes(b"damaged")
    Variants(home).add("second", tiny_clip, template="title")
    shutil.rmtree(home / "vectors")  # what a variant of the same model shares with it
    assert embed_products(home, "second")["unreadable"] == 1
    assert fetch_images(home)["stored"] == 1
    figures = embed_products(home, "second")
    assert (figures["encoded"], figures["unreadable"], figures["written"]) == (1, 0, 1)
    assert verify_collection(home, "second")["faults"] == {}


def test_a_stored_picture_is_kept_where_reading_it_failed_once(home, tiny_clip, monkeypatch):
    def too_many_open_files(path):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(path))

    Variants(home).add("second", tiny_clip, template="title")
    shutil.rmtree(home / "vectors")
    monkeypatch.setattr(Path, "read_bytes", too_many_open_files)
    assert embed_products(home, "second")["unreadable"] == 12
    monkeypatch.undo()
    assert len(stored_pictures(home)) == 12
    assert embed_products(home, "second")["encoded"] == 12
    assert verify_collection(home, "second")["faults"] == {}


@pytest.fixture
def fails_on_olive(monkeypatch):
    """A model that has no vector for the texts of the colour olive."""
    features, tokenize = DualEncoder.text_features, Tokenizer.__call__
    failing: list[list[int]] = []

    def remember(tokenizer, texts):
        tokens = tokenize(tokenizer, texts)
        failing.extend(each for each, text in zip(tokens, texts, strict=True) if "olive" in text)
        return tokens

    def fail(model, tokens):
        vectors = features(model, tokens)
        vectors[[each in failing for each in tokens]] = np.nan
        return vectors

    monkeypatch.setattr(Tokenizer, "__call__", remember)
    monkeypatch.setattr(DualEncoder, "text_features", fail)
    yield
    monkeypatch.undo()


def test_a_text_that_the_model_fails_on_is_counted_and_its_product_left_out(
    home, fails_on_olive, monkeypatch, capsys
):
    shutil.rmtree(home / "vectors")
    figures = embed_products(home, "tiny", recreate=True)
    assert figures["failed"] == {"unexpected VectorError": 2}
    assert (figures["encoded"], figures["points"]) == (24 - 2, 10)
    assert "kettle-olive: unexpected VectorError: " in capsys.readouterr().err
    assert "kettle-olive" not in points(home)
    assert verify_collection(home, "tiny")["faults"] == {"missing": 2}
    ended = run_here(home, "vectors", "--variant", "tiny", "--strict", "--json")
    assert (ended.status, json.loads(ended.stdout)["written"]) == (1, 0)
    monkeypatch.undo()
    assert embed_products(home, "tiny")["encoded"] == 2
    assert verify_collection(home, "tiny")["faults"] == {}


def test_a_changed_text_that_the_model_fails_on_leaves_no_point_of_the_earlier_text(
    home, fails_on_olive
):
    rows = shop.rows()
    rows[0]["title"] = "olive lipstick"
    load_products(home, shop.write_source(home / "source", rows), category_field="category")
    assert embed_products(home, "tiny")["points"] == 11
    assert rows[0]["id"] not in points(home)


def test_a_product_shared_picture_is_encoded_once(tmp_path, tiny_clip):
    rows = shop.rows()[:3]
    for row in rows:
        row["image"] = "lipstick-crimson.png"
    home = tmp_path / "home"
    Variants(home).add("tiny", tiny_clip)
    source = shop.write_source(home / "source", rows)
    shop.draw("lipstick-crimson").save(home / "source" / "lipstick-crimson.png")
    load_products(home, source, category_field="category")
    fetch_images(home)
    assert embed_products(home, "tiny")["encoded"] == 3 + 1


def test_a_picture_shared_by_the_first_and_the_last_of_many_is_encoded_once(tmp_path, tiny_clip):
    rows = [{"id": f"{n:03}", "title": "same", "image": f"{n}.png"} for n in range(200)]
    rows[-1]["image"] = "0.png"  # reached when the first has long been kept
    home = tmp_path / "home"
    Variants(home).add("tiny", tiny_clip)
    (home / "source").mkdir()
    for n in range(199):
        Image.new("RGB", (32, 32), (n, 255 - n, 99)).save(home / "source" / f"{n}.png")
    source = home / "source" / "products.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    load_products(home, source)
    fetch_images(home)
    assert embed_products(home, "tiny")["encoded"] == 1 + 199


def test_long_catalogues_go_through_in_windows(home, monkeypatch):
    monkeypatch.setattr(embedding, "WINDOW", 5)
    with open_store(home) as store:
        store.drop("tiny")
    figures = embed_products(home, "tiny")
    assert (figures["encoded"], figures["points"], figures["written"]) == (0, 12, 12)
    assert verify_collection(home, "tiny")["faults"] == {}


def test_the_catalogue_is_parsed_for_the_settings_of_words_alone_where_little_has_changed(
    home, monkeypatch
):
    reads, entries, rows_read = [], Catalogue.entries, Catalogue.rows

    def counted(read):
        def reading(catalogue, **settings):
            reads.append(read.__name__)
            return read(catalogue, **settings)

        return reading

    monkeypatch.setattr(Catalogue, "entries", counted(entries))
    monkeypatch.setattr(Catalogue, "rows", counted(rows_read))
    assert embed_products(home, "tiny")["written"] == 0
    assert sorted(reads) == ["entries", "rows"]
    rows = shop.rows()
    rows[3]["title"] = "midnight lipstick"
    load_products(home, shop.write_source(home / "source", rows), category_field="category")
    reads.clear()
    assert embed_products(home, "tiny")["written"] == 1
    assert sorted(reads) == ["entries", "rows"]
    reads.clear()
    assert verify_collection(home, "tiny")["faults"] == {}
    assert reads == ["entries"]
