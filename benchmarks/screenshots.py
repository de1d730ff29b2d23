"""`screenshots`: pictures of the search page of a shop, for `docs/page.md`."""

import io
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image

from benchmarks.page_server import serve_page
from vitrine import VitrineError, home
from vitrine.command import messages

DESKTOP, PHONE = (1280, 900), (390, 844)
TIMEOUT = 120_000  # ms that a model may take to load
QUALITY = 80  # of WebP: text stays sharp, and a dozen take less than 2 MB

Act = Callable[[Any], None]  # on a page of playwright


@dataclass(frozen=True)
class View:
    """A state of the page.

    Attributes:
        address: its query parameters.
        size: of the screen, in pixels.
        scheme: light or dark.
        act: what a visitor does there.
    """

    address: str = ""
    size: tuple[int, int] = DESKTOP
    scheme: str = "light"
    act: Act = lambda page: None


def _type(page: Any) -> None:  # noqa: ANN401 - playwright is a library for tests alone
    page.get_by_label("What are you looking for?").press_sequentially("red li")
    page.get_by_role("option").first.wait_for()


def _give_picture(page: Any) -> None:  # noqa: ANN401
    page.locator("input[type=file]").set_input_files(_stored_picture())
    page.get_by_role("slider").first.press("PageDown")
    page.get_by_role("button", name="Use all of it").wait_for()


def _open_first(page: Any) -> None:  # noqa: ANN401
    page.locator("[class*='results-card-'] a").first.click()
    page.get_by_role("heading", name="More like this").wait_for()


def _open_filters(page: Any) -> None:  # noqa: ANN401
    page.get_by_role("button", name=re.compile("^Filters")).click()


VIEWS = {
    "first": View(),
    "first-dark": View(scheme="dark"),
    "suggestions": View(act=_type),
    "results": View("q=red+matte+lipstick"),
    "results-dark": View("q=red+matte+lipstick", scheme="dark"),
    "results-phone": View("q=red+matte+lipstick", PHONE),
    "filters": View("q=red+lipstick+under+20&category=Beauty&where=finish%3Dmatte"),
    "filters-phone": View("q=kettle&price_max=90", PHONE, act=_open_filters),
    "picture": View(act=_give_picture),
    "product": View("q=kettle", act=_open_first),
    "product-phone": View("q=kettle", PHONE, "dark", _open_first),
    "nothing": View("q=kettle&price_max=1"),
}


def command(
    folder: Annotated[Path, typer.Option(help="Where the pictures are written.")] = Path(
        "docs/screens"
    ),
) -> None:
    """Take pictures of twelve states of the search page of VITRINE_HOME, as its visitors see it."""
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if chromium is None:
        raise VitrineError("No Chromium is installed: install the package chromium.")
    folder.mkdir(parents=True, exist_ok=True)
    with serve_page(home()) as server, sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, view in VIEWS.items():
            width, height = view.size
            page = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if view.scheme == "dark" else "light",
                reduced_motion="reduce",
            )
            page.set_default_timeout(TIMEOUT)
            page.goto(f"{server.address}/?{view.address}")
            _wait(page)
            view.act(page)
            _wait(page)
            with Image.open(io.BytesIO(page.screenshot())) as taken:
                taken.convert("RGB").save(folder / f"{name}.webp", quality=QUALITY)
            page.close()
            messages.print(f"{name}.webp")
        browser.close()


def _wait(page: Any) -> None:  # noqa: ANN401
    """Wait until the page's script has run, and its pictures are there."""
    page.locator("[data-test-script-state=notRunning]").wait_for()
    page.wait_for_load_state("networkidle")
    page.wait_for_function(
        "!document.querySelector('[data-testid=stSkeleton]')"
        " && [...document.images].every((image) => image.complete)"
    )


def _stored_picture() -> Path:
    return min((home() / "images").glob("*/*.jpg"))
