"""Filters by attribute, price, stock and deeper categories on the page."""

import re

import pytest

from app.conditions import chosen_bounds, chosen_values, with_bounds, with_values, without_widget
from tests.app.page_parts import address, everything, messages, press, titles


def test_attributes_are_chosen_counted_and_in_the_address(open_page):
    page = open_page()
    colour = page.multiselect(key="attribute colour")
    assert colour.label == "Colour"
    assert sorted(colour.options)[0] == "coral (2)"
    colour.set_value(["teal", "navy"]).run()
    assert sorted(titles(page)) == ["navy kettle", "navy lipstick", "teal kettle", "teal lipstick"]
    assert address(page)["where"] == ["colour=teal,navy"]
    page.toggle(key="in_stock").set_value(True).run()
    assert address(page)["stock"] == ["1"]
    assert "In stock (4)" in [toggle.label for toggle in page.toggle]
    press(page, "Clear the filters")
    assert len(titles(page)) == 12
    assert "where" not in address(page)


def test_an_address_opens_its_conditions(open_page):
    where = ["colour=TEAL,navy,olive", "weight>=0.25", "weight<1"]
    page = open_page(q="kettle", where=where, stock="1")
    assert page.multiselect(key="attribute colour").value == ["teal", "navy", "olive"]
    assert sorted(titles(page)) == ["navy lipstick", "olive lipstick", "teal lipstick"]
    page.multiselect(key="attribute colour").set_value([]).run()
    assert address(page)["where"] == where[1:]


def test_a_price_bucket_is_chosen(open_page):
    page = open_page()
    prices = page.selectbox(key="attribute price")
    assert prices.options[0] == "under 20 (2)"  # one at 1, one at 10
    low, high = re.findall(r"\d+", prices.options[1])[:2]
    prices.set_value((float(low), float(high))).run()
    assert address(page)["where"] == [f"price>={low}", f"price<{high}"]
    assert messages(page) == ""


def test_a_category_leads_to_its_next_steps(open_page):
    page = open_page(category=["Beauty"])
    page.pills(key="next step").set_value("Beauty > Lipsticks").run()
    assert address(page)["category"] == ["Beauty > Lipsticks"]
    assert len(titles(page)) == 6


def test_conditions_that_no_widget_shows_are_listed(open_page):
    page = open_page(where=["colour!=teal", "Weight<=1"])
    assert "Also: colour!=teal, Weight<=1" in everything(page)


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("colour", "where=colour, which is not a condition such as colour=Red"),
        ("color=teal", "No attribute to filter by is called “color”. Attributes there are: colour"),
        ("colour=tael", "No product has the value “tael” of “colour”. Values there are: teal"),
        ("weight<nan", "“Weight” is a number, and “nan” is none"),
    ],
)
def test_a_condition_of_the_address_that_cannot_hold_gets_the_reason(open_page, where, sentence):
    page = open_page(where=[where])
    assert sentence in everything(page)


def test_conditions_are_read_and_changed_in_their_written_form():
    written = ["Colour=Red", "colour=blue", "colour!=pink", "weight>=1", "weight<2"]
    assert chosen_values(written, "COLOUR", ["red"]) == ["red", "blue"]
    assert with_values(written, "colour", ["a,b"]) == [*written[2:], 'colour="a,b"']
    assert with_values(written, "colour", []) == written[2:]
    assert chosen_bounds(written, "weight") == (1, 2)
    assert chosen_bounds(["weight<2 kg"], "weight") is None
    assert with_bounds(written, "weight", (None, 0.5)) == [*written[:3], "weight<0.5"]
    assert with_bounds(written, "weight", None) == written[:3]
    assert without_widget(written, ["colour", "weight"]) == ["colour!=pink"]
    assert without_widget(written, ["colour"]) == ["colour!=pink", "weight>=1", "weight<2"]
