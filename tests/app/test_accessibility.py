"""What axe-core, a keyboard and a screen reader find in the page."""

import re

import pytest

from tests.app.browser_parts import box, expect, expect_searched, shown_titles, wait_until_run
from tests.app.page_parts import drawn

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

STATES = {
    "first": "/",
    "results": "/?q=teal",
    "filtered": "/?q=acme+teal+under+20&category=Beauty&where=colour%3Dteal&price_max=90",
    "corrected": "/?q=coral+ketttle",
    "like one": "/?like=kettle-teal",
    "product": "/?product=kettle-teal",
    "no product": "/?product=gone",
    "nothing found": "/?price_min=9999",
    "invalid address": "/?q=teal&price_min=abc&sort=cheap",
    "second page": "/?q=teal&k=4&page=2",
}
# What the tab key reaches outside the cards, whose titles may be equal.
NAMES = """() => [...document.querySelectorAll("button, input, select, a")]
    .filter((each) => each.tabIndex >= 0 && each.checkVisibility() && each.type !== "file")
    .filter((each) => !each.closest("[class*=card-]"))
    .map((each) => [each, each.ariaLabel || each.labels?.[0]?.innerText || each.innerText])
    .map(([each, name]) => `${each.tagName} ${name}`.trim())"""
SCREENS = ((1280, "dark"), (390, "light"))
SERIOUS = {"moderate", "serious", "critical"}


def violations(page):
    """The rules that the page breaks, with the elements that do."""
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:200]}"
        for rule in found
        if rule["impact"] in SERIOUS
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_serious_on_screens_of_several_widths_light_and_dark(page, state):
    page.goto(STATES[state])
    expect(page.get_by_test_id("stMainBlockContainer")).to_be_visible()
    for width, scheme in SCREENS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        wait_until_run(page)
        assert violations(page) == []


@pytest.mark.parametrize("state", ["first", "product"])
def test_axe_finds_nothing_serious_on_a_large_light_screen(page, state):
    page.set_viewport_size({"width": 2560, "height": 900})
    page.goto(STATES[state])
    expect(page.get_by_test_id("stMainBlockContainer")).to_be_visible()
    wait_until_run(page)
    assert violations(page) == []


def test_axe_finds_nothing_serious_with_a_picture_suggestions_and_the_filters_of_a_phone(page):
    page.goto("/?q=teal")
    wait_until_run(page)
    page.locator("input[type=file]").set_input_files(
        {"name": "photo.png", "mimeType": "image/png", "buffer": drawn("kettle-teal")}
    )
    expect(page.get_by_role("slider")).to_have_count(4)
    wait_until_run(page)
    box(page).press_sequentially(" k")
    expect(page.get_by_role("listbox")).to_be_visible()
    assert violations(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/?q=teal&category=Beauty")
    page.get_by_role("button", name="Filters (1)").click()
    expect(page.get_by_role("button", name="Collapse sidebar")).to_be_visible()
    assert violations(page) == []


def test_results_are_a_list_with_headings_and_their_number_is_announced(page):
    page.goto("/?q=coral&category=Beauty")
    expect_searched(page, 6)
    titles = shown_titles(page)
    expect(page.get_by_role("list").first.get_by_role("listitem")).to_have_count(len(titles))
    assert len(titles) == 6
    found = page.locator(".st-key-results")
    expect(found.get_by_role("heading", level=3)).to_have_text(titles)
    expect(page.get_by_role("heading", level=1)).to_have_text("Results for “coral”")
    expect(page.get_by_role("status").filter(has_text="6 products found")).to_be_attached()
    page.get_by_role("link", name="Remove the filter Beauty").click()
    expect(page.get_by_role("status").filter(has_text="best 12 among 16")).to_be_attached()


def test_a_keyboard_reaches_words_and_picture_within_three_steps(page):
    page.goto("/")
    wait_until_run(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(box(page)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Upload", exact=True)).to_be_focused()


def test_controls_have_names_that_differ(page):
    page.goto("/?q=coral&category=Beauty&brand=Acme&price_max=90")
    expect(page.get_by_text(re.compile("products searched"))).to_be_visible()
    wait_until_run(page)
    names = page.evaluate(NAMES)
    assert sorted(names) == sorted(set(names))
    assert all(" " in name for name in names)
