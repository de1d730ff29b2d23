"""The workbench in a real browser, below a path: keys, history, links, a phone's width."""

import json
import re

import pytest
from PIL import Image

from tests import shop
from tests.app.browser_parts import expect, expect_no_overflow, expect_value, wait_until_run
from tests.app.page_server import serve
from tests.app.test_accessibility import violations

COLUMNS = "column=tiny:words&column=tiny:vectors:image"


@pytest.fixture(scope="module")
def bench_home(home, tmp_path_factory):
    """A copy of the shop with a file of queries."""
    folder = shop.copy(home, tmp_path_factory.mktemp("bench") / "home")
    (folder / "queries").mkdir()
    rows = [{"id": "a", "text": "teal kettle"}, {"id": "b", "text": "navy lipstick"}]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "queries" / "some.jsonl").write_text(lines)
    Image.new("RGB", (1296, 490), "white").save(folder / "variants" / "tiny" / "curves.png")
    return folder


@pytest.fixture(scope="module")
def server(bench_home, tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere")
    options = ("app", "--host", "127.0.0.1", "--port", "PORT", "--server.baseUrlPath", "bench")
    with serve(bench_home, folder, "vitrine", *options, path="/bench/") as server:
        yield server.address


def results(page):
    """The links with the titles in all columns, in order."""
    return page.locator("[class*='st-key-result-'] a")


def test_queries_are_stepped_through_by_keys_and_a_link_shows_the_same_elsewhere(page, browser):
    words = page.get_by_label("Words", exact=True)
    page.goto(f"compare?queries=some.jsonl&{COLUMNS}&depth=5")
    expect(page.get_by_role("heading", name="Compare", level=1)).to_be_visible()
    wait_until_run(page)
    for key, text in (("n", "teal kettle"), ("n", "navy lipstick"), ("p", "teal kettle")):
        page.keyboard.press(key)
        expect(words).to_have_value(text)
        expect(page).to_have_url(re.compile(f"q={text[:4]}"))
        wait_until_run(page)
    page.go_back()
    expect(words).to_have_value("navy lipstick")
    expect(page.locator("[class*='st-key-result-0'] a").first).to_have_text("navy lipstick")
    wait_until_run(page)
    shown = results(page).all_inner_texts()
    context = browser.new_context()
    elsewhere = context.new_page()
    elsewhere.goto(page.url)
    expect(elsewhere.locator("[class*='st-key-result-0'] a").first).to_have_text("navy lipstick")
    expect(results(elsewhere)).to_have_text(shown)
    context.close()


def test_links_lead_to_the_same_place_in_another_tab(page):
    page.goto(f"compare?q=teal&{COLUMNS}")
    product = page.locator("[class*='st-key-result-'] a").first
    expect(product).to_have_attribute("href", re.compile(r"^/bench/\?q=teal&.*product="))
    for name, path in (("Search", r"/bench/\?q=teal"), ("Judge", r"/bench/judge\?q=teal")):
        link = page.get_by_role("link", name=name, exact=True)
        expect(link).to_have_attribute("href", re.compile(f"^{path}"))


PAGES = {
    "Compare": f"compare?q=teal&{COLUMNS}",
    "Judge": f"judge?queries=some.jsonl&query=a&judge=Zoe&depth=3&{COLUMNS}",
    "Projection": "projection?q=teal&colour=colour",
    "Catalogue": "catalogue",
}
WIDTHS = (390, 1280, 2560)
# What is wider than the window, and what of the page lies below the links to the pages.
LAYOUT = """() => {
    const box = (selector) => document.querySelector(selector).getBoundingClientRect();
    const links = [...document.querySelectorAll(".st-key-navigation a")];
    return {
        overflow: document.documentElement.scrollWidth > innerWidth,
        links: links.filter((link) => link.getBoundingClientRect().right > innerWidth).length,
        covered: box("h1").top < box(".st-key-navigation").bottom,
    }; }"""


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_three_widths_and_axe_finds_nothing_serious_in_both_themes(page, name):
    page.goto(PAGES[name])
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    wait_until_run(page)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            expect_value(page, LAYOUT, {"overflow": False, "links": 0, "covered": False})
        page.set_viewport_size({"width": 390 if scheme == "dark" else 1280, "height": 900})
        assert violations(page) == []


def test_a_point_of_the_projection_shows_its_picture(page):
    page.goto(PAGES["Projection"])
    wait_until_run(page)
    point = page.locator(".mark-symbol.role-mark path[aria-label*=kettle]").first
    point.hover(force=True)
    tooltip = page.locator("#vg-tooltip-element")
    expect(tooltip).to_contain_text("kettle")
    expect(tooltip.locator("img")).to_have_attribute("src", re.compile("^data:image/jpeg"))


# Whether the letters of the curves are of a size that can be read.
WIDE = "() => document.querySelector('[alt^=\"Training loss\"]').clientWidth > 600"


def test_the_catalogue_shows_feed_failures_generations_jobs_and_searches(page):
    page.goto("catalogue")
    wait_until_run(page)
    for name in ("What the feed’s columns became", "Pictures that failed", "Last runs", "Searches"):
        expect(page.get_by_role("heading", name=name)).to_be_visible()
    page.get_by_text("tiny: generations, model card, training").click()
    expect(page.get_by_text("There is no generation to go back to")).to_be_visible()
    expect(page.get_by_role("button", name="Fetch these again")).to_be_visible()
    curves = page.get_by_alt_text("Training loss")
    expect(curves).to_have_css("filter", "none")
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    expect(curves).to_have_css("filter", re.compile("invert"))  # no white ground in the dark
    expect_value(page, WIDE, True)
    expect_no_overflow(page)


SIDE_BY_SIDE = """() => {
    const [left, right] = [0, 1].map((place) =>
        document.querySelector(`.st-key-column-${place}`).getBoundingClientRect());
    return [left.right < right.left, left.top === right.top];
}"""


def test_columns_stay_side_by_side_on_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"compare?q=teal&{COLUMNS}")
    first = page.locator(".st-key-result-0-1")
    expect(first).to_be_visible()
    wait_until_run(page)
    expect_value(page, SIDE_BY_SIDE, [True, True])
    expect_no_overflow(page)


def test_products_are_judged_by_keys(page, bench_home):
    page.goto(f"judge?queries=some.jsonl&query=a&judge=Anna&depth=3&{COLUMNS}")
    done = page.get_by_text(re.compile(r"^\d of \d products of this query"))
    for key, count in (("1", 1), ("2", 2), ("u", 1), ("3", 2)):
        wait_until_run(page)
        page.keyboard.press(key)
        expect(done).to_have_text(re.compile(f"^{count} of"))
    file = bench_home / "judgements" / "some.jsonl" / "Anna.qrels"
    assert [line.split()[-1] for line in file.read_text().splitlines()] == ["2", "0"]
