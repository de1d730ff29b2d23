"""The view of one product: all its details, its variants, and what is like it."""

from dataclasses import replace
from typing import Any

import streamlit as st

from app import cards
from app.errors import show_errors
from app.escaping import escape, escape_sentence, shorten
from app.links import Links
from app.state import DEFAULT_K, SearchState
from catalog.catalogue import Catalogue
from catalog.product import Product
from search.engine import Engine
from search.query import MAX_TEXT, Query, QueryError
from search.results import Folded, Result
from vitrine.text import printable

HEADLINE = 140  # characters of a title in large type; a longer one follows in full
DESCRIPTION = 4_000  # characters; more is no description
HEADING = ".st-key-product h1"  # of the view


class ProductView:
    """One product.

    Args:
        engine: has its payload and what is like it.
        catalogue: has its description and its picture.
        state: names the product.
        links: from this view.
    """

    def __init__(
        self, engine: Engine, catalogue: Catalogue, state: SearchState, links: Links
    ) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._state = state
        self._links = links

    def show(self) -> None:
        """The product, or that there is none with this id."""
        identity = self._state.product
        self._links.show(
            "Back to the results", replace(self._state, product=""), ":material/arrow_back:"
        )
        payload = self._engine.product(identity)
        if payload is None:
            sentence = f"There is no product with the id “{shorten(identity, 80)}” here."
            st.warning(escape_sentence(sentence), icon=":material/help:")
            return
        with show_errors(f"Product {identity}"):
            self._show_details(payload, self._catalogue.get([identity]).get(identity))
        with show_errors("The variants"):
            self._show_variants(payload)
        with show_errors("The products like this one"):
            self._show_more_like()

    def _show_details(self, payload: dict[str, Any], product: Product | None) -> None:
        with st.container(key="product"):
            picture, details = st.columns([2, 3], gap="medium")
            with picture:
                cards.show_picture(payload, self._catalogue.pictures.path)
            with details.container(gap="small"):
                title = payload.get("title", "")
                st.title(escape(shorten(title, HEADLINE)), anchor=False)
                st.caption(" · ".join(cards.brand_and_category(payload)))
                _show_offer(payload)
                if len(title) > HEADLINE:
                    with st.expander("The whole title"):
                        st.text(printable(title))
                _show_description(product)
                _show_attributes(payload, product)

    def _show_variants(self, payload: dict[str, Any]) -> None:
        """Cards of the products that are shown as one with this one."""
        ids = [each.id for each in self._variants(payload)]
        found = self._engine.products(ids)
        variants = [
            Result(rank, identity, 0.0, "", found[identity])
            for rank, identity in enumerate(ids, start=1)
            if identity in found
        ]
        if variants:
            st.header("Variants", anchor=False)
            pictures = self._catalogue.pictures.path
            cards.show_cards("variants", variants[:DEFAULT_K], pictures, self._links, strip=True)

    def _variants(self, payload: dict[str, Any]) -> list[Folded]:
        """The others of its group in a search for its own title, which is the first result."""
        if not self._engine.collection().words:
            return []
        own = Folded(self._state.product, payload.get("title", ""))
        try:
            found = self._engine.search(Query(own.title[:MAX_TEXT], match="words", k=5))
        except QueryError:  # a title of operators alone
            return []
        groups = ([Folded(each.id, each.product["title"]), *each.folded] for each in found.results)
        return [
            each
            for group in groups
            if own.id in {one.id for one in group}
            for each in group
            if each.id != own.id
        ]

    def _show_more_like(self) -> None:
        found = self._engine.search(Query(like=self._state.product, k=DEFAULT_K))
        if not (found.results or found.without_picture):
            return
        st.header("More like this", anchor=False)
        pictures = self._catalogue.pictures.path
        shown = found.results or found.without_picture
        with st.container(key="like"):
            cards.show_cards("like", shown, pictures, self._links)
        self._links.show(
            "All products like this, with filters",
            replace(self._state, product="", like=self._state.product, page=1, sort=""),
            ":material/arrow_forward:",
        )


def _show_offer(payload: dict[str, Any]) -> None:
    """Price, rating, stock and the shop's page."""
    cards.show_price(payload)
    if (stock := payload.get("in_stock")) is not None:
        st.caption("In stock" if stock else "Not in stock")
    if payload.get("rating") is not None:
        count = payload.get("rating_count")
        by = f" by {count:,}" if count else ""
        st.caption(f":material/star: {payload['rating']:.1f}{by}")
    cards.show_link(payload)


def _show_description(product: Product | None) -> None:
    if product and product.description:
        st.text(shorten(product.description, DESCRIPTION))
    for feature in product.features if product else ():
        st.markdown(f"- {escape(feature)}")


def _show_attributes(payload: dict[str, Any], product: Product | None) -> None:
    """What is known of the product, by name."""
    facts: dict[str, Any] = {
        name.capitalize(): fact for name, fact in (product.attributes if product else {}).items()
    }
    facts |= {"SKU": payload.get("sku"), "GTIN": payload.get("gtin"), "Id": payload["id"]}
    shown = {
        escape(name): escape(_shown(fact)) for name, fact in facts.items() if fact not in (None, "")
    }
    st.table(shown, border="horizontal", hide_header=True)


def _shown(fact: object) -> str:
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    return f"{fact:.15g}" if isinstance(fact, float) else str(fact)
