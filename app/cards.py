"""Products as cards in a grid that fits phone and desktop."""

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from app.errors import show_errors
from app.escaping import escape, format_price, shorten, web_link
from search.results import Result

NARROWEST = 158  # pixels of a card: two fit side by side on a phone of 360
STRIP_WIDTH = 176  # pixels of a card in a row that scrolls sideways
TITLE = 90  # characters: five lines of the narrowest card

# Pictures are centred on a square, so that titles are aligned whatever the photos' shape. Its side
# is twice a card's width, for screens of high resolution.
SQUARE = 360
MAX_ENLARGEMENT = 3.0  # a feed's smallest pictures are usually 60 × 80
THUMBNAILS_KEPT = 4_000  # at some 15 KB: 60 MB

Pictures = Callable[[str], Path]


def show_cards(
    name: str,
    results: Sequence[Result],
    pictures: Pictures,
    more_like: Callable[[str], None],
    *,
    scored: bool = True,
    strip: bool = False,
) -> None:
    """Show products as cards.

    Args:
        name: differs from that of the page's other grids; part of the buttons' keys.
        results: best first.
        pictures: the path of the picture with a content hash.
        more_like: called with the id of the product whose button was pressed.
        scored: whether scores are shown.
        strip: one row that scrolls sideways, in place of rows below each other.
    """
    for cell, result in zip(_cells(len(results), strip), results, strict=True):
        with cell, st.container(gap="xsmall"), show_errors(f"Product {result.id}"):
            _card(result.product, result.score if scored else None, pictures)
            st.button(
                "More like this",
                key=f"{name}-{result.rank}",
                on_click=more_like,
                args=(result.id,),
                width="stretch",
            )
            show_link(result.product)
            if result.folded:
                st.caption(f"+{len(result.folded)} variant{'s' * (len(result.folded) > 1)}")


def _cells(count: int, strip: bool) -> Iterator[DeltaGenerator]:
    """A bordered container for each card."""
    if strip:
        row = st.container(horizontal=True, wrap=False)
        yield from (
            row.container(width=STRIP_WIDTH, height="stretch", border=True) for _ in range(count)
        )
    else:
        cells = st.grid("auto", min_column_width=NARROWEST, border=True)
        yield from (cells.cell() for _ in range(count))


def _card(product: dict[str, Any], score: float | None, pictures: Pictures) -> None:
    show_picture(product, pictures)
    st.text(shorten(product.get("title", ""), TITLE))
    if facts := brand_and_category(product):
        st.caption(" · ".join(facts))
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        if price := format_price(product.get("price")):
            st.markdown(f"**{price}**", width="content")
        if score is not None:
            st.caption(f"score {score:.3f}", width="content")


def show_picture(product: dict[str, Any], pictures: Pictures) -> None:
    """Show a product's stored picture, or that there is none."""
    stored = product.get("picture")
    picture = make_thumbnail(str(pictures(stored))) if stored else None
    if picture:
        st.image(picture, width="stretch", alt=shorten(product.get("title", ""), TITLE))
    else:
        st.caption(
            ":material/hide_image: The picture’s file is gone"
            if stored
            else ":material/hide_image: No picture"
        )


def show_link(product: dict[str, Any]) -> None:
    """Show a link to the product's own page, where it has one."""
    if link := web_link(product.get("link")):
        st.link_button(
            "To the shop", link, type="tertiary", icon=":material/open_in_new:", width="stretch"
        )


def brand_and_category(product: dict[str, Any]) -> list[str]:
    """Brand and category, escaped."""
    return [
        escape(shorten(str(product[name]), TITLE // 2))
        for name in ("brand", "category")
        if product.get(name)
    ]


@st.cache_data(max_entries=THUMBNAILS_KEPT, show_spinner=False)
def make_thumbnail(path: str) -> bytes | None:
    """A picture on a white square, as JPEG; None where its file is gone or broken.

    Cached by path alone: a stored picture never changes, its file is named by its content.
    """
    try:
        with Image.open(path) as stored:
            picture = stored.convert("RGB")
    except OSError:
        return None
    scale = min(SQUARE / max(picture.size), MAX_ENLARGEMENT)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    square = Image.new("RGB", (SQUARE, SQUARE), "white")
    square.paste(
        picture.resize((width, height), Image.Resampling.LANCZOS),
        ((SQUARE - width) // 2, (SQUARE - height) // 2),
    )
    data = io.BytesIO()
    square.save(data, "JPEG", quality=88)
    return data.getvalue()
