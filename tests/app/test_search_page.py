import io
import re
import shutil

import pytest
from PIL import Image

from app import query_picture
from app.cards import TITLE
from app.escaping import shorten
from catalog.catalogue import Catalogue
from encoder.variants import Variants
from ingest.images import fetch_images
from ingest.products import load_products
from ingest.vectors import embed_products
from pictures.fetch_settings import FetchSettings
from search.query import Query
from search.service import SearchService
from tests import shop
from tests.app.conftest import MARKUP
from tests.hostile_server import HostileServer

BOTH = ["Words and picture together", "Words alone", "Picture alone"]


def titles(page):
    return [text.value for text in page.text]


def told(page):
    """Everything the page says in boxes."""
    assert not page.exception
    return " ".join(box.value for box in [*page.error, *page.warning, *page.info])


def address(page):
    """The address bar's parameters, each a list."""
    told = page.query_params.items()
    return {name: value if isinstance(value, list) else [value] for name, value in told}


def scores(page):
    return [caption.value for caption in page.caption if caption.value.startswith("score")]


def headings(page):
    return [heading.value for heading in page.subheader]


def press(page, label, place=0):
    return [button for button in page.button if button.label == label][place].click().run()


def upload(page, data, name="photo.png"):
    return page.file_uploader[0].set_value((name, data, "image/png")).run()


def encoded(image):
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def drawn(product_id):
    return encoded(shop.draw(product_id))


def test_a_person_who_has_not_asked_sees_products_without_scores(open_page):
    page = open_page()
    assert len(titles(page)) == 12
    assert "16 products" in page.caption[0].value
    assert not any("score" in caption.value for caption in page.caption)
    assert address(page) == {}


@pytest.fixture(scope="module")
def found_by(home):
    """The titles that the engine itself finds, as cards show them."""
    with SearchService(home) as opened:
        engine = opened.engine("tiny")

        def found(query):
            results = engine.search(query)
            both = [*results.results, *results.without_picture]
            return [shorten(result.product["title"], TITLE) for result in both]

        yield found


def test_words_find_products_and_go_into_the_address(open_page, found_by):
    page = open_page()
    page.text_input(key="text").set_value("  coral kettle ").run()
    assert told(page) == ""
    assert titles(page) == found_by(Query("coral kettle", k=12))
    assert address(page) == {"q": ["coral kettle"], "variant": ["tiny"]}


def test_an_address_opens_the_search_it_tells(open_page):
    page = open_page(q="teal", category=["Beauty"], brand=["Acme"], price_max="50", k="2")
    assert page.text_input(key="text").value == "teal"
    assert page.pills(key="categories").value == ["Beauty"]
    assert page.multiselect(key="brands").value == ["Acme"]
    assert page.number_input(key="price_max").value == 50
    assert page.slider(key="k").value == 2
    assert len(titles(page)) == 2
    assert all(caption in {"Acme · Beauty"} for caption in facts(page))


def facts(page):
    return [caption.value for caption in page.caption if " · " in caption.value][1:]


def test_another_address_in_the_same_visit_is_followed(open_page):
    page = open_page(q="teal", category=["Beauty"])
    page.query_params.clear()
    page.query_params["q"] = "navy"
    page.run()
    assert page.text_input(key="text").value == "navy"
    assert page.pills(key="categories").value == []


def test_categories_show_what_the_other_filters_leave(open_page):
    page = open_page(brand=["Acme"])
    labels = page.pills(key="categories").options
    assert labels[:2] == ["Appliances (3)", "Beauty (3)"]


def test_a_category_narrows_and_clearing_widens_again(open_page):
    page = open_page(q="coral")
    page.pills(key="categories").set_value(["Beauty"]).run()
    assert len(titles(page)) == 6
    assert address(page)["category"] == ["Beauty"]
    press(page, "Clear the filters")
    assert len(titles(page)) > 6
    assert "category" not in page.query_params


def test_show_more_goes_on_where_the_results_stopped(open_page):
    page = open_page(q="coral", category=["Beauty"], k="4")
    first = titles(page)
    press(page, "Show more")
    assert titles(page)[:4] == first
    assert len(titles(page)) == 6
    assert "Show more" not in [button.label for button in page.button]


def test_more_like_this_shows_the_product_and_its_neighbours_and_leads_back(open_page):
    page = open_page(q="coral kettle", category=["Appliances"])
    first = titles(page)[0]
    press(page, "More like this")
    identity = "-".join(reversed(first.split()))
    assert address(page)["like"] == [identity]
    assert headings(page)[:2] == ["Filters", first] or first in headings(page)
    assert first not in titles(page)
    press(page, "Back to the search")
    assert address(page)["q"] == ["coral kettle"]
    assert titles(page)[0] == first


def test_new_words_end_more_like_this(open_page):
    page = open_page(like="kettle-teal")
    page.text_input(key="text").set_value("navy").run()
    assert address(page) == {"q": ["navy"], "variant": ["tiny"]}


def test_an_uploaded_picture_finds_what_the_engine_finds(open_page, found_by):
    page = upload(open_page(), drawn("kettle-olive"))
    assert told(page) == ""
    assert titles(page) == found_by(Query(picture=shop.draw("kettle-olive"), k=12))
    assert address(page) == {"upload": ["1"], "variant": ["tiny"]}


def test_words_and_a_picture_give_three_rows(open_page):
    page = upload(open_page(q="coral", k="3", category=["Beauty"]), drawn("lipstick-navy"))
    assert [heading for heading in headings(page) if heading in BOTH] == BOTH
    assert len(titles(page)) == 9
    assert titles(page)[6] == "navy lipstick"


def test_a_picture_taken_back_is_gone_from_page_and_address(open_page):
    page = upload(open_page(q="coral"), drawn("lipstick-navy"))
    press(page, "Remove the picture")
    assert not set(BOTH) & set(headings(page))
    assert "upload" not in page.query_params


def test_an_address_without_a_picture_takes_the_last_one_away(open_page):
    page = upload(open_page(q="coral"), drawn("lipstick-navy"))
    page.query_params.clear()
    page.query_params["q"] = "teal"
    page.run()
    assert not set(BOTH) & set(headings(page))
    assert address(page) == {"q": ["teal"], "variant": ["tiny"]}


def test_the_picture_given_last_counts(open_page, web):
    page = upload(open_page(), drawn("lipstick-navy"))
    page.text_input(key="picture").set_value(web.address("/picture.jpg")).run()
    assert told(page) == ""
    assert set(address(page)) == {"picture", "variant"}
    upload(page, drawn("lipstick-navy"))
    assert set(address(page)) == {"upload", "variant"}


def test_a_shared_link_whose_picture_was_uploaded_says_that_it_is_missing(open_page):
    page = open_page(q="coral", upload="1")
    assert "had an uploaded picture" in told(page)
    assert "words alone" in told(page)
    assert titles(page)
    assert address(page)["upload"] == ["1"]
    upload(page, drawn("lipstick-navy"))
    assert told(page) == ""


def test_products_without_a_picture_stand_apart(open_page):
    page = open_page(q="kettle", category=["Appliances"])
    assert "Without a picture" in headings(page)
    assert sorted(titles(page)[-2:]) == ["coral kettle", "torn kettle"]


def test_titles_are_shown_as_they_are_and_only_web_links_are_links(open_page):
    page = open_page(q="odd", category=["<i>Odd</i>"])
    assert MARKUP in titles(page)
    assert page.link_button == []
    assert not any(MARKUP in caption.value for caption in page.caption)
    assert r"\<i\>Odd\</i\> (2)" in page.pills(key="categories").options
    assert max(map(len, titles(page))) <= 90


def test_a_product_with_a_long_title_and_a_strange_id_is_shown_at_length(open_page):
    page = open_page(like="long/ü?&#")
    assert told(page) == ""
    assert max(map(len, headings(page))) < 160
    assert len(titles(page)[0]) > 1900


def test_products_link_to_the_shop(open_page):
    page = open_page(like="kettle-teal")
    assert page.link_button[0].url == "https://shop.test/kettle-teal"


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
def test_an_upload_that_is_no_picture_is_told_in_a_sentence(open_page, data, name, sentence):
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
def test_a_picture_that_leads_inward_is_refused(open_page, address, sentence):
    page = open_page(picture=address)
    [box] = page.warning
    assert sentence in box.value
    assert not page.exception
    assert titles(page)


@pytest.fixture
def web(monkeypatch):
    limits = FetchSettings(total=0.5, retries=0, allow_loopback=True)
    monkeypatch.setattr(query_picture, "LIMITS", limits)
    with HostileServer() as web:
        yield web


@pytest.mark.parametrize("path", ["/hang", "/html", "/inward"])
def test_a_picture_that_misbehaves_is_told_in_a_sentence(open_page, web, path):
    page = open_page(picture=web.address(path), q="coral")
    assert len(page.warning) == 1
    assert not page.exception
    assert titles(page)


def test_a_picture_is_fetched_once_however_often_the_page_runs(open_page, web):
    page = open_page(picture=web.address("/picture.jpg"))
    page.slider(key="k").set_value(3).run()
    assert told(page) == ""
    assert len(titles(page)) == 3 + 2  # and those without a picture
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"like": "gone"}, "no product with the id “gone”"),
        ({"like": "x" * 50_000}, "no product with the id “xxx"),
        ({"like": "\x00"}, "no product with the id “\x00”"),
        ({"q": "x", "variant": "other"}, "no variant “other” here, only tiny"),
        ({"q": "x", "variant": "../../etc"}, "no variant “../../etc” here"),
        ({"q": "x", "category": ["Toys"]}, "No product has the category “Toys”"),
        ({"q": "x", "brand": ["Nobody"]}, "No product has the brand “Nobody”"),
        ({"q": "x", "price_min": "abc"}, "price_min=abc"),
        ({"q": "x", "price_min": "9", "price_max": "3"}, "lowest price, 9, is above"),
        ({"q": "x" * 5_000}, "5,000 characters"),
        ({"price_min": "9999"}, "Nothing with a picture passes these filters"),
    ],
)
def test_an_address_that_asks_for_what_is_not_there_is_told_why(open_page, parameters, sentence):
    said = told(open_page(**parameters)).replace("\\", "")
    assert sentence in said
    assert len(said) < 700


def test_an_empty_folder_is_told_how_to_fill_it(open_page, tmp_path):
    page = open_page(tmp_path)
    assert "There are no products yet" in headings(page)
    assert "vitrine ingest all" in page.code[0].value
    assert told(page) == ""


@pytest.fixture
def unbuilt(home, tmp_path):
    """The shop before its vectors were made."""
    folder = tmp_path / "unbuilt"
    shutil.copytree(home, folder, ignore=shutil.ignore_patterns("qdrant", "vectors"))
    return folder


def test_no_collection_yet_is_told_with_the_command_that_makes_it(open_page, unbuilt):
    page = open_page(unbuilt, q="coral")
    assert "`vitrine ingest vectors --variant tiny`" in told(page)


def test_a_collection_being_built_is_told_and_opens_when_it_is_there(open_page, unbuilt):
    with Catalogue(unbuilt) as catalogue:
        run = catalogue.begin_run("vectors", {"variant": "tiny"})
        page = open_page(unbuilt, q="coral")
        assert "Ingest is running" in headings(page)
        assert "`vectors` of the variant tiny" in told(page)
        catalogue.end_run(run, "done", {})
    embed_products(unbuilt, "tiny")
    page.run()
    assert titles(page)


def test_a_new_generation_is_picked_up_without_a_restart(open_page, home, tmp_path):
    folder = tmp_path / "growing"
    shutil.copytree(home, folder)
    page = open_page(folder, q="violet kettle", k="60")
    assert "violet kettle" not in titles(page)
    source = shop.write_source(
        folder / "more", [{"id": "v", "title": "violet kettle", "image": "v.png"}]
    )
    load_products(folder, source)
    fetch_images(folder)
    embed_products(folder, "tiny")
    assert "violet kettle" in titles(page.run())


def test_a_variant_made_anew_is_told_until_its_collection_is(open_page, home, tiny_clip, tmp_path):
    folder = tmp_path / "changed"
    shutil.copytree(home, folder)
    page = open_page(folder, q="coral")
    Variants(folder).add("tiny", tiny_clip, template="title", force=True)
    assert "ingest vectors --variant tiny" in told(page.run())
    embed_products(folder, "tiny")
    assert titles(page.run())


def test_the_variant_asked_for_is_searched(open_page, home, tiny_clip, tmp_path):
    folder = tmp_path / "two"
    shutil.copytree(home, folder)
    Variants(folder).add("zeroshot", tiny_clip, template="title")
    assert open_page(folder, q="x").selectbox(key="variant").options == ["tiny"]
    embed_products(folder, "zeroshot")
    assert open_page(folder, q="x").selectbox(key="variant").value == "zeroshot"
    page = open_page(folder, q="x", variant="tiny")
    assert page.selectbox(key="variant").value == "tiny"
    before = scores(page)
    page.selectbox(key="variant").set_value("zeroshot").run()
    assert address(page)["variant"] == ["zeroshot"]
    assert scores(page) != before


def test_a_catalogue_without_a_category_offers_none(open_page, tiny_clip, tmp_path):
    rows = [row | {"category": ""} for row in shop.rows()]
    page = open_page(shop.build(tmp_path, tiny_clip, rows), q="coral")
    assert told(page) == ""
    assert page.pills == []
    assert len(titles(page)) == 12


def test_the_demo_shop_says_what_it_is(open_page, unbuilt):
    (unbuilt / "demo.md").write_text("This is the **demo shop**.")
    assert "demo shop" in open_page(unbuilt).info[0].value


def test_a_damaged_catalogue_is_told(open_page, home, tmp_path):
    folder = tmp_path / "damaged"
    shutil.copytree(home, folder)
    for file in folder.glob("catalog.sqlite*"):
        file.unlink()
    (folder / "catalog.sqlite").write_bytes(b"no database" * 500)
    page = open_page(folder, q="coral")
    assert "catalog.sqlite is damaged" in told(page).replace("\\", "")


def test_a_picture_file_that_is_gone_is_told_on_its_card(open_page, home, tmp_path):
    folder = tmp_path / "bare"
    shutil.copytree(home, folder, ignore=shutil.ignore_patterns("images"))
    page = open_page(folder, q="coral")
    assert any("file is gone" in caption.value for caption in page.caption)
    assert titles(page)
