import json
import os
import shutil
import socket
import subprocess
import sys

import pytest

from catalog.catalogue import Catalogue
from encoder.variants import Variants
from ingest.images import fetch_images
from ingest.products import load_products
from ingest.status import read_status
from ingest.tables import show_status
from ingest.vectors import embed_products
from tests import shop


@pytest.fixture
def home(tmp_path, tiny_clip):
    """Twelve products embedded under `tiny`, then one more of another category, and `other`."""
    rows = shop.rows()
    rows[0]["image"] = "absent.jpg"
    del rows[1]["image"]
    rows[3]["image"] = rows[2]["image"]
    home = shop.build(tmp_path / "home", tiny_clip, rows)
    Variants(home).add("other", tiny_clip, template="title")
    rows += [
        {"id": "new", "title": "new", "category": "Toys", "image": "http://192.168.0.1/a.jpg"},
        {"id": "nameless", "category": "Toys"},
    ]
    load_products(home, shop.write_source(home / "source", rows), category_field="category")
    return home


def job(home, name, variant=""):
    page = json.loads(json.dumps(read_status(home)))
    return next(each for each in page["jobs"] if (each["job"], each["variant"]) == (name, variant))


def test_every_product_is_accounted_for_in_every_job_and_category(home):
    shown = job(home, "products")
    assert shown["total"]["done"] == 13
    assert shown["total"]["failed"] == {"no title": 1}
    assert {name: each["done"] for name, each in shown["categories"].items()} == {
        "Appliances": 6,
        "Beauty": 6,
        "Toys": 1,
    }
    pictures = job(home, "images")
    assert pictures["categories"]["Beauty"] | {"bytes": 0} == {
        "done": 4,
        "pending": 0,
        "none": 1,
        "failed": {"missing file": 1},
        "bytes": 0,
    }
    assert pictures["categories"]["Toys"]["pending"] == 1
    total = pictures["total"]
    assert total["done"] + total["pending"] + total["none"] + sum(total["failed"].values()) == 13


def test_vectors_are_counted_by_variant_with_what_is_still_to_be_embedded(home):
    tiny = job(home, "vectors", "tiny")
    assert (tiny["total"]["done"], tiny["total"]["pending"]) == (12, 1)
    assert (tiny["categories"]["Toys"]["done"], tiny["categories"]["Toys"]["pending"]) == (0, 1)
    assert tiny["total"]["bytes"] > 0
    other = job(home, "vectors", "other")
    assert (other["total"]["done"], other["total"]["pending"]) == (0, 13)
    assert other["last_run"] is None


def test_a_stored_picture_that_could_not_be_embedded_is_counted(home):
    with Catalogue(home) as catalogue:
        entry = next(entry for entry in catalogue.entries() if entry.picture)
        catalogue.pictures.path(entry.picture).write_bytes(b"damaged")
    shutil.rmtree(home / "vectors")  # what a variant of the same model shares with it
    embed_products(home, "other")
    assert job(home, "vectors", "other")["total"]["failed"] == {"unreadable picture": 1}


def test_bytes_are_those_of_the_disk_and_a_shared_picture_counts_once(home):
    kept = list((home / "images").rglob("*.jpg"))
    with Catalogue(home) as catalogue:
        sizes = catalogue.picture_bytes()
    assert job(home, "images")["total"]["bytes"] == sum(path.stat().st_size for path in kept)
    assert sizes[None] == sizes["Appliances"] + sizes["Beauty"]


def test_a_job_has_its_last_run_and_its_rate(home):
    shown = job(home, "images")
    assert shown["last_run"]["outcome"] == "done"
    assert shown["last_run"]["started"] <= shown["last_run"]["ended"]
    with Catalogue(home) as catalogue:
        seconds = catalogue.runs("images")[0].figures["seconds"]
    assert shown["rate"] == pytest.approx(11 / seconds)
    fetch_images(home)
    fetch_images(home)  # nothing to do: no rate
    assert job(home, "images")["rate"] is None
    assert job(home, "summaries")["last_run"] is None


def test_an_empty_category_and_a_shop_without_vectors_are_shown_too(tmp_path):
    source = tmp_path / "products.jsonl"
    source.write_text('{"id": "1", "title": "a"}\n')
    load_products(tmp_path / "home", source)
    page = read_status(tmp_path / "home")
    assert [each["job"] for each in page["jobs"]] == ["products", "images", "summaries"]
    assert page["jobs"][1]["categories"][""]["none"] == 1
    show_status(page)


def test_points_without_a_category_are_counted_under_none(tmp_path, tiny_clip):
    rows = shop.rows()[:3]
    del rows[0]["category"]
    home = shop.build(tmp_path, tiny_clip, rows)
    counted = job(home, "vectors", "tiny")["categories"]
    assert {name: each["done"] for name, each in counted.items()} == {"": 1, "Beauty": 2}


def test_a_broken_manifest_and_a_broken_collection_hide_nothing_else(home, capsys):
    (home / "variants" / "other" / "manifest.json").write_text("{")
    page = read_status(home)
    assert [each["variant"] for each in page["errors"]] == ["other"]
    assert "cannot be read as a manifest" in page["errors"][0]["error"]
    assert job(home, "vectors", "tiny")["total"]["done"] == 12
    (home / "qdrant" / "tiny" / "CURRENT").write_text("nonsense")
    page = read_status(home)
    assert [each["variant"] for each in page["errors"]] == ["other", "tiny"]
    assert (page["products"], page["collections"]) == (13, [])
    show_status(page)
    shown = capsys.readouterr().out
    assert all(each["error"] in shown for each in page["errors"])
    assert "another state of the variant" not in shown


def test_a_server_that_does_not_answer_hides_nothing_else(home, monkeypatch, capsys):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("QDRANT_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
    page = read_status(home)
    [error] = page["errors"]
    assert (error["variant"], "127.0.0.1" in error["error"]) == ("", True)
    assert [each["job"] for each in page["jobs"]] == [
        "products",
        "images",
        "summaries",
        "vectors",
        "vectors",
    ]
    assert job(home, "images")["total"]["done"] == 10
    assert job(home, "vectors", "tiny")["total"]["pending"] is None
    show_status(page)
    assert error["error"] in capsys.readouterr().out


def test_the_page_fits_a_terminal_and_shows_what_an_operator_looks_for(home):
    command = [sys.executable, "-m", "ingest", "status"]
    environment = {**os.environ, "VITRINE_HOME": str(home), "COLUMNS": "100"}
    environment.pop("QDRANT_URL", None)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 100
    for words in ("missing file", "vectors tiny", "vectors other", "never", "Toys", "per second"):
        assert words in done.stdout
