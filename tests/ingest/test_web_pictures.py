from dataclasses import replace

import pytest

from catalog.catalogue import Catalogue
from ingest.images import MANNERS, images
from ingest.products import products
from tests import shop
from tests.hostile_web import HostileWeb

LOOPBACK = replace(
    MANNERS,
    connect=2.0,
    read=0.3,
    max_bytes=2**18,
    retries=1,
    backoff=0.01,
    allow_loopback=True,
)
OUTCOMES = {
    "/picture.jpg": "stored",
    "/redirect?to=/picture.jpg": "stored",
    "/html": "not a picture",
    "/html-called-jpeg": "not a picture",
    "/svg": "not a picture",
    "/truncated.jpg": "truncated",
    "/pixel-bomb.png": "too many pixels",
    "/empty": "empty",
    "/gzip-bomb": "too large",
    "/declared-large": "too large",
    "/loop": "too many redirects",
    "/redirect?to=http://10.0.0.1/a.jpg": "refused address",
    "/hang": "timeout",
    "/nowhere": "http 404",
    "/garbage": "connection failed",
}


@pytest.fixture(scope="module")
def web():
    with HostileWeb() as web:
        yield web


def gather(home, addresses, **keywords):
    """Run the two jobs over products with these picture addresses; the ledger's outcomes."""
    rows = [
        {"id": str(n), "title": f"product {n}", "images": address}
        for n, address in enumerate(addresses)
    ]
    products(home, shop.write_source(home / "source", rows))
    figures = images(home, **keywords)
    with Catalogue(home) as catalogue:
        records = [catalogue.picture_record(str(n)) for n in range(len(addresses))]
    return figures, [record.outcome.reason or record.outcome.outcome for record in records]


def test_each_hostile_answer_ends_as_one_reason_in_the_ledger(tmp_path, web):
    addresses = [web.address(path) for path in OUTCOMES]
    figures, outcomes = gather(tmp_path, addresses, manners=LOOPBACK)
    assert dict(zip(OUTCOMES, outcomes, strict=True)) == OUTCOMES
    assert figures["stored"] + sum(figures["failed"].values()) == len(OUTCOMES)


def test_this_machine_is_never_asked_unless_a_test_says_so(tmp_path, web):
    before = len(web.requests)
    _, outcomes = gather(tmp_path, [web.address("/picture.jpg")])
    assert outcomes == ["refused address"]
    assert len(web.requests) == before


def test_the_next_address_is_tried_when_one_fails(tmp_path, web):
    several = [web.address("/nowhere"), web.address("/html"), web.address("/picture.jpg")]
    _, outcomes = gather(tmp_path, [several], manners=LOOPBACK)
    assert outcomes == ["stored"]


def test_identical_pictures_are_kept_once_and_reported(tmp_path, web):
    addresses = [web.address(f"/picture.jpg?{n}") for n in range(5)]
    figures, _ = gather(tmp_path, addresses, manners=LOOPBACK)
    assert (figures["stored"], figures["identical"]) == (5, 4)
    assert len(list((tmp_path / "images").rglob("*.jpg"))) == 1


def test_what_failed_is_fetched_again_only_when_asked(tmp_path, web):
    gather(tmp_path, [web.address("/nowhere")], manners=LOOPBACK)
    asked = len(web.requests)
    assert images(tmp_path, manners=LOOPBACK)["failed"] == {}
    assert len(web.requests) == asked
    assert images(tmp_path, manners=LOOPBACK, retry_failed=True)["failed"] == {"http 404": 1}
    with Catalogue(tmp_path) as catalogue:
        assert catalogue.picture_record("0").attempts == 2
