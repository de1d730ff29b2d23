import base64
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest
from PIL import Image

from catalog.catalogue import Catalogue
from ingest.images import catalogue_settings, fetch_images
from ingest.products import load_products
from pictures.fetcher import Fetcher
from tests import shop
from tests.hostile_responses import JPEG
from tests.hostile_server import HostileServer
from tests.ingest.commands import begin, end
from tests.ingest.picture_web import PictureWeb
from tests.ledger import ledger_row
from tests.pictures.encoding import encoded
from tests.pictures.fetching import PUBLIC, FakeResolver
from tests.processes import still_running

ROOT = Path(__file__).parents[2]
LOOPBACK = replace(
    catalogue_settings(),
    connect=60.0,
    read=60.0,
    total=120.0,
    max_bytes=2**18,
    retries=1,
    backoff=0.01,
    allow_loopback=True,
)
HURRIED = replace(LOOPBACK, read=0.15, total=0.4, max_bytes=2**22)
NAMES = {
    "shop.test": ["127.0.0.1"],
    "private.test": ["192.168.0.7"],
    "metadata.test": ["169.254.169.254"],
    "mixed.test": ["127.0.0.1", "10.0.0.1"],
    "half-public.test": [PUBLIC, "10.0.0.1"],
    "six.test": ["fd00::1"],
}
# {host} is this machine by number; the names are the fake resolver's.
OUTCOMES = {
    "http://{host}/picture.jpg": "stored",
    "http://{host}/picture-called-text": "stored",
    "http://{host}/redirect?to=/picture.jpg": "stored",
    "http://shop.test:{port}/picture.jpg": "stored",
    "http://{host}/html": "not a picture",
    "http://{host}/html-called-jpeg": "not a picture",
    "http://{host}/svg": "format not read",
    "http://{host}/truncated.jpg": "truncated",
    "http://{host}/pixel-bomb.png": "too many pixels",
    "http://{host}/empty": "empty",
    "http://{host}/gzip-bomb": "too large",
    "http://{host}/deflate-bomb": "too large",
    "http://{host}/declared-large": "too large",
    "http://{host}/endless": "too large",
    "http://{host}/endless-packed-nothing": "too large",
    "http://{host}/loop": "too many redirects",
    "http://{host}/redirect?to=http://10.0.0.1/a.jpg": "refused address",
    "http://{host}/redirect?to=http://private.test/a.jpg": "refused address",
    "http://{host}/redirect?to=http://metadata.test/latest/meta-data": "refused address",
    "http://{host}/redirect?to=file:///etc/passwd": "refused address",
    "http://{host}/redirect?to=http://xn--a/": "refused address",
    "http://xn--a/picture.jpg": "refused address",
    "http://private.test:{port}/picture.jpg": "refused address",
    "http://metadata.test/latest/meta-data": "refused address",
    "http://mixed.test:{port}/picture.jpg": "refused address",
    "http://half-public.test:{port}/picture.jpg": "refused address",
    "http://six.test:{port}/picture.jpg": "refused address",
    "http://nowhere.test/picture.jpg": "unknown host",
    "http://{host}/nowhere": "http 404",
    "http://{host}/status?is=503": "http 503",
    "http://{host}/busy?status=429&times=99&after=3600": "http 429",
    "http://127.0.0.1:{closed}/picture.jpg": "connection failed",
    "http://{host}/garbage": "connection failed",
    "http://{host}/hang-up": "connection failed",
    "http://{host}/endless-headers": "connection failed",
}
SLOW = ("/hang", "/hang-in-body", "/slow", "/slow-headers", "/promises-forever")


@pytest.fixture(scope="module")
def web():
    with HostileServer() as web:
        yield web


def gather(home, addresses, **keywords):
    """Run the two jobs over products with these picture addresses; the ledger's outcomes."""
    rows = [
        {"id": str(n), "title": f"product {n}", "images": address}
        for n, address in enumerate(addresses)
    ]
    load_products(home, shop.write_source(home / "source", rows))
    figures = fetch_images(home, **keywords)
    with Catalogue(home) as catalogue:
        rows = [ledger_row(catalogue, str(n)) for n in range(len(addresses))]
    return figures, [row.reason or row.outcome for row in rows]


@pytest.fixture
def closed_port():
    """A port of this machine that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_each_hostile_answer_ends_as_one_reason_in_the_ledger(
    tmp_path, web, closed_port, monkeypatch
):
    names = FakeResolver()
    names.answers = {name: [addresses] for name, addresses in NAMES.items()}
    monkeypatch.setattr("pictures.importer.Fetcher", partial(Fetcher, resolve=names))
    places = {"host": f"127.0.0.1:{web.port}", "port": web.port, "closed": closed_port}
    figures, outcomes = gather(
        tmp_path, [address.format(**places) for address in OUTCOMES], fetch_settings=LOOPBACK
    )
    assert dict(zip(OUTCOMES, outcomes, strict=True)) == OUTCOMES
    failed = Counter(reason for reason in OUTCOMES.values() if reason != "stored")
    assert (figures["stored"], figures["failed"]) == (4, failed)


def test_what_never_comes_to_an_end_is_a_timeout_in_the_ledger(tmp_path, web):
    figures, _ = gather(tmp_path, [web.address(path) for path in SLOW], fetch_settings=HURRIED)
    assert figures["failed"] == {"timeout": len(SLOW)}


def test_a_request_with_retry_after_is_repeated_and_gets_the_picture(tmp_path, web):
    web.reset_counts()
    _, outcomes = gather(
        tmp_path, [web.address("/busy?status=429&times=1&after=0")], fetch_settings=LOOPBACK
    )
    assert outcomes == ["stored"]


def test_the_ledger_has_the_address_and_the_size_of_a_picture(tmp_path, web):
    address = web.address("/redirect?to=/picture.jpg")
    gather(tmp_path, [[web.address("/nowhere"), address]], fetch_settings=LOOPBACK)
    with Catalogue(tmp_path) as catalogue:
        row = ledger_row(catalogue, "0")
        kept = catalogue.pictures.path(row.hash)
    assert (row.attempts, row.address) == (1, address)
    assert row.hash == hashlib.sha256(JPEG).hexdigest()
    assert (row.width, row.height, row.bytes) == (96, 72, kept.stat().st_size)


def test_loopback_is_refused_unless_a_test_allows_it(tmp_path, web):
    before = len(web.requests)
    _, outcomes = gather(tmp_path, [web.address("/picture.jpg")])
    assert outcomes == ["refused address"]
    assert len(web.requests) == before


def test_the_next_address_is_tried_when_one_fails(tmp_path, web):
    several = [web.address("/nowhere"), web.address("/html"), web.address("/picture.jpg")]
    _, outcomes = gather(tmp_path, [several], fetch_settings=LOOPBACK)
    assert outcomes == ["stored"]


def test_identical_pictures_are_kept_once_and_reported(tmp_path, web):
    addresses = [web.address(f"/picture.jpg?{n}") for n in range(5)]
    figures, _ = gather(tmp_path, addresses, fetch_settings=LOOPBACK)
    assert (figures["stored"], figures["identical"]) == (5, 4)
    assert len(list((tmp_path / "images").rglob("*.jpg"))) == 1


def test_what_failed_is_fetched_again_only_with_retry_failed(tmp_path, web):
    gather(tmp_path, [web.address("/nowhere")], fetch_settings=LOOPBACK)
    requests = len(web.requests)
    assert fetch_images(tmp_path, fetch_settings=LOOPBACK)["failed"] == {}
    assert len(web.requests) == requests
    assert fetch_images(tmp_path, fetch_settings=LOOPBACK, retry_failed=True)["failed"] == {
        "http 404": 1
    }
    with Catalogue(tmp_path) as catalogue:
        assert ledger_row(catalogue, "0").attempts == 2


def test_pictures_that_no_product_has_any_more_are_deleted_with_prune(tmp_path, web):
    embedded = "data:image/jpeg;base64," + base64.b64encode(JPEG + b"other").decode()
    gather(tmp_path, [embedded, web.address("/picture.jpg")], fetch_settings=LOOPBACK)
    rows = [{"id": "1", "title": "product 1", "images": web.address("/picture.jpg")}]
    load_products(tmp_path, shop.write_source(tmp_path / "source", rows), prune=True)
    assert "pruned" not in fetch_images(tmp_path, fetch_settings=LOOPBACK)
    assert len(list((tmp_path / "images").rglob("*.jpg"))) == 2
    assert fetch_images(tmp_path, fetch_settings=LOOPBACK, prune=True)["pruned"] == 1
    (left,) = (tmp_path / "images").rglob("*.jpg")
    assert left.stem == hashlib.sha256(JPEG).hexdigest()


JOB = """
import sys
from dataclasses import replace
from pathlib import Path
from ingest.images import catalogue_settings, fetch_images
fetch_images(Path(sys.argv[1]), fetch_settings=replace(catalogue_settings(), allow_loopback=True))
"""


def test_ctrl_c_ends_the_job_and_all_its_processes_and_the_next_run_goes_on(tmp_path, web):
    addresses = [web.address(f"/picture.jpg?{n}") for n in range(3)]
    rows = [
        {"id": str(n), "title": "product", "images": address}
        for n, address in enumerate([*addresses, web.address("/gate")])
    ]
    load_products(tmp_path, shop.write_source(tmp_path / "source", rows))
    job = subprocess.Popen(
        [sys.executable, "-c", JOB, tmp_path],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    web.wait_for_concurrent(1)
    children = psutil.Process(job.pid).children(recursive=True)
    os.killpg(job.pid, signal.SIGINT)
    assert job.wait() == -signal.SIGINT
    assert still_running(children) == []
    with Catalogue(tmp_path) as catalogue:
        assert catalogue.runs("images")[0].outcome == "stopped"
    web.open_gate()
    assert fetch_images(tmp_path, fetch_settings=LOOPBACK)["failed"] == {}
    with Catalogue(tmp_path) as catalogue:
        assert catalogue.picture_counts() == {"": {"stored": 4}}


def test_sixty_four_open_files_are_enough(tmp_path):
    """In a process of its own, since a hard limit cannot be raised again."""
    rows = [{"id": str(n), "title": str(n), "image": f"/picture?{n}"} for n in range(150)]
    pictures = {
        f"/picture?{n}": encoded(Image.new("RGB", (300, 300), (n, 99, 0))) for n in range(150)
    }
    with PictureWeb(lambda path: pictures[path]) as web:
        for row in rows:
            row["image"] = web.address(row["image"])
        load_products(tmp_path, shop.write_source(tmp_path / "source", rows))
        job = begin(tmp_path, "images", "--json", open_files=64)
        done = end(job)
    assert done.status == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["stored"], figures["failed"]) == (150, {})
