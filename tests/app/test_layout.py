"""Where things stand on screens of several widths, and that they stay there."""

import re

import pytest

from tests.app.browser_parts import (
    box,
    expect,
    expect_no_overflow,
    expect_value,
    main,
    shown_titles,
    titles,
    wait_until_run,
)

# Adds up what the browser measures of everything that moves, soon after an act of the visitor too.
MEASURE = """
window.moved = 0;
new PerformanceObserver((list) => {
    for (const shift of list.getEntries()) window.moved += shift.value;
}).observe({type: "layout-shift", buffered: true});
"""
# The sum so far, once the browser has drawn all there is; the next one begins at 0.
TAKE = """async () => {
    for (const _ of [1, 2, 3]) await new Promise(requestAnimationFrame);
    const moved = window.moved;
    window.moved = 0;
    return moved;
}"""
STILL = 0.01  # of the window's area times its height: less than a line of text that moves

COLUMNS = {390: 2, 1280: 4, 1440: 4, 2560: 6}
GROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(27, 24, 23)"}
# The columns of the cards, and whether they take the width that the side bar leaves.
CARDS = """() => {
    const edges = (selector) => document.querySelector(selector)?.getBoundingClientRect();
    const cells = [...document.querySelectorAll(".st-key-results .stGridCell")];
    const boxes = cells.map((cell) => cell.getBoundingClientRect());
    const results = edges(".st-key-results");
    const bar = innerWidth > 800 ? edges("[data-testid=stSidebar]").width : 0;
    return {
        cards: cells.length,
        columns: new Set(boxes.map((box) => Math.round(box.left))).size,
        filled: Math.abs(Math.max(...boxes.map((box) => box.right)) - results.right) < 2,
        wide: results.width > 0.85 * (innerWidth - bar),
    };
}"""
# How many are seen in the header's row, and whether the bar that may hold one ends with it.
LOGOS = """() => {
    const boxes = [...document.querySelectorAll(".stLogo")].map((logo) =>
        logo.getBoundingClientRect());
    const seen = boxes.filter((box) => box.width && box.left >= 0 && box.bottom <= 60).length;
    const below = document.elementFromPoint(9, innerHeight / 2);
    return [seen, !below.closest("[data-testid=stSidebar]")];
}"""
SUGGESTIONS = """() => {
    const list = document.querySelector("[role=listbox]").getBoundingClientRect();
    return [list.left >= 0, list.right <= innerWidth];
}"""


@pytest.mark.parametrize("width", COLUMNS)
def test_on_every_screen_rows_of_cards_are_filled_in_both_themes(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/")
    wait_until_run(page)
    expected = {"cards": 12, "columns": COLUMNS[width], "filled": True, "wide": True}
    expect_value(page, CARDS, expected)
    expect_no_overflow(page)
    page.emulate_media(color_scheme="dark")
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", GROUND["dark"])
    expect_value(page, CARDS, expected)


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_of_a_visit_jumps_or_is_beyond_the_edge(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.add_init_script(MEASURE)
    moved = {}

    def look(act):
        """Note what moved by an act; nothing is beyond the edge."""
        wait_until_run(page)
        moved[act] = page.evaluate(TAKE)
        expect_no_overflow(page)

    page.goto("/")
    look("first load")
    box(page).fill("teal k")
    expect(page.get_by_role("listbox")).to_be_visible()
    expect_value(page, SUGGESTIONS, [True, True])
    page.evaluate(TAKE)
    box(page).fill("teal kettle")
    box(page).press("Enter")
    expect(page.get_by_role("heading", name="The best 12 among 16 products")).to_be_visible()
    look("search")
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_role("heading", name="Results 13 to 16")).to_be_visible()
    look("next page")
    found = shown_titles(page)
    first = page.locator("[class*='results-card-'] a").first
    first.click()
    expect(page.get_by_role("heading", name=found[0], level=1)).to_be_focused()
    expect(page.get_by_role("heading", name="More like this")).to_be_visible()
    look("product")
    expect_value(page, LOGOS, [1, True])
    page.go_back()
    expect(first).to_be_focused()
    look("back")
    page.reload()
    expect(page.get_by_role("heading", name="Results 13 to 16")).to_be_visible()
    look("reload")
    expect(titles(page)).to_have_text(found)
    main(page).get_by_role("button", name="Beauty (6)").click()
    expect(page.get_by_role("link", name="Remove the filter Beauty")).to_be_visible()
    look("category")
    _set_price(page, 0.01)
    expect(page.get_by_text("No product passes all of these filters")).to_be_visible()
    assert {act: shift for act, shift in moved.items() if shift >= STILL} == {}


# Begins and ends another view in one step; the view that is waited for before the next frame.
REPLACE_AT_ONCE = """async () => {
    document.querySelector("[data-begins]").dataset.begins = "kettle-teal";
    document.querySelector("[data-ends]").dataset.ends = "kettle-teal";
    await null;
    return document.documentElement.dataset.waiting ?? "";
}"""


def test_a_view_that_comes_all_at_once_is_hidden_for_a_frame(page):
    page.goto("/?q=teal")
    wait_until_run(page)
    assert page.evaluate(REPLACE_AT_ONCE) == "product"
    expect(page.locator("html")).not_to_have_attribute("data-waiting", re.compile("."))


def _set_price(page, most):
    """Set the highest price, on a phone in the sheet that a button opens."""
    phone = page.viewport_size["width"] < 800
    if phone:
        page.get_by_role("button", name=re.compile("^Filters")).click()
    page.get_by_label("to", exact=True).fill(str(most))
    page.get_by_label("to", exact=True).press("Enter")
    expect(page).to_have_url(re.compile(f"price_max={most}"))
    if phone:
        page.get_by_role("button", name="Collapse sidebar").click()
