import base64
import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from catalog import CatalogError
from catalog.catalogue import Catalogue
from catalog.product import Product
from encoder.model import DualEncoder
from encoder.tokenizer import Tokenizer
from encoder.variants import Variants
from ingest import IngestError, embedding
from ingest.embedding import Shard
from ingest.images import fetch_images
from ingest.merge import merge_vectors
from ingest.products import load_products
from ingest.status import read_status
from ingest.vectors import embed_products
from ingest.verification import verify_collection
from pictures.sources import read_source
from qdrant.store import open_store
from qdrant.vector_files import VectorFiles, checksums
from tests import shop
from tests.ingest.commands import ROOT, begin, end, run_here
from tests.ledger import ledger_row
from tests.pictures.encoding import encoded
from tests.tiny_clip import build_tiny_clip
from vitrine import VitrineError


def points(home):
    with open_store(home) as store:
        return {point.id: point for point in store.scroll("tiny", vectors=True)}


def test_every_product_becomes_a_point_with_its_vectors_and_its_payload(home):
    found = points(home)
    assert found.keys() == {row["id"] for row in shop.rows()}
    kettle = found["kettle-teal"]
    assert kettle.payload["title"] == "teal kettle"
    assert kettle.payload["price"] == 80
    assert kettle.payload["picture"]
    total = kettle.vectors["text"] + kettle.vectors["image"]
    np.testing.assert_allclose(kettle.vectors["fused"], total / np.linalg.norm(total), atol=1e-5)


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


def generation(home):
    with open_store(home) as store:
        return store.collection("tiny").generation


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


def test_a_picture_changed_on_the_disk_is_read_again(home):
    shop.draw("kettle-coral").save(home / "source" / "kettle-teal.png")
    os.utime(home / "source" / "kettle-teal.png", (1, 1))
    assert fetch_images(home)["stored"] == 1
    assert embed_products(home, "tiny")["encoded"] == 0  # another product has this very picture
    found = points(home)
    np.testing.assert_allclose(
        found["kettle-teal"].vectors["image"], found["kettle-coral"].vectors["image"], atol=1e-6
    )


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


def test_failed_pictures_are_tried_again_only_with_retry_failed(tmp_path, tiny_clip):
    rows = shop.rows()[:1]
    rows[0]["image"] = "late.jpg"
    home = shop.build(tmp_path, tiny_clip, rows)
    assert fetch_images(home) == {"stored": 0, "skipped": 1, "failed": {}, "identical": 0}
    shop.draw(rows[0]["id"]).save(home / "source" / "late.jpg")
    assert fetch_images(home, retry_failed=True)["stored"] == 1


def test_prune_deletes_what_the_source_no_longer_has(home):
    source = shop.write_source(home / "source", shop.rows()[:5])
    assert load_products(home, source, category_field="category", prune=True)["pruned"] == 7
    assert embed_products(home, "tiny")["points"] == 5
    assert len(points(home)) == 5


def test_few_changes_are_made_to_a_copy_and_many_mean_building_anew(home, monkeypatch):
    rows = shop.rows()
    rows[0]["price"] = 1
    rows[1]["title"] = "ivory kettle"
    source = shop.write_source(home / "source", rows[:-1])
    load_products(home, source, category_field="category", prune=True)
    monkeypatch.setattr("ingest.collection.CHANGED_SHARE", 0.3)
    figures = embed_products(home, "tiny")
    assert (figures["written"], figures["deleted"], figures["points"]) == (2, 1, 11)
    assert verify_collection(home, "tiny")["faults"] == {}
    monkeypatch.setattr("ingest.collection.CHANGED_SHARE", 0.0)
    rows[2]["price"] = 2
    load_products(home, shop.write_source(home / "source", rows[:-1]), category_field="category")
    figures = embed_products(home, "tiny")
    assert (figures["written"], figures["deleted"], figures["points"]) == (11, 0, 11)
    assert verify_collection(home, "tiny")["faults"] == {}


def test_a_collection_is_built_anew_with_recreate_or_when_it_is_broken(home):
    before = generation(home)
    assert embed_products(home, "tiny", recreate=True)["written"] == 12
    assert generation(home) != before
    (home / "qdrant" / "tiny" / "CURRENT").write_text("nonsense")
    assert embed_products(home, "tiny")["written"] == 12
    assert verify_collection(home, "tiny")["faults"] == {}


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


def test_an_unforeseen_exception_is_recorded_for_its_picture_and_the_others_are_stored(
    home, monkeypatch
):
    def fail(address, **options):
        return {}["absent"] if "teal" in address else read_source(address, **options)

    shutil.rmtree(home / "images")
    monkeypatch.setattr("pictures.importer.read_source", fail)
    assert fetch_images(home)["failed"] == {"unexpected KeyError": 2}
    assert len(stored_pictures(home)) == 10
    [failure] = read_status(home)["failures"]
    assert "kettle-teal.png ended in an unexpected KeyError" in failure["example"]


def test_large_data_addresses_are_imported_a_few_at_a_time(tmp_path, monkeypatch):
    active, most = set(), []

    def read(address, **options):
        active.add(address)
        most.append(len(active))
        data = read_source(address, **options)
        active.remove(address)
        return data

    products = []
    for n in range(20):
        picture = encoded(Image.new("RGB", (32, 32), (n, 9, 9)), "PNG")
        data = "data:image/png;base64," + base64.b64encode(picture).decode()
        products.append(Product(str(n), "t", images=(data,)))
    with Catalogue(tmp_path) as catalogue:  # as an earlier version left it
        catalogue.upsert(products)
    monkeypatch.setattr("pictures.importer.read_source", read)
    monkeypatch.setattr("ingest.images.IN_PROGRESS_SIZE", 1)
    assert fetch_images(tmp_path)["stored"] == 20
    assert max(most) == 1
    with Catalogue(tmp_path) as catalogue:
        assert len(ledger_row(catalogue, "0").address) <= 120


def test_what_a_batch_had_stored_is_recorded_where_the_job_ends_in_an_error(home, monkeypatch):
    def fail(address, **options):
        if "teal" in address:
            raise VitrineError("The disk is full.")
        return read_source(address, **options)

    source = shop.write_source(home / "source")
    for picture in source.parent.glob("*.png"):
        os.utime(picture, (1, 1))
    monkeypatch.setattr("ingest.images.IN_PROGRESS", 1)
    monkeypatch.setattr("pictures.importer.read_source", fail)
    with pytest.raises(VitrineError, match="disk is full"):
        fetch_images(home)
    monkeypatch.undo()
    assert fetch_images(home)["stored"] < 12


def stored_pictures(home):
    return list((home / "images").rglob("*.jpg"))


def test_paths_of_a_feed_stay_in_its_folder_unless_they_are_allowed(tmp_path):
    feed = tmp_path / "feed"
    (feed / "inside").mkdir(parents=True)
    for path in (feed / "inside" / "a.png", tmp_path / "b.png"):
        shop.draw("kettle-teal").save(path)
    paths = ["inside/a.png", feed / "inside" / "a.png", tmp_path / "b.png", "../b.png"]
    rows = [{"id": str(n), "title": "t", "image": str(path)} for n, path in enumerate(paths)]
    source = shop.write_source(feed, [])
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    home = tmp_path / "home"
    assert run_here(home, "products", source).status == 0
    figures = fetch_images(home)
    assert (figures["stored"], figures["failed"]) == (2, {"refused path": 2})
    assert "--allow-paths" in read_status(home)["failures"][0]["example"]
    with Catalogue(home) as catalogue:
        assert catalogue.get(["2"])["2"].images == (str(tmp_path / "b.png"),)
    assert run_here(home, "products", source, "--allow-paths").status == 0
    assert fetch_images(home)["stored"] == 2
    assert run_here(home, "products", source).status == 0
    assert fetch_images(home)["failed"] == {"refused path": 2}


def test_a_picture_that_changed_and_is_lost_is_read_and_counted_once(home):
    shop.draw("kettle-coral").save(home / "source" / "kettle-teal.png")
    os.utime(home / "source" / "kettle-teal.png", (1, 1))
    for path in stored_pictures(home):
        path.unlink()
    figures = fetch_images(home)
    assert (figures["stored"], figures["skipped"], figures["failed"]) == (12, 0, {})


@pytest.mark.parametrize("words", [("images",), ("summaries",), ("vectors",), ("status",)])
def test_a_mistyped_home_is_not_made(tmp_path, words):
    home = tmp_path / "mistyped"
    assert run_here(home, *words).status == 1
    assert not home.exists()


def test_an_odd_user_agent_is_one_sentence_and_stops_no_other_command(home, monkeypatch):
    monkeypatch.setenv("VITRINE_USER_AGENT", "caf\u00e9")
    assert "set VITRINE_USER_AGENT to one line" in run_here(home, "images").error
    command = [sys.executable, "-m", "ingest", "status", "--json"]
    environment = {**os.environ, "VITRINE_HOME": str(home)}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)


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


def test_a_variant_that_needs_larger_pictures_than_are_kept_is_refused(home, tmp_path):
    large = build_tiny_clip(tmp_path / "large", image_size=256, patch_size=64)
    Variants(home).add("large", large)
    with pytest.raises(IngestError, match="takes pictures of 256 pixels"):
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


def test_a_second_template_of_a_model_encodes_no_picture(home, tiny_clip):
    Variants(home).add("second", tiny_clip, template="title")
    figures = embed_products(home, "second")
    assert (figures["encoded"], figures["reused"], figures["points"]) == (12, 12, 12)
    with open_store(home) as store:
        second = {point.id: point for point in store.scroll("second", vectors=True)}
    for name, point in points(home).items():
        np.testing.assert_array_equal(second[name].vectors["image"], point.vectors["image"])
    assert verify_collection(home, "second")["faults"] == {}


def test_a_replaced_variant_leaves_its_image_vectors_to_its_successor(home, tiny_clip):
    Variants(home).add("tiny", tiny_clip, template="title", force=True)
    assert embed_products(home, "tiny")["encoded"] == 12


def test_vector_files_from_before_image_vectors_were_shared_are_shared(home, tiny_clip):
    [label] = (home / "vectors").glob("*/images")
    label.unlink()
    Variants(home).add("second", tiny_clip, template="title")
    assert embed_products(home, "second")["encoded"] == 12


def test_another_model_and_unreadable_vector_files_share_nothing(home, tmp_path, tiny_clip):
    other = build_tiny_clip(tmp_path / "other", seed=1)
    Variants(home).add("other", other)
    assert embed_products(home, "other")["encoded"] == 24
    variant = Variants(home).get("tiny")
    for part in (home / "vectors" / variant.fingerprint).glob("*.part"):
        part.write_bytes(bytes(part.stat().st_size))
    Variants(home).add("second", tiny_clip, template="title")
    assert embed_products(home, "second")["encoded"] == 24


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


def test_verify_finds_what_is_missing_extra_and_stale(home):
    rows = shop.rows()
    rows[2]["title"] = "another"
    fresh = [*rows[1:], {"id": "new", "title": "new", "category": "Beauty"}]
    load_products(
        home, shop.write_source(home / "source", fresh), category_field="category", prune=True
    )
    assert verify_collection(home, "tiny")["faults"] == {"missing": 1, "extra": 1, "stale": 1}


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


def test_long_catalogues_go_through_in_windows(home, monkeypatch):
    monkeypatch.setattr(embedding, "WINDOW", 5)
    with open_store(home) as store:
        store.drop("tiny")
    figures = embed_products(home, "tiny")
    assert (figures["encoded"], figures["points"], figures["written"]) == (0, 12, 12)
    assert verify_collection(home, "tiny")["faults"] == {}


def test_the_command_line_prints_one_json_object_and_nothing_else_on_stdout(tmp_path, tiny_clip):
    home = tmp_path / "home"
    Variants(home).add("tiny", tiny_clip)
    source = shop.write_source(tmp_path / "source")
    options = ("--category-field", "category", "--variant", "tiny", "--json")
    done = end(begin(home, "all", source, *options))
    assert done.status == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["products"]["rows"] == figures["products"]["kept"] == 12
    assert figures["images"] == {"stored": 12, "skipped": 0, "failed": {}, "identical": 0}
    assert {name: figures["vectors"][name] for name in ("encoded", "reused", "points")} == {
        "encoded": 24,
        "reused": 0,
        "points": 12,
    }


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (("products", "absent.jsonl"), 1, "absent.jsonl"),
        (("images",), 1, "vitrine ingest products"),
        (("vectors", "--variant", "none"), 1, "none"),
        (("products", "x.csv", "--field", "title"), 2, "title=name"),
        (("products", "x.csv", "--category", "a", "--category-field", "b"), 2, "not both"),
        (("vectors", "--shard", "3/2"), 2, "2/4"),
        (("all", "absent.jsonl", "--variant", "none"), 1, "No variant is called 'none'"),
        (("polish",), 2, "polish"),
    ],
)
def test_a_users_mistake_is_one_line_and_no_traceback(tmp_path, words, status, sentence):
    done = run_here(tmp_path / "home", *words)
    assert done.status == status
    assert sentence in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_all_with_prune_deletes_products_and_pictures_that_the_source_no_longer_has(home):
    source = shop.write_source(home / "source", shop.rows()[:5])
    options = ("--category-field", "category", "--variant", "tiny", "--prune", "--json")
    figures = json.loads(run_here(home, "all", source, *options).stdout)
    assert (figures["products"]["pruned"], figures["images"]["pruned"]) == (7, 7)
    assert (figures["vectors"]["points"], figures["vectors"]["deleted"]) == (5, 0)


@pytest.fixture
def new_shop(tmp_path, tiny_clip):
    """A folder with the one variant `tiny` and no catalogue, and a file of products."""
    Variants(tmp_path / "home").add("tiny", tiny_clip)
    return tmp_path / "home", shop.write_source(tmp_path / "source")


def test_the_only_variant_is_used_where_none_is_named(new_shop, tmp_path):
    home, source = new_shop
    figures = json.loads(run_here(home, "all", source, "--json").stdout)
    assert figures["vectors"]["variants"].keys() == {"tiny"}
    assert json.loads(run_here(home, "verify", "--json").stdout).keys() == {"tiny"}
    exported = run_here(home, "export", "--folder", tmp_path / "export", "--json")
    assert json.loads(exported.stdout)["products"] == 12


def test_a_variant_must_be_named_where_there_are_several_and_none_is_the_default(
    new_shop, tiny_clip
):
    home, source = new_shop
    Variants(home).add("second", tiny_clip, template="title")
    ended = run_here(home, "all", source)
    assert (ended.status, ended.error) == (
        1,
        "Error: Name a variant: --variant with one of second, tiny.",
    )
    assert not (home / "catalog.sqlite").exists()  # before any work
    Variants(home).add("zeroshot", tiny_clip)
    assert run_here(home, "all", source, "--limit", 1).status == 0


def test_vectors_reports_pictures_that_were_not_fetched(new_shop):
    home, source = new_shop
    run_here(home, "products", source)
    ended = run_here(home, "vectors", "--json")
    assert "12 pictures have not been fetched" in ended.stderr
    assert "vitrine ingest images" in ended.stderr
    assert json.loads(ended.stdout)["pictures_pending"] == 12
    run_here(home, "images")
    ended = run_here(home, "vectors", "--json")
    assert "not been fetched" not in ended.stderr
    assert json.loads(ended.stdout)["pictures_pending"] == 0


def test_strict_turns_recorded_failures_into_status_one(tmp_path):
    source = tmp_path / "mixed.jsonl"
    source.write_text('{"id": "1", "title": "a"}\n{"id": "2"}\n')
    assert run_here(tmp_path / "home", "products", source).status == 0
    assert run_here(tmp_path / "home", "products", source, "--strict").status == 1
