"""One product with all its details."""

from typing import Any

import streamlit as st

from app import cards
from app.escaping import escape, format_price, shorten
from catalog.catalogue import Catalogue
from vitrine.text import printable

HEADLINE = 140  # characters of a title in large type; a longer one follows in full
DESCRIPTION = 700  # characters: as much as fits beside the picture


def show_product(product_id: str, payload: dict[str, Any], catalogue: Catalogue) -> None:
    """The product's picture beside its details.

    Args:
        product_id: the product's id.
        payload: the product in the collection.
        catalogue: has its description and its picture.
    """
    product = catalogue.get([product_id]).get(product_id)
    with st.container(border=True):
        picture, details = st.columns([2, 5], gap="medium", vertical_alignment="center")
        with picture:
            cards.show_picture(payload, catalogue.pictures.path)
        with details.container(gap="small"):
            title = payload.get("title", "")
            st.subheader(escape(shorten(title, HEADLINE)), anchor=False)
            st.caption(" · ".join(cards.brand_and_category(payload)))
            if price := format_price(payload.get("price")):
                st.markdown(f"**{price}**")
            if payload.get("rating") is not None:
                count = payload.get("rating_count")
                by = f" by {count:,}" if count else ""
                st.caption(f":material/star: {payload['rating']:.1f}{by}")
            if len(title) > HEADLINE:
                with st.expander("The whole title"):
                    st.text(printable(title))
            if product and product.description:
                st.text(shorten(product.description, DESCRIPTION))
            st.caption(f"id {escape(product_id[:80])}")
            cards.show_link(payload)
