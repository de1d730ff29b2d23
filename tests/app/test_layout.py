"""Where things stand on screens of several widths, and that they stay there."""

import re

import pytest

from tests.app.browser_parts import box, cards, expect, wait_until_run

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
GOOD = 0.1  # web.dev's limit of a good cumulative layout shift

COLUMNS = {390: 2, 1280: 4, 1440: 4, 2560: 6}
GROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(27, 24, 23)"}
RIGHT_EDGES = """cells => cells.map((cell) => {
    const box = cell.getBoundingClientRect();
    return [box.left, box.right];
})"""


@pytest.mark.parametrize("width", COLUMNS)
def test_on_every_screen_a_visit_fits_in_both_themes_and_nothing_jumps(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.add_init_script(MEASURE)
    moved = {}

    def look(act):
        """Note what moved by an act; both themes are in effect, and nothing is beyond the edge."""
        wait_until_run(page)
        moved[act] = page.evaluate(TAKE)
        for scheme, ground in GROUND.items():
            page.emulate_media(color_scheme=scheme)
            expect(page.get_by_test_id("stApp")).to_have_css("background-color", ground)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate(TAKE)

    page.goto("/")
    look("first load")
    _check_cards(page, width)
    box(page).press_sequentially("teal k")
    suggestions = page.get_by_role("listbox")
    expect(suggestions).to_be_visible()
    edges = suggestions.bounding_box()
    assert edges["x"] >= 0
    assert edges["x"] + edges["width"] <= width
    box(page).fill("teal kettle")
    box(page).press("Enter")
    expect(page.get_by_role("heading", name="The best 12 among 16 products")).to_be_visible()
    look("search")
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_role("heading", name="Results 13 to 16")).to_be_visible()
    look("next page")
    found = cards(page)
    first = page.locator("[class*='results-card-'] a").first
    first.click()
    expect(page.get_by_role("heading", name=found[0], level=1)).to_be_focused()
    expect(page.get_by_role("heading", name="More like this")).to_be_visible()
    look("product")
    page.go_back()
    expect(first).to_be_focused()
    look("back")
    page.reload()
    expect(page.get_by_role("heading", name="Results 13 to 16")).to_be_visible()
    look("reload")
    assert cards(page) == found
    _set_price(page, 0.01)
    expect(page.get_by_text("No product passes all of these filters")).to_be_visible()
    assert {act: shift for act, shift in moved.items() if shift >= GOOD} == {}


def _check_cards(page, width):
    """A dozen of them fill rows of the whole width."""
    expect(page.locator("[class*='results-card-']")).to_have_count(12)
    boxes = page.locator(".st-key-results .stGridCell").evaluate_all(RIGHT_EDGES)
    assert len({round(left) for left, _ in boxes}) == COLUMNS[width]
    inner = page.locator(".st-key-results").bounding_box()
    assert abs(max(right for _, right in boxes) - inner["x"] - inner["width"]) < 2
    bar = page.get_by_test_id("stSidebar").bounding_box()["width"] if width > 800 else 0
    assert inner["width"] > 0.85 * (width - bar)


def _set_price(page, most):
    """Set the highest price, on a phone in the sheet that a button opens."""
    phone = page.viewport_size["width"] < 800
    if phone:
        page.get_by_role("button", name="Filters", exact=True).click()
    page.get_by_label("to", exact=True).fill(str(most))
    page.get_by_label("to", exact=True).press("Enter")
    expect(page).to_have_url(re.compile(f"price_max={most}"))
    if phone:
        page.get_by_role("button", name="Collapse sidebar").click()
