import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.catalogue import Catalogue
from catalog.product import Product
from catalog.searched_texts import searched_texts
from ingest.__main__ import app
from ingest.status import read_status
from ingest.vectors import embed_products
from ingest.words import choose_settings, searched_text
from qdrant.store import open_store
from qdrant.word_settings import WordSettings, write_choice

TEAPOT = Product(
    "1",
    "Stoneware teapot",
    brand="Ollerby",
    categories=(("Kitchen", "Tea", "Teapots"), ("Kitchen", "Gifts")),
    description="Holds a litre.",
    features=("dishwasher safe",),
    attributes={"Colour": "slate", "Handmade": True, "Care": "rinse with warm water " * 5},
)


def test_a_product_is_found_by_title_brand_category_steps_features_attributes_and_description():
    text = searched_text(searched_texts(TEAPOT), WordSettings())
    for words in ("Ollerby", "Teapots", "Gifts", "dishwasher safe", "slate", "Holds a litre."):
        assert text.count(words) == 1
    assert text.count("Stoneware teapot") == 3  # a title says what a product is
    assert text.count("Kitchen") == 1


def test_a_field_is_searched_as_often_as_it_counts():
    text = searched_text(searched_texts(TEAPOT), WordSettings(title=1, brand=2, description=0))
    assert (text.count("teapot"), text.count("Ollerby"), text.count("litre")) == (1, 2, 0)


@pytest.fixture
def catalogue(tmp_path: Path):
    with Catalogue(tmp_path) as opened:
        opened.upsert([Product("1", "Kessel", description="aus Stahl, für den Herd und den Tisch")])
        yield opened


def test_language_and_mean_length_come_from_the_catalogue(catalogue: Catalogue):
    assert choose_settings(catalogue, None) == WordSettings("de", 11.0)


def test_the_settings_of_the_collection_are_kept_while_they_fit(catalogue: Catalogue):
    kept = WordSettings("de", 10.5)
    assert choose_settings(catalogue, kept) == kept
    assert choose_settings(catalogue, WordSettings("de", 20.0)).mean_length == 11.0
    assert choose_settings(catalogue, WordSettings("en", 11.0)).language == "de"


def test_what_was_chosen_for_the_shop_is_kept_when_the_rest_is_measured_anew(catalogue: Catalogue):
    chosen = WordSettings("en", 20.0, k=1.2, b=0.5, title=1)
    assert choose_settings(catalogue, chosen) == WordSettings("de", 9.0, k=1.2, b=0.5, title=1)
    again = choose_settings(catalogue, chosen, {"title": 2, "k": 1.0})
    assert again == WordSettings("de", 10.0, k=1.0, b=0.5, title=2)


def test_an_empty_catalogue_has_the_default_settings(tmp_path: Path):
    with Catalogue(tmp_path) as empty:
        assert choose_settings(empty, None) == WordSettings("en", 1.0)


def test_what_is_chosen_for_the_words_is_kept_beside_what_was_chosen_before(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("VITRINE_HOME", str(home))
    write_choice(home / "variants" / "tiny", {"title": 5, "k": 0.5}, {"queries": "some"})
    shown = " ".join(CliRunner().invoke(app, ["status"]).stdout.split())
    assert "Words do not count yet in the collection tiny as was chosen: run `vitrine" in shown
    run = CliRunner().invoke(
        app, ["vectors", "--field-weight", "description=0", "--bm25-b", "0.6", "--json"]
    )
    figures = json.loads(run.stdout)
    assert (figures["encoded"], figures["written"]) == (0, 12)
    assert embed_products(home, "tiny")["written"] == 0
    with open_store(home) as store:
        words = store.collection("tiny").words
    assert words
    assert (words.title, words.k, words.b, words.description) == (5, 0.5, 0.6, 0)
    assert read_status(home)["collections"][0]["words_as_chosen"]


def test_a_damaged_choice_is_reported_and_the_words_stay(
    home: Path, capsys: pytest.CaptureFixture[str]
):
    (home / "variants" / "tiny" / "words.json").write_text('{"title": 0}')
    assert embed_products(home, "tiny")["written"] == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "words.json cannot be used: The words of the title cannot count 0 times" in said
    assert "The words stay as the collection has them" in said


@pytest.mark.parametrize(
    ("option", "value"),
    [("--bm25-b", "nan"), ("--field-weight", "colour=2"), ("--field-weight", "brand=21")],
)
def test_settings_of_words_that_are_out_of_range_are_refused(option: str, value: str):
    assert CliRunner().invoke(app, ["vectors", option, value]).exit_code == 2
