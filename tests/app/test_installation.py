import shutil

import pytest
import streamlit as st

from catalog.catalogue import Catalogue
from encoder.variants import Variants
from ingest.images import fetch_images
from ingest.products import load_products
from ingest.vectors import embed_products
from qdrant.store import open_store
from tests import shop
from tests.app.page_parts import everything, headings, messages, titles
from tests.app.page_server import reserved_port


def test_an_empty_folder_is_shown_with_the_commands_that_fill_it(open_page, tmp_path):
    page = open_page(tmp_path)
    assert "There are no products yet" in headings(page)
    assert page.code[0].value.splitlines()[1].startswith("vitrine ingest all")
    assert messages(page) == ""
    assert str(tmp_path) in everything(page)


def test_products_without_a_variant_are_shown_with_the_commands_that_add_one(open_page, tmp_path):
    load_products(tmp_path, shop.write_source(tmp_path / "source", shop.rows()))
    page = open_page(tmp_path)
    assert "There is no variant yet" in headings(page)
    assert "has 12 products" in messages(page)
    assert page.code[0].value.startswith("vitrine add zeroshot")


def test_a_collection_without_products_is_shown_as_empty(open_page, home_copy):
    with open_store(home_copy) as store:
        everything_in_it = [point.id for point in store.scroll("tiny")]
        store.update(store.collection("tiny"), [], delete=everything_in_it)
    page = open_page(home_copy)
    assert "The collection of tiny is empty" in messages(page)


def test_visitors_of_a_shop_that_is_not_open_read_no_command_and_no_folder(open_page, unbuilt):
    page = open_page(unbuilt, audience="shop")
    assert "This shop is not open yet" in headings(page)
    assert "vitrine" not in everything(page)
    assert str(unbuilt) not in everything(page)
    assert list(page.code) == []


def test_a_server_that_cannot_be_reached_is_no_shop_that_was_not_opened_yet(
    open_page, home, monkeypatch
):
    with reserved_port() as port:  # nothing listens there
        monkeypatch.setenv("QDRANT_URL", f"http://127.0.0.1:{port}")
        st.cache_resource.clear()
        page = open_page(home, q="teal")
        assert "The Qdrant server cannot be reached" in headings(page)
        assert "`docker compose up -d qdrant`" in messages(page)
        page = open_page(home, audience="shop")
        assert "The search is closed for a moment" in headings(page)
        assert "docker" not in everything(page)
    st.cache_resource.clear()


@pytest.fixture
def unbuilt(home_copy):
    """A shop whose vectors have not been made."""
    shutil.rmtree(home_copy / "qdrant")
    shutil.rmtree(home_copy / "vectors")
    return home_copy


def test_a_missing_collection_is_shown_with_the_command_that_builds_it(open_page, unbuilt):
    page = open_page(unbuilt, q="coral")
    assert "`vitrine ingest vectors --variant tiny`" in messages(page)


def test_a_broken_manifest_is_shown_without_its_path(open_page, home_copy):
    (home_copy / "variants" / "tiny" / "manifest.json").write_text("{")
    page = open_page(home_copy)
    assert "manifest.json cannot be read" in messages(page).replace("\\", "")
    assert str(home_copy) not in messages(page)


def test_a_running_build_is_shown_and_the_search_opens_after_it(open_page, unbuilt):
    with (
        Catalogue(unbuilt) as catalogue,
        catalogue.exclusive("vectors"),
        catalogue.recorded("vectors", {"variant": "tiny"}),
    ):
        page = open_page(unbuilt, q="coral")
        assert "Ingest is running" in headings(page)
        assert "`vectors` of the variant tiny" in messages(page)
    embed_products(unbuilt, "tiny")
    page.run()
    assert titles(page)


def test_a_new_generation_is_picked_up_without_a_restart(open_page, home_copy):
    page = open_page(home_copy, q="violet kettle", k="60")
    assert "violet kettle" not in titles(page)
    source = shop.write_source(
        home_copy / "more", [{"id": "v", "title": "violet kettle", "image": "v.png"}]
    )
    load_products(home_copy, source)
    fetch_images(home_copy)
    embed_products(home_copy, "tiny")
    assert "violet kettle" in titles(page.run())


def test_a_variant_that_was_added_again_is_reported_until_its_collection_is_built(
    open_page, home_copy, tiny_clip
):
    page = open_page(home_copy, q="coral")
    Variants(home_copy).add("tiny", tiny_clip, template="title", force=True)
    assert "ingest vectors --variant tiny" in messages(page.run())
    embed_products(home_copy, "tiny")
    assert titles(page.run())


def test_the_demo_shop_has_a_note_with_commands_for_its_operators_alone(open_page, unbuilt):
    (unbuilt / "demo.md").write_text("This is the **demo shop**.")
    assert "demo shop" in open_page(unbuilt).info[0].value
    assert "demo shop" not in everything(open_page(unbuilt, audience="shop"))


def test_a_damaged_catalogue_is_reported(open_page, home_copy):
    for file in home_copy.glob("catalog.sqlite*"):
        file.unlink()
    (home_copy / "catalog.sqlite").write_bytes(b"no database" * 500)
    page = open_page(home_copy, q="coral")
    assert "catalog.sqlite is damaged" in messages(page).replace("\\", "")
    assert str(home_copy) not in everything(page)


def test_a_damaged_catalogue_without_a_collection_is_no_empty_shop(open_page, unbuilt):
    for file in unbuilt.glob("catalog.sqlite*"):
        file.unlink()
    (unbuilt / "catalog.sqlite").write_bytes(b"no database" * 500)
    page = open_page(unbuilt)
    assert "The catalogue cannot be read" in headings(page)
    assert "catalog.sqlite is damaged" in messages(page).replace("\\", "")
