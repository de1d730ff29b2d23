"""Where things stand on screens of several widths."""

import pytest

from tests.app.browser_parts import expect, wait_until_run

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
