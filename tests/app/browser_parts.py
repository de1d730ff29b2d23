"""What a browser shows of the page, and where."""

import json
import re
import shutil
from contextlib import suppress

import pytest

from app.escaping import JOINER

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
DESKTOP, PHONE = (1280, 900), (390, 844)
TIMEOUT = 180_000  # ms that a busy machine may take to load a model


# Whether the script has run to its end and nothing of the run before is left; before the first run,
# nothing has run either.
DRAWN = """() => !document.querySelector(
    "html[data-waiting], [data-testid=stSkeleton], .stElementContainer[data-stale=true]"
) && !!document.querySelector("[data-test-script-state=notRunning] [data-ends]")"""
# `page.js` names what is new in the next frame.
FRAMES = """async () => {
    for (const _ of [1, 2]) await new Promise(requestAnimationFrame);
}"""


def wait_until_run(page):
    """Wait until the page's script has run to its end and the browser shows all of it."""
    page.wait_for_function(DRAWN, polling=50, timeout=TIMEOUT)
    page.evaluate(FRAMES)


def expect_value(page, script, value):
    """Wait until a function of JavaScript has a value."""
    with suppress(playwright.TimeoutError):  # the value that it has instead is shown
        page.wait_for_function(
            f"value => {{ try {{ return JSON.stringify(({script})()) === value }} catch {{}} }}",
            arg=json.dumps(value, separators=(",", ":")),
            timeout=TIMEOUT,
        )
    assert page.evaluate(script) == value


def expect_searched(page, count):
    """Wait until a search among that many products is shown; the one before may be, too."""
    expect(page.get_by_text(re.compile(f"^{count} products searched"))).to_be_visible()


def main(page):
    """The page without what is for screen readers alone."""
    return page.get_by_test_id("stMain")


def box(page):
    return page.get_by_label("What are you looking for?")


def titles(page):
    """The links with the titles of the products, in order."""
    return page.locator("[class*='card-'] a")


def shown_titles(page):
    """The titles of the products of the last run, in order."""
    wait_until_run(page)
    return titles(page).all_inner_texts()


def escaped(text):
    """What finds a text with or without the characters that keep it from being Markdown."""
    return re.compile(f"{JOINER}*".join(map(re.escape, text)))


def by_id(name):
    return f"[data-testid={name}]"


def history(page):
    """The number of entries of the browser's history."""
    return page.evaluate("history.length")


def expect_scrolled(page, scrolled):
    """Wait until the page is, or is not, scrolled down."""
    expect_value(page, f"() => document.querySelector('{by_id('stMain')}').scrollTop > 0", scrolled)


def expect_no_overflow(page):
    """Wait until nothing is wider than the window."""
    expect_value(page, "() => document.documentElement.scrollWidth <= innerWidth", True)
