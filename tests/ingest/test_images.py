"""The job `images`: pictures of addresses and paths, each with its outcome in the ledger."""

import base64
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from catalog.catalogue import Catalogue
from catalog.product import Product
from ingest.images import fetch_images
from ingest.status import read_status
from ingest.vectors import embed_products
from pictures.sources import read_source
from tests import shop
from tests.ingest.commands import ROOT, run_here
from tests.ingest.stored import points, stored_pictures
from tests.ledger import ledger_row
from tests.pictures.encoding import encoded
from vitrine import VitrineError


def test_a_picture_changed_on_the_disk_is_read_again(home):
    shop.draw("kettle-coral").save(home / "source" / "kettle-teal.png")
    os.utime(home / "source" / "kettle-teal.png", (1, 1))
    assert fetch_images(home)["stored"] == 1
    assert embed_products(home, "tiny")["encoded"] == 0  # another product has this very picture
    found = points(home)
    np.testing.assert_allclose(
        found["kettle-teal"].vectors["image"], found["kettle-coral"].vectors["image"], atol=1e-6
    )


def test_failed_pictures_are_tried_again_only_with_retry_failed(tmp_path, tiny_clip):
    rows = shop.rows()[:1]
    rows[0]["image"] = "late.jpg"
    home = shop.build(tmp_path, tiny_clip, rows)
    assert fetch_images(home) == {"stored": 0, "skipped": 1, "failed": {}, "identical": 0}
    shop.draw(rows[0]["id"]).save(home / "source" / "late.jpg")
    assert fetch_images(home, retry_failed=True)["stored"] == 1


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


def test_an_odd_user_agent_is_one_sentence_and_stops_no_other_command(home, monkeypatch):
    monkeypatch.setenv("VITRINE_USER_AGENT", "caf\u00e9")
    assert "set VITRINE_USER_AGENT to one line" in run_here(home, "images").error
    command = [sys.executable, "-m", "ingest", "status", "--json"]
    environment = {**os.environ, "VITRINE_HOME": str(home)}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
