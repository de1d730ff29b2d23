"""What a browser shows of the page, and where."""

import re
import shutil

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
TIMEOUT = 60_000  # ms that a busy machine may take to load a model


def wait_until_run(page):
    """Wait until the page's script has run to its end and the browser shows all of it."""
    expect(page.locator("html")).not_to_have_attribute("data-waiting", re.compile(""))
    running = page.get_by_test_id("stApp")
    expect(running).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)


def expect_searched(page, count):
    """Wait until a search among that many products is shown; the one before may be, too."""
    expect(page.get_by_text(re.compile(f"^{count} products searched"))).to_be_visible()


def main(page):
    """The page without what is for screen readers alone."""
    return page.get_by_test_id("stMain")


def box(page):
    return page.get_by_label("What are you looking for?")


def cards(page):
    """The titles of the products, in order."""
    wait_until_run(page)
    return page.locator("[class*='card-'] a").all_inner_texts()


def escaped(text):
    """What finds a text with or without the characters that keep it from being Markdown."""
    return re.compile(f"{JOINER}*".join(map(re.escape, text)))


def by_id(name):
    return f"[data-testid={name}]"


def history(page):
    """The number of entries of the browser's history."""
    return page.evaluate("history.length")


def scrolled(page):
    """How far down the page is scrolled, in pixels."""
    return page.evaluate(f"document.querySelector('{by_id('stMain')}').scrollTop")
