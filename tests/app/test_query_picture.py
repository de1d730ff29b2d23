import re
import shutil
from functools import partial

import pytest
from PIL import Image

from app import query_picture
from app.state import SearchState
from app.uploads import Uploads
from pictures.fetch_settings import FetchSettings
from pictures.fetcher import fetch_picture
from pictures.limit import CallLimit
from search.query import Query
from search.redaction import NOT_PUBLIC
from tests import shop
from tests.app.page_parts import (
    address,
    drawn,
    encoded,
    everything,
    follow,
    headings,
    messages,
    press,
    titles,
    upload,
)
from tests.hostile_server import HostileServer
from tests.pictures.encoding import heif
from vitrine import home as home_folder

ROWS = ["Words alone", "Picture alone"]


def test_an_uploaded_picture_finds_what_the_engine_finds(open_page, found_by):
    page = upload(open_page(), drawn("kettle-olive"))
    assert messages(page) == ""
    assert titles(page) == found_by(Query(picture=shop.draw("kettle-olive"), k=12))
    assert list(address(page)) == ["upload"]


def test_an_uploaded_picture_is_in_the_address_by_its_hash(open_page, home):
    page = upload(open_page(q="coral"), drawn("kettle-olive"))
    [digest] = address(page)["upload"]
    found = titles(page)
    elsewhere = open_page(q="coral", upload=digest)
    assert messages(elsewhere) == ""
    assert titles(elsewhere) == found
    assert set(ROWS) <= set(headings(elsewhere))
    again = upload(open_page(), drawn("kettle-olive"))
    assert address(again)["upload"] == [digest]
    press(elsewhere, "Remove the picture")
    assert "upload" not in elsewhere.query_params
    assert [path.stem for path in home.glob("uploads/*/*.png")].count(digest) == 1


def test_a_phones_photo_is_read(open_page):
    page = upload(open_page(), heif("rotated"), "IMG_0001.heic")
    assert messages(page) == ""
    assert titles(page)


def test_below_the_results_of_words_and_picture_are_those_of_each_alone(open_page):
    page = upload(open_page(q="coral", k="3", category=["Beauty"]), drawn("lipstick-navy"))
    assert [heading for heading in headings(page) if heading in ROWS] == ROWS
    assert len(titles(page)) == 3 + 6 + 6
    assert titles(page)[9] == "navy lipstick"
    follow(page, "Next page")
    assert not set(ROWS) & set(headings(page))
    assert len(titles(page)) == 3


def test_a_removed_picture_is_gone_from_page_and_address(open_page):
    page = upload(open_page(q="coral"), drawn("lipstick-navy"))
    press(page, "Remove the picture")
    assert not set(ROWS) & set(headings(page))
    assert "upload" not in page.query_params


def test_an_address_without_a_picture_removes_the_last_one(open_page):
    page = upload(open_page(q="coral"), drawn("lipstick-navy"))
    page.query_params.clear()
    page.query_params["q"] = "teal"
    page.run()
    assert not set(ROWS) & set(headings(page))
    assert address(page) == {"q": ["teal"]}


def test_the_last_picture_given_is_used(open_page, web):
    page = upload(open_page(), drawn("lipstick-navy"))
    page.text_input(key="text").set_value(web.address("/picture.jpg")).run()
    assert messages(page) == ""
    assert set(address(page)) == {"picture"}
    upload(page, drawn("lipstick-navy"))
    assert set(address(page)) == {"upload"}


def test_a_web_address_in_the_search_box_is_a_picture_and_the_words_stay(open_page, web):
    page = open_page(q="coral")
    page.text_input(key="text").set_value(f" {web.address('/picture.jpg')} ").run()
    assert page.text_input(key="text").value == "coral"
    assert address(page) == {"q": ["coral"], "picture": [web.address("/picture.jpg")]}
    assert set(ROWS) <= set(headings(page))


def test_a_part_of_the_picture_is_in_the_address_and_all_of_it_a_button_away(open_page, found_by):
    [digest] = address(upload(open_page(), drawn("kettle-olive")))["upload"]
    page = open_page(upload=digest, crop="20,0,60,50")
    picture = Uploads(home_folder()).find(digest)
    part = SearchState(crop=(20, 0, 60, 50)).query(picture).picture
    assert titles(page) == found_by(Query(picture=part, k=12))
    press(page, "Use all of it")
    assert address(page) == {"upload": [digest]}
    assert titles(page) == found_by(Query(picture=picture, k=12))


@pytest.mark.parametrize("digest", ["1", "ab" * 32, "../../etc/passwd"])
def test_a_link_whose_picture_is_not_kept_reports_it(open_page, digest):
    page = open_page(q="coral", upload=digest)
    assert "is not kept here any more" in messages(page)
    assert titles(page)
    assert address(page)["upload"] == [digest]
    upload(page, drawn("lipstick-navy"))
    assert messages(page) == ""


def test_an_upload_that_cannot_be_kept_is_searched_with_all_the_same(open_page, home_copy):
    shutil.rmtree(home_copy / "uploads", ignore_errors=True)
    (home_copy / "uploads").write_text("a file where the folder should be")
    page = upload(open_page(home_copy), drawn("kettle-olive"))
    assert messages(page) == ""
    assert titles(page)[0] == "olive kettle"


@pytest.mark.parametrize(
    ("data", "name", "sentence"),
    [
        (b"", "empty.jpg", "is empty"),
        (b"just words\n" * 20, "words.jpg", "no picture|not a picture"),
        (b"<html>404</html>", "page.png", "picture"),
        (encoded(Image.new("RGB", (64, 64)))[:60], "torn.png", "picture|damaged|cut|broken"),
        (encoded(Image.new("1", (20_000, 20_000))), "huge.png", "millions of pixels"),
        (encoded(Image.new("RGB", (4, 4))), "dot.png", "4 × 4 pixels"),
    ],
)
def test_an_upload_that_is_no_picture_is_reported_in_a_sentence(open_page, data, name, sentence):
    page = upload(open_page(q="coral"), data, name)
    assert not page.exception
    [box] = page.warning
    assert re.search(sentence, box.value.replace("\\", ""))
    assert titles(page)  # the words alone still find something


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("http://127.0.0.1/a.jpg", "not"),
        ("http://169.254.169.254/latest/meta-data", "not"),
        ("file:///etc/passwd", "http"),
        ("/etc/passwd", "http"),
        ("http://[::1", "address"),
        ("data:image/png;base64,AAAA", "http"),
        ("javascript:alert(1)", "http"),
    ],
)
def test_a_picture_address_that_is_not_public_is_refused(open_page, address, sentence):
    page = open_page(picture=address)
    [box] = page.warning
    assert sentence in box.value
    assert not page.exception
    assert titles(page)


@pytest.fixture
def web(monkeypatch):
    limits = FetchSettings(total=0.5, retries=0, allow_loopback=True)
    monkeypatch.setattr(query_picture, "fetch_picture", partial(fetch_picture, settings=limits))
    with HostileServer() as web:
        yield web


@pytest.mark.parametrize("path", ["/hang", "/html", "/inward"])
def test_a_picture_address_that_misbehaves_is_reported_in_a_sentence(open_page, web, path):
    page = open_page(picture=web.address(path), q="coral")
    assert len(page.warning) == 1
    assert not page.exception
    assert titles(page)


def test_a_setting_that_forbids_fetching_is_reported_and_the_page_stays(open_page, monkeypatch):
    monkeypatch.setenv("VITRINE_USER_AGENT", "two\nlines")
    page = open_page(q="coral", picture="https://shop.test/a.jpg")
    assert "set VITRINE_USER_AGENT to one line" in everything(page)
    assert titles(page)


def test_more_pictures_at_once_than_the_limit_are_refused_and_may_be_tried_again(
    open_page, monkeypatch
):
    limit = CallLimit(1, "1 picture is being decoded; try again in a moment.")
    monkeypatch.setattr("pictures.decode_workers._limit", limit)
    page = open_page(q="coral")
    with limit:  # another visitor's picture
        upload(page, drawn("lipstick-navy"))
        assert "try again in a moment" in messages(page)
        assert titles(page)
    press(page, "Try again")
    assert messages(page) == ""
    assert set(ROWS) <= set(headings(page))


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.7", "localhost", "unknown.invalid"])
def test_what_names_the_network_has_is_not_shown(open_page, host):
    page = open_page(picture=f"http://{host}/a.jpg")
    [box] = page.warning
    assert box.value.replace("\\", "").startswith(NOT_PUBLIC)


def test_an_unexpected_error_over_a_picture_leaves_the_rest_of_the_page(
    open_page, monkeypatch, caplog
):
    monkeypatch.setattr(query_picture, "open_untrusted", None)
    page = upload(open_page(q="coral"), drawn("lipstick-navy"))
    assert "The picture: an unexpected TypeError" in everything(page)
    assert titles(page)
    caplog.clear()


def test_a_picture_is_fetched_once_however_often_the_page_runs(open_page, web):
    page = open_page(picture=web.address("/picture.jpg"))
    page.toggle(key="fold").set_value(False).run()
    assert messages(page) == ""
    assert titles(page)
    assert len(web.requests) == 1
