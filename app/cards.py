"""Products as cards in a grid that fits phone and desktop."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.audience import is_operator
from app.errors import show_errors
from app.escaping import escape, format_price, shorten, web_link
from app.links import Links
from app.reasons import bold_words, other_reasons
from app.thumbnails import make_thumbnail
from search.results import Result

STRIP_WIDTH = 176  # pixels of a card in a row that scrolls sideways
TITLE = 160  # characters: more than two lines of the widest card

Pictures = Callable[[str], Path]


def show_cards(
    name: str,
    results: Sequence[Result],
    pictures: Pictures,
    links: Links,
    *,
    of_text: bool = False,
    strip: bool = False,
) -> None:
    """Show products as cards.

    Args:
        name: differs from that of the page's other grids; part of the cards' keys.
        results: best first.
        pictures: the path of the picture with a content hash.
        links: to the view of a product.
        of_text: they were found for words.
        strip: one row that scrolls sideways, in place of rows below each other.
    """
    for cell, result in zip(_cells(len(results), strip), results, strict=True):
        key = f"{name}-{card_of(result.id)}"
        with cell, st.container(gap="xsmall", key=key), show_errors(f"Product {result.id}"):
            _card(result, pictures, links, of_text=of_text)


def card_of(product_id: str) -> str:
    """The end of the class name of a product's cards."""
    return f"card-{hashlib.sha256(product_id.encode(errors='replace')).hexdigest()[:16]}"


def show_waiting(count: int) -> None:
    """Show where cards will be."""
    for cell in _cells(count, strip=False):
        cell.skeleton(height=240)


def _cells(count: int, strip: bool) -> Iterator[DeltaGenerator]:
    """A container for each card; `page.css` fills the width with two, three, four or six."""
    if strip:
        row = st.container(horizontal=True, wrap=False)
        yield from (row.container(width=STRIP_WIDTH, height="stretch") for _ in range(count))
    else:
        cells = st.grid("auto", gap="medium")
        yield from (cells.cell() for _ in range(count))


def _card(result: Result, pictures: Pictures, links: Links, *, of_text: bool) -> None:
    product = result.product
    show_picture(product, pictures)
    title = shorten(product.get("title", ""), TITLE)
    links.show_product(bold_words(title, result.matched.get("title", ())), result.id)
    show_price(product)
    if facts := brand_and_category(product):
        st.caption(" · ".join(facts))
    if reasons := other_reasons(result, of_text=of_text):
        st.caption(reasons)
    if result.folded:
        st.caption(f"+{len(result.folded)} variant{'s' * (len(result.folded) > 1)}")
    if result.parts and is_operator():
        parts = ", ".join(f"{escape(name)} {part.rank}" for name, part in result.parts.items())
        st.caption(f"score {result.score:.3f} · ranks: {parts}")


def show_price(product: dict[str, Any]) -> None:
    """Show a product's price, and the one before a reduction."""
    currency = product.get("currency", "")
    price, before = product.get("price"), product.get("list_price")
    if shown := format_price(price, currency):
        if before is not None and price is not None and before > price:
            shown = f"**{shown}** :gray[~~{format_price(before, currency)}~~]"
        st.markdown(shown if "**" in shown else f"**{shown}**")


def show_picture(product: dict[str, Any], pictures: Pictures) -> None:
    """Show a product's stored picture, or that there is none."""
    stored = product.get("picture")
    picture = make_thumbnail(str(pictures(stored))) if stored else None
    if picture:
        st.image(picture, width="stretch", alt="")  # the title follows
    else:
        reason = "The picture’s file is gone" if stored else "No picture"
        st.html(f'<div class="no-picture">{reason}</div>')


def show_link(product: dict[str, Any]) -> None:
    """Show a link to the product's own page, where it has one."""
    if link := web_link(product.get("link")):
        st.link_button(
            "To the shop", link, type="tertiary", icon=":material/open_in_new:", width="content"
        )


def brand_and_category(product: dict[str, Any]) -> list[str]:
    """Brand and category, escaped."""
    return [
        escape(shorten(str(product[name]), TITLE // 2))
        for name in ("brand", "category")
        if product.get(name)
    ]
