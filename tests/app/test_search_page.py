import shutil

import pytest

from app.cards import TITLE
from app.escaping import escape
from encoder.variants import Variants
from ingest.vectors import embed_products
from qdrant.model import Point
from qdrant.store import open_store
from search.confidence import Calibration, calibration_file, calibrations_object
from search.evidence import COVERAGE
from search.query import Query
from tests import shop
from tests.app.conftest import MARKUP
from tests.app.page_parts import (
    address,
    everything,
    follow,
    headings,
    labels,
    links,
    messages,
    plain,
    press,
    scores,
    titles,
)
from tests.tiny_models import build_tiny_text_model


def test_without_a_query_there_are_products_without_scores(open_page):
    page = open_page()
    assert len(titles(page)) == 12
    assert "16 products" in page.caption[0].value
    assert not any("score" in caption.value for caption in page.caption)
    assert address(page) == {}


def test_a_corrected_word_is_shown(open_page):
    page = open_page(q="coral ketttle")
    assert "Searched for “coral kettle”." in everything(page)
    assert titles(page)[0] == "coral kettle"
    follow(page, "Search for “coral ketttle” as it is")
    assert address(page) == {"q": ['"coral" "ketttle"']}
    assert "Searched for" not in everything(page)


def test_words_find_products_and_are_in_the_address(open_page, found_by):
    page = open_page()
    page.text_input(key="text").set_value("  coral kettle ").run()
    assert messages(page) == ""
    assert titles(page) == found_by(Query("coral kettle", k=12))
    assert address(page) == {"q": ["coral kettle"]}


def test_an_address_opens_its_search(open_page):
    page = open_page(q="teal", category=["Beauty"], brand=["Acme"], price_max="50", k="2")
    assert page.text_input(key="text").value == "teal"
    assert page.pills(key="categories").value == ["Beauty"]
    assert page.multiselect(key="brands").value == ["Acme"]
    assert page.number_input(key="price_max").value == 50
    assert page.selectbox(key="k").value == 2
    assert len(titles(page)) == 2
    assert [caption.value for caption in page.caption].count("Acme · Beauty") == 2


def test_why_a_product_was_found_is_on_its_card(open_page):
    page = open_page(q="teal kettles acme", category=["Appliances"])
    first = next(link.proto.label for link in links(page) if "product=" in link.proto.query_string)
    assert first == "**teal** **kettle**"
    assert "Brand: **acme**" in [caption.value for caption in page.caption]


def test_scores_and_times_are_shown_to_operators_alone(open_page):
    assert scores(open_page(q="teal"))
    page = open_page(q="teal", audience="shop")
    assert scores(page) == []
    assert not any("searched" in caption.value for caption in page.caption)
    assert "Catalogue" not in labels(page)
    assert "set it to shop or operator" in messages(open_page(audience="nobody"))


def test_another_address_in_the_same_session_is_read(open_page):
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


def test_each_filter_that_is_set_is_a_link_to_the_search_without_it(open_page):
    page = open_page(q="coral", category=["Beauty"], brand=["Acme"], price_max="90")
    assert {"Beauty", "Acme", "Price up to 90", "Clear all filters"} <= set(labels(page))
    follow(page, "Acme")
    assert address(page) == {"q": ["coral"], "category": ["Beauty"], "price_max": ["90"]}
    follow(page, "Clear all filters")
    assert address(page) == {"q": ["coral"]}
    assert "Clear all filters" not in labels(page)
    assert [button.label for button in page.button if "Filters" in button.label] == ["Filters"]


def test_price_and_brand_in_the_words_are_offered_and_set_by_a_link_alone(open_page):
    page = open_page(q="kettle by acme under 90")
    assert address(page) == {"q": ["kettle by acme under 90"]}
    assert page.multiselect(key="brands").value == []
    follow(page, "Price up to 90")
    assert address(page) == {"q": ["kettle by acme"], "price_max": ["90"]}
    follow(page, "Brand: Acme")
    assert address(page) == {"q": ["kettle"], "price_max": ["90"], "brand": ["Acme"]}
    assert titles(page)


def test_the_first_page_has_examples_that_this_shop_has_products_for(open_page):
    page = open_page()
    [example, *_] = [link for link in links(page) if link.proto.query_string.startswith("q=")]
    label = plain(example.proto.label)
    page = open_page(q=label)
    assert titles(page)[0] == label


def test_the_number_of_products_is_shown(open_page):
    assert "The best 2 among 6 products" in everything(
        open_page(q="teal", category="Beauty", k="2")
    )
    page = open_page(q="teal", category="Beauty", k="4", page="2")
    assert "Results 5 to 6 among 6 products" in everything(page)
    assert "6 products found" in everything(open_page(q="teal", category="Beauty"))


def test_pages_continue_one_another_and_are_in_the_address(open_page):
    whole = titles(open_page(q="coral", category=["Beauty"]))
    page = open_page(q="coral", category=["Beauty"], k="4")
    assert titles(page) == whole[:4]
    follow(page, "Next page")
    assert address(page)["page"] == ["2"]
    assert titles(page) == whole[4:]
    assert "Next page" not in labels(page)
    follow(page, "Previous page")
    assert titles(page) == whole[:4]
    assert "page" not in page.query_params


def test_products_without_a_query_have_pages(open_page):
    first = open_page()
    second = open_page(page="2")
    assert len(titles(second)) == 2
    assert not {*titles(first)} & {*titles(second)}


def test_another_search_begins_at_its_first_page_and_ends_the_view_of_a_product(open_page):
    page = open_page(q="coral", k="4", page="2")
    page.pills(key="categories").set_value(["Beauty"]).run()
    assert "page" not in page.query_params
    page = open_page(q="coral", k="4", page="2", product="kettle-teal")
    page.text_input(key="text").set_value("navy").run()
    assert address(page) == {"q": ["navy"], "k": ["4"]}
    page = open_page(q="coral", product="kettle-teal")
    press(page, "Search")
    assert address(page) == {"q": ["coral"]}


def test_a_category_is_browsed_by_price_page_by_page(open_page):
    page = open_page(category="Beauty", sort="price", k="4")
    cheapest = titles(page)
    page = follow(page, "Next page")
    assert address(page) == {"category": ["Beauty"], "sort": ["price"], "k": ["4"], "page": ["2"]}
    whole = titles(open_page(category="Beauty", sort="price"))
    assert cheapest + titles(page) == whole
    page.selectbox(key="sort").set_value("-price").run()
    dearest = titles(page)
    assert dearest == whole[::-1][: len(dearest)]


def test_an_order_that_no_product_has_a_fact_for_is_not_offered(open_page):
    assert open_page().selectbox(key="sort").options == [
        f"Sort by: {name}" for name in ("varied", "lowest price", "highest price", "best rated")
    ]
    page = open_page(q="kettle", sort="newest")
    assert page.selectbox(key="sort").value == "newest"
    assert titles(page)


def test_results_are_sorted_and_shown_one_by_one(open_page):
    page = open_page(q="kettle", category=["Appliances"])
    page.selectbox(key="sort").set_value("-price").run()
    assert address(page)["sort"] == ["-price"]
    page.toggle(key="fold").set_value(False).run()
    assert address(page)["fold"] == ["0"]
    assert messages(page) == ""
    assert titles(page)


def test_a_product_has_a_view_with_its_details_and_what_is_like_it(open_page):
    page = open_page(q="teal kettle", category=["Appliances"])
    first = titles(page)[0]
    follow(page, first)
    assert address(page)["product"] == ["kettle-teal"]
    assert address(page)["q"] == ["teal kettle"]
    assert [heading.value for heading in page.title] == [first]
    [facts] = [table.value for table in page.table]
    assert facts.iloc[:, 0].to_dict() == {
        "Colour": "teal",
        "Weight": "1\\.75",
        "Id": "kettle\\-teal",
    }
    assert page.link_button[0].url == "https://shop.test/kettle-teal"
    assert first not in titles(page)
    assert titles(page)
    follow(page, "Back to the results")
    assert "product" not in page.query_params
    assert titles(page)[0] == first


def test_where_no_product_passes_each_filter_can_be_left_out(open_page):
    page = open_page(q="coral", category=["Beauty"], price_min="9999", stock="1")
    assert "No product passes all of these filters" in messages(page)
    assert [label for label in labels(page) if label.startswith("Without")] == [
        "Without the price (4)"
    ]
    follow(page, "Without the price (4)")
    assert address(page) == {"q": ["coral"], "category": ["Beauty"], "stock": ["1"]}
    assert len(titles(page)) == 4


def test_a_page_after_the_last_one_leads_to_the_first(open_page):
    page = open_page(q="coral", page="7")
    assert "has no page 7" in messages(page).replace("\\", "")
    assert address(follow(page, "First page")) == {"q": ["coral"]}


def test_where_probably_nothing_fits_near_categories_and_words_are_links(open_page, home_copy):
    never = Calibration({COVERAGE: 1.0}, 0.0, (0.0, 1.0), (0.0, 0.1), 2.0, 0.05, 16)
    file = calibration_file(Variants(home_copy).get("tiny"))
    file.write(calibrations_object({"hybrid": never}))
    page = open_page(home_copy, q="kett")
    assert "Probably nothing here fits" in messages(page)
    assert any(label.startswith("kettle") for label in labels(page))
    [category] = [label for label in labels(page) if label.startswith("Appliances")][:1]
    follow(page, category)
    assert address(page) == {"category": [category]}
    assert titles(page)


def test_what_is_like_a_product_is_a_search_of_its_own(open_page):
    page = follow(
        open_page(q="teal", product="kettle-teal"), "All products like this, with filters"
    )
    assert address(page) == {"q": ["teal"], "like": ["kettle-teal"]}
    assert "Products like teal kettle" in headings(page)
    page.pills(key="categories").set_value(["Beauty"]).run()
    assert address(page)["like"] == ["kettle-teal"]
    assert all(title.endswith("lipstick") for title in titles(page))
    follow(page, "Back to the search")
    assert address(page) == {"q": ["teal"], "category": ["Beauty"]}


def test_new_words_end_a_search_for_products_like_one(open_page):
    page = open_page(like="kettle-teal")
    page.text_input(key="text").set_value("navy").run()
    assert address(page) == {"q": ["navy"]}


def test_the_variants_of_an_article_are_in_the_view_of_each(open_page, tiny_clip, tmp_path):
    rows = shop.rows()
    twins = [row | {"id": f"{row['id']}-2"} for row in rows if row["id"] == "kettle-teal"]
    page = open_page(shop.build(tmp_path, tiny_clip, [*rows, *twins]), q="teal kettle")
    assert "+1 variant" in everything(page)
    follow(page, "teal kettle")
    assert "Variants" in headings(page)
    shown = address(page)["product"]
    follow(page, "teal kettle")
    assert address(page)["product"] != shown


def test_products_without_a_picture_are_a_group_of_their_own(open_page):
    page = open_page(like="kettle-teal", category=["Appliances"])
    assert "Without a picture" in headings(page)
    assert sorted(titles(page)[-2:]) == ["coral kettle", "torn kettle"]


def test_titles_are_shown_as_they_are_and_only_web_links_are_links(open_page):
    page = open_page(q="odd", category=["<i>Odd</i>"])
    assert MARKUP in titles(page)
    assert page.link_button == []
    assert not any(MARKUP in caption.value for caption in page.caption)
    assert r"\<i\>Odd\</i\> (2)" in page.pills(key="categories").options
    assert max(map(len, titles(page))) <= TITLE


def test_a_product_with_a_long_title_and_a_strange_id_has_all_its_details(open_page):
    page = open_page(product="long/ü?&#")
    assert messages(page) == ""
    assert max(len(heading.value) for heading in page.title) < 160
    assert len(page.text[0].value) > 1900


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"like": "gone"}, "no product with the id “gone”"),
        ({"like": "x" * 50_000}, "no product with the id “xxx"),
        ({"like": "\x00"}, "no product with the id “�”"),
        ({"q": "x", "variant": "other"}, "no variant “other” here, only tiny"),
        ({"q": "x", "variant": "../../etc"}, "no variant “../../etc” here"),
        ({"q": "x", "category": ["Toys"]}, "No product has the category “Toys”"),
        ({"q": "x", "brand": ["Nobody"]}, "No product has the brand “Nobody”"),
        ({"q": "x", "price_min": "abc"}, "price_min=abc"),
        ({"q": "x", "price_min": "9", "price_max": "3"}, "lowest price, 9, is above"),
        ({"q": "x" * 5_000}, "5,000 characters"),
        ({"product": "gone"}, "no product with the id “gone”"),
        ({"product": "\x00" * 50_000}, "no product with the id “�"),
        ({"price_min": "9999"}, "No product passes all of these filters"),
    ],
)
def test_an_address_that_names_something_unknown_or_invalid_gets_the_reason(
    open_page, parameters, sentence
):
    text = messages(open_page(**parameters)).replace("\\", "")
    assert sentence in text
    assert len(text) < 700


def test_the_chosen_variant_is_searched(open_page, home_copy, tiny_clip):
    Variants(home_copy).add("zeroshot", tiny_clip, template="title")
    assert open_page(home_copy, q="x").selectbox(key="variant").options == ["tiny"]
    embed_products(home_copy, "zeroshot")
    assert open_page(home_copy, q="x").selectbox(key="variant").value == "zeroshot"
    page = open_page(home_copy, q="x", variant="tiny")
    assert page.selectbox(key="variant").value == "tiny"
    before = scores(page)
    page.selectbox(key="variant").set_value("zeroshot").run()
    assert "variant" not in page.query_params
    assert scores(page) != before


def test_a_catalogue_without_a_category_offers_none(open_page, tiny_clip, tmp_path):
    rows = [row | {"category": ""} for row in shop.rows()]
    page = open_page(shop.build(tmp_path, tiny_clip, rows), q="coral")
    assert messages(page) == ""
    assert page.pills == []
    assert len(titles(page)) == 12


def test_direction_characters_of_a_payload_are_shown_as_replacements(open_page, home_copy):
    replace_payload(home_copy, "kettle-teal", {"title": "gnp.\u202eexe"})
    assert "gnp.�exe" in titles(open_page(home_copy, q="teal kettle", k="60"))


def test_a_product_that_cannot_be_shown_is_one_sentence_and_the_others_stay(
    open_page, home_copy, caplog
):
    replace_payload(home_copy, "kettle-teal", {"title": "odd", "price": "cheap"})
    page = open_page(home_copy, q="teal kettle", category=[], k="60")
    assert "Product kettle-teal: an unexpected ValueError" in everything(page)
    assert "Traceback" in caplog.text
    caplog.clear()
    assert {"navy kettle", "coral kettle"} <= set(titles(page))
    page = open_page(home_copy, product="kettle-teal")
    assert "Product kettle-teal: an unexpected ValueError" in everything(page)
    caplog.clear()
    assert "navy kettle" in titles(page)


def test_a_picture_file_that_is_gone_is_reported_on_its_card(open_page, home_copy):
    shutil.rmtree(home_copy / "images")
    page = open_page(home_copy, q="coral")
    assert any("file is gone" in html.proto.body for html in page.get("html"))
    assert titles(page)


def replace_payload(home, product_id, payload):
    with open_store(home) as store:
        [point] = store.retrieve("tiny", [product_id], vectors=True).values()
        changed = Point(product_id, payload, point.vectors)
        store.update(store.collection("tiny"), [changed])


def test_the_page_names_the_model_or_both_models_of_a_variant(
    open_page, home_copy, tiny_clip, tmp_path
):
    model = build_tiny_text_model(tmp_path / "words-model")
    Variants(home_copy).add("words", tiny_clip, text_model=model)
    embed_products(home_copy, "words")
    page = open_page(home_copy, q="coral kettle", variant="words")
    [caption] = [each.value for each in page.caption if "products searched" in each.value]
    assert "text by words\\-model" in caption
    assert f"image by {escape(tiny_clip.name)}" in caption
    assert str(tmp_path) not in caption
    assert titles(page)
    [caption] = [
        each.value
        for each in open_page(home_copy, q="coral kettle", variant="tiny").caption
        if "products searched" in each.value
    ]
    assert caption.endswith(f"in the index, {escape(tiny_clip.name)}")
