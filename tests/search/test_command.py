import json
from functools import partial

import pytest
from typer.testing import CliRunner

from pictures.fetch_settings import FetchSettings
from pictures.fetcher import fetch_picture
from search.__main__ import app, show
from search.results import Result, Results
from tests.hostile_server import HostileServer


@pytest.fixture
def search(search_command):
    return search_command


def test_json_is_one_object_with_the_query_and_ranked_results(search):
    done = search(
        "crimson lipstick", "--category", "Beauty", "--k", "3", "--match", "vectors", "--json"
    )
    found = json.loads(done.stdout)
    assert done.exit_code == 0
    assert found["query"]["text"] == "crimson lipstick"
    assert found["query"]["categories"] == ["Beauty"]
    assert found["seconds"].keys() == {"load", "encode", "search"}
    assert [result["rank"] for result in found["results"]] == [1, 2, 3]
    assert found["results"][0].keys() == {
        *("rank", "id", "score", "vector", "product", "parts", "folded", "matched", "confidence")
    }
    assert {"title", "brand", "category", "price"} <= found["results"][0]["product"].keys()
    assert [result["id"] for result in found["without_picture"]] == ["bare-a", "bare-b"]


def test_a_picture_file_is_searched_with(search, home):
    picture = str(home / "source" / "kettle-teal.png")
    found = json.loads(search("--image", picture, "--vector", "image", "--json").stdout)
    assert found["results"][0]["id"] == "kettle-teal"


def test_a_picture_on_the_web_is_fetched_and_searched_with(search, monkeypatch):
    fetch = partial(fetch_picture, settings=FetchSettings(allow_loopback=True))
    monkeypatch.setattr("pictures.fetcher.fetch_picture", fetch)
    with HostileServer() as web:
        found = search("--image", web.address("/picture.jpg"), "--json")
        assert json.loads(found.stdout)["results"]
        assert web.requests
        assert "Name another picture" in search("--image", web.address("/html")).stderr


def test_a_table_shows_titles_as_they_are_and_products_without_a_picture(search):
    shown = search("crimson lipstick", "--match", "vectors").stdout
    assert "crimson [bold]lipstick" in shown
    assert "Without a picture, ranked by their text" in shown


def test_beyond_the_last_page_the_command_says_so(search):
    done = search("kettle", "--offset", "900")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "There are no more than 900 results." in done.stderr


def test_products_like_one_are_found_without_it(search):
    found = json.loads(search("--like", "kettle-teal", "--k", "3", "--json").stdout)
    assert "kettle-teal" not in {result["id"] for result in found["results"]}


def test_control_and_direction_characters_of_a_payload_are_shown_as_replacements(capsys):
    product = {"title": "gnp.\u202eexe", "brand": "\x1b[2J"}
    show(Results((Result(1, "a\x9bb", 0.5, "text", product),)))
    shown = capsys.readouterr().out
    assert all(part in shown for part in ("gnp.�exe", "�[2J", "a�b"))


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        ((), 1, "nothing to search for"),
        (("kettle", "--k", "0"), 1, "k is 0"),
        (("kettle", "--category", "Toys"), 1, "No product has the category “Toys”"),
        (("kettle", "--variant", "gone"), 1, "gone"),
        (("--image", "absent.jpg"), 1, "There is no file absent.jpg. Name another picture:"),
        (("--image", __file__), 1, "is no picture; the formats that are read are JPEG"),
        (("--image", "."), 1, ". is a folder or a device, not a file. Name another picture:"),
        (("--image", "http://127.0.0.1/a.jpg"), 1, "from the public web only. Name another"),
        (("--image", "ftp://shop.test/a.jpg"), 1, "nor http(s). Name another picture:"),
        (("kettle", "--price-max", "inf", "--json"), 1, "inf bounds no price or rating"),
        (("kettle", "--price-min", "nan"), 1, "nan bounds no price or rating"),
        (("kettle", "--weight", "nan"), 1, "The weight of the text is nan"),
        (("kettle", "--where", "colr=red"), 1, "No attribute to filter by is called “colr”"),
        (("--", "-"), 1, "“-” has no words: type words"),
        (("--like", "gone"), 1, "no product with the id “gone”"),
        (("--like", "\x1b[2J"), 1, "no product with the id “�[2J”"),
        (("kettle", "--like", "kettle-teal"), 2, "stands alone"),
        (("x" * 100_000,), 1, "100,000 characters"),
    ],
)
def test_a_mistake_ends_with_one_sentence(search, words, status, sentence):
    done = search(*words)
    assert done.exit_code == status
    assert sentence in done.stderr
    assert done.stdout == ""


def test_an_empty_shop_says_what_to_run(tmp_path, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path))
    done = CliRunner().invoke(app, ["kettle"])
    assert done.exit_code == 1
    assert "vitrine add" in done.stderr
