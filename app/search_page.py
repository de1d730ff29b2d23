"""The search page: search by words, a picture or both."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from app import cards, controls, installation
from app.escaping import escape, price, sentence, shortened
from app.query_picture import QueryPicture, forget
from app.state import SearchState
from catalog.catalogue import Catalogue
from search.engine import Engine
from search.query import Filters, Query, QueryError, Result, Results
from search.service import SearchService, VariantStatus
from vitrine import home

HEADLINE = 140  # characters of a title set large; the whole of a longer one follows
LONGEST_PROBLEM = 500  # characters: an error may quote what a visitor pasted
DESCRIPTION = 700  # characters: as much as stands beside the picture
MOST_SHOWN = 240  # cards of one row; a browser slows down, and nobody reads on


def show() -> None:
    """The page."""
    problems = controls.follow_address()
    shop = installation.open_shop(str(home()))
    installation.show_notice(shop.home)
    statuses = shop.statuses()
    ready = [status for status in statuses if not status.problem]
    if not ready:
        installation.explain(shop, statuses)
        return
    status, problem = _settle(ready, statuses)
    engine = shop.engine(status.name)
    picture = controls.search_box()
    controls.filters(ready, lambda: engine.facets(_chosen(), limit=controls.MOST_OPTIONS))
    state = controls.current_state(status.name)
    if problems := [*problems, *problem]:
        st.warning("\n\n".join(map(sentence, problems)), icon=":material/link_off:")
    with Catalogue(shop.home, create=False) as catalogue:
        _ResultsView(shop, engine, catalogue).show(state, picture)


def _settle(
    ready: list[VariantStatus], statuses: list[VariantStatus]
) -> tuple[VariantStatus, list[str]]:
    """The variant to search, and a sentence where it is not the one that was asked for."""
    wanted = st.session_state.variant
    for status in ready:
        if status.name == wanted:
            return status, []
    status = installation.default_variant(ready)
    st.session_state.variant = status.name
    if not wanted:
        return status, []
    known = [each.problem for each in statuses if each.name == wanted]
    names = ", ".join(each.name for each in ready)
    why = known[0] if known else f"There is no variant “{wanted[:64]}” here, only {names}."
    return status, [f"{why} You are looking at {status.name}."]


def _chosen() -> Filters:
    """The filters as the widgets stand, before they are drawn."""
    state = st.session_state
    return Filters(
        categories=tuple(state.categories),
        brands=tuple(state.brands),
        price_min=state.price_min,
        price_max=state.price_max,
    )


class _ResultsView:
    """What is shown below the search box."""

    def __init__(self, shop: SearchService, engine: Engine, catalogue: Catalogue) -> None:
        self._shop = shop
        self._engine = engine
        self._name = engine.variant.name
        self._catalogue = catalogue

    def show(self, state: SearchState, picture: QueryPicture) -> None:
        """The products for what was asked."""
        try:
            if state.like:
                self._show_like(state)
                return
            self._show_picture_problem(state, picture)
            if state.text or picture.image:
                self._show_found(state, picture)
            else:
                self._show_display(state)
        except QueryError as error:
            st.warning(sentence(shortened(str(error), LONGEST_PROBLEM)), icon=":material/help:")

    def _show_picture_problem(self, state: SearchState, picture: QueryPicture) -> None:
        if picture.problem:
            st.warning(sentence(picture.problem), icon=":material/broken_image:")
            if state.picture:
                st.button("Try again", on_click=forget, icon=":material/refresh:")
        elif st.session_state.picture_missing:
            st.info(
                "The search that was shared with you had an uploaded picture, which a link cannot "
                "carry. Upload it here to see the same results"
                + ("; below are those for the words alone." if state.text else "."),
                icon=":material/no_photography:",
            )

    def _show_found(self, state: SearchState, picture: QueryPicture) -> None:
        """One row, or three where words and a picture were given."""
        k = min(state.k + st.session_state.more, MOST_SHOWN)
        both = Query(state.text, picture.image, state.filters, k)
        rows = {"found": ("", both)}
        if state.text and picture.image:
            rows = {
                "both": ("Words and picture together", both),
                "text": ("Words alone", replace(both, picture=None)),
                "image": ("Picture alone", replace(both, text="")),
            }
        with st.spinner("Looking … the first search of a variant wakes its model."):
            results = self._engine.search_batch([query for _, query in rows.values()])
        self._show_cost(state, results)
        for (name, (title, _)), found in zip(rows.items(), results, strict=True):
            if title:
                st.subheader(title, anchor=False)
            self._show_row(name, found.results, strip=bool(title))
        self._show_without_picture(results[0].without_picture)
        self._show_more(state, results)

    def _show_like(self, state: SearchState) -> None:
        k = min(state.k + st.session_state.more, MOST_SHOWN)
        st.button("Back to the search", on_click=controls.leave_like, icon=":material/arrow_back:")
        found = self._engine.more_like(state.like, k=k, filters=state.filters)
        self._show_product(state.like)
        st.subheader("More like this", anchor=False)
        self._show_cost(state, [found])
        self._show_row("like", found.results)
        self._show_without_picture(found.without_picture)
        self._show_more(state, [found])

    def _show_product(self, product_id: str) -> None:
        """One product at length."""
        told = self._shop.product(self._name, product_id) or {}
        product = self._catalogue.get([product_id]).get(product_id)
        with st.container(border=True):
            picture, words = st.columns([2, 5], gap="medium", vertical_alignment="center")
            with picture:
                cards.show_picture(told, self._pictures)
            with words.container(gap="small"):
                title = told.get("title", "")
                st.subheader(escape(shortened(title, HEADLINE)), anchor=False)
                st.caption(" · ".join(cards.told(told)))
                if amount := price(told.get("price")):
                    st.markdown(f"**{amount}**")
                if told.get("rating") is not None:
                    count = told.get("rating_count")
                    by = f" by {count:,}" if count else ""
                    st.caption(f":material/star: {told['rating']:.1f}{by}")
                if len(title) > HEADLINE:
                    with st.expander("The whole title"):
                        st.text(title)
                if product and product.description:
                    st.text(shortened(product.description, DESCRIPTION))
                st.caption(f"id {escape(product_id[:80])}")
                cards.visit(told)

    def _show_display(self, state: SearchState) -> None:
        """Something to look at for a person who has not asked yet."""
        k = min(state.k + st.session_state.more, MOST_SHOWN)
        shown = self._shop.display(self._name, state.filters, k)
        total = self._shop.store.count(self._name, state.filters)
        st.caption(f"{total:,} products. Type words, give a picture, or both.")
        self._show_row("display", shown, scored=False)
        self._show_more(state, [Results(shown)])

    def _show_cost(self, state: SearchState, results: Sequence[Results]) -> None:
        total = self._shop.store.count(self._name, state.filters)
        model = sum(found.encode_seconds for found in results)
        store = sum(found.search_seconds for found in results)
        spent = [f"{store * 1000:.0f} ms in the index"]
        if model:
            spent.insert(0, f"{model * 1000:.0f} ms in the model")
        st.caption(f"{total:,} products searched · {', '.join(spent)}")

    def _show_row(self, name: str, results: Sequence[Result], **looks: bool) -> None:
        if results:
            cards.grid(name, results, self._pictures, controls.look_like, **looks)
        elif controls.narrowed():
            st.info("Nothing with a picture passes these filters.", icon=":material/search_off:")
            controls.offer_clearing(name)
        else:
            st.info("Nothing here has a picture.", icon=":material/search_off:")

    def _show_without_picture(self, results: Sequence[Result]) -> None:
        if results:
            st.subheader("Without a picture", anchor=False)
            st.caption(
                "Found by their words alone. Words resemble words far more than pictures, so these "
                "scores are not to be compared with those above."
            )
            cards.grid("apart", results, self._pictures, controls.look_like)

    def _show_more(self, state: SearchState, results: Sequence[Results]) -> None:
        k = state.k + st.session_state.more
        longest = max(max(len(found.results), len(found.without_picture)) for found in results)
        if longest < k:
            return
        if k >= MOST_SHOWN:
            st.caption(f"These are the first {MOST_SHOWN}. Narrow the search to see others.")
            return
        with st.container(horizontal_alignment="center"):
            st.button(
                "Show more",
                on_click=controls.show_more,
                args=(state.k,),
                icon=":material/expand_more:",
            )

    def _pictures(self, stored: str) -> Path:
        return self._catalogue.pictures.path(stored)
