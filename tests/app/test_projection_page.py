import json
import re

import pytest

from tests.app.bench_pages import open_bench
from tests.app.page_parts import address, everything, messages, titles


@pytest.fixture
def open_projection(home, monkeypatch):
    def opened(folder=home, **parameters):
        return open_bench(monkeypatch, folder, "projection_page", **parameters)

    return opened


def plot(page):
    """The plot's colours by group, and its alternative text."""
    [chart] = page.get("vega_lite_chart")
    scale = json.loads(chart.proto.spec)["encoding"]["color"]["scale"]
    return dict(zip(scale["domain"], scale["range"], strict=True)), chart.proto.alt


def choose(page, label, value):
    [box] = [each for each in page.selectbox if each.label == label]
    return box.set_value(value).run()


def test_the_collection_is_drawn_coloured_by_category_or_attribute(open_projection):
    page = open_projection()
    colours, alternative = plot(page)
    assert {"Beauty", "Appliances"} <= colours.keys()
    assert "the query" not in colours
    assert re.match(r"\d+ products on a plane, coloured by category", alternative)
    assert "% of the variance" in everything(page)
    choose(page, "Coloured by", "colour")
    colours, _ = plot(page)
    assert {"teal", "coral"} <= colours.keys()
    assert len(set(colours.values())) == len(colours)
    assert address(page)["colour"] == ["colour"]


def test_each_point_carries_its_picture_for_the_tooltip(open_projection):
    [chart] = open_projection(vector="image").get("vega_lite_chart")
    tooltip = json.loads(chart.proto.spec)["encoding"]["tooltip"]
    assert {"field": "image", "title": "image"} in tooltip
    assert chart.proto.SerializeToString().count(b"data:image/jpeg;base64,") == 14


def test_a_query_is_drawn_among_its_results(open_projection):
    page = open_projection(q="teal kettle", vector="text", depth="3")
    colours, _ = plot(page)
    assert "the query" in colours
    assert len(titles(page)) == 3
    assert "The cross is the query" in everything(page)


def test_the_vector_of_the_address_is_projected(open_projection):
    text = everything(open_projection(vector="text"))
    pictures = everything(open_projection(vector="image"))
    assert "16 products of 16" in text
    assert "14 products of 16" in pictures


def test_a_query_that_cannot_be_compared_is_reported_and_the_page_stays(open_projection):
    page = open_projection(q="x" * 5_000)
    assert "Shorten it" in messages(page)
    assert "the query" not in plot(page)[0]
