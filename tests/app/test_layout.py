"""Where things stand on screens of several widths, and that they stay there."""

import re

import pytest

from tests.app.browser_parts import box, expect, wait_until_run

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


@pytest.mark.parametrize("width", COLUMNS)
def test_a_dozen_cards_fill_rows_of_the_whole_width(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/?q=teal")
    expect(page.locator("[class*='results-card-']")).to_have_count(12)
    wait_until_run(page)
    boxes = page.locator(".st-key-results .stGridCell").evaluate_all(
        """cells => cells.map((cell) => {
            const box = cell.getBoundingClientRect();
            return [box.left, box.right];
        })"""
    )
    columns = sorted({round(left) for left, _ in boxes})
    assert len(columns) == COLUMNS[width]
    inner = page.locator(".st-key-results").bounding_box()
    assert abs(max(right for _, right in boxes) - inner["x"] - inner["width"]) < 2
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    bar = page.locator("[data-testid=stSidebar]").bounding_box()["width"] if width > 800 else 0
    assert inner["width"] > 0.85 * (width - bar)


@pytest.mark.parametrize("width", [390, 1280, 1440])
def test_nothing_jumps(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.add_init_script(MEASURE)
    moved = {}

    def take(act):
        wait_until_run(page)
        moved[act] = page.evaluate(TAKE)

    page.goto("/?k=4")
    take("first load")
    box(page).fill("teal kettle")
    box(page).press("Enter")
    expect(page).to_have_url(re.compile("q=teal"))
    expect(page.get_by_role("heading", name="The best 4 among 16 products")).to_be_visible()
    take("search")
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_role("heading", name="Results 5 to 8")).to_be_visible()
    take("next page")
    page.locator("[class*='results-card-'] a").first.click()
    expect(page.get_by_role("heading", name="More like this")).to_be_visible()
    take("product")
    page.go_back()
    expect(page.get_by_role("heading", name="Results 5 to 8")).to_be_visible()
    take("back")
    page.reload()
    expect(page.get_by_role("heading", name="Results 5 to 8")).to_be_visible()
    take("reload")
    assert {act: shift for act, shift in moved.items() if shift >= GOOD} == {}
