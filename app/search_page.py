"""The search page: search by words, a picture or both."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from app import cards, controls, installation
from app.errors import show_errors
from app.escaping import escape, escape_sentence, shorten
from app.product_view import show_product
from app.query_picture import QueryPicture, forget
from app.redaction import redact_setting
from app.state import SearchState
from catalog.catalogue import Catalogue
from search.engine import Engine
from search.facets import Facets
from search.query import Filters, QueryError
from search.results import Result, Results
from search.service import VariantStatus

LONGEST_PROBLEM = 500  # characters: an error may quote what a visitor pasted
MAX_SHOWN = 240  # cards of one row; more make a browser slow, and nobody reads on


def show() -> None:
    """The page."""
    problems = controls.read_address()
    service = installation.open_service()
    installation.show_notice(service.home)
    statuses = installation.statuses(service)
    ready = [status for status in statuses if not status.problem]
    if not ready:
        installation.explain_problems(service, statuses)
        return
    problems += _choose_variant(ready, statuses)
    state = controls.search_state()
    engine = service.engine(state.variant)
    picture = controls.show_search_box()
    controls.show_filters([status.name for status in ready], _facets(engine, state.filters))
    if problems:
        st.warning("\n\n".join(map(escape_sentence, problems)), icon=":material/link_off:")
    with Catalogue(service.home, create=False) as catalogue:
        _ResultsView(engine, catalogue, state, picture).show()


def _facets(engine: Engine, filters: Filters) -> Facets:
    """The facets under the filters; where a condition cannot hold, without the conditions."""
    try:
        return engine.facets(filters, limit=controls.MAX_OPTIONS)
    except QueryError:  # which the search reports
        without = replace(filters, where=(), in_stock=None)
        return engine.facets(without, limit=controls.MAX_OPTIONS)


def _choose_variant(ready: list[VariantStatus], statuses: list[VariantStatus]) -> list[str]:
    """Set the variant to search; a sentence where it is not the one of the address."""
    wanted = st.session_state.variant
    if wanted in {status.name for status in ready}:
        return []
    chosen = st.session_state.variant = installation.default_variant(ready).name
    if not wanted:
        return []
    names = ", ".join(status.name for status in ready)
    reason = next(
        (status.problem for status in statuses if status.name == wanted),
        f"There is no variant “{wanted[:64]}” here, only {names}.",
    )
    return [f"{reason} The results are those of {chosen}."]


class _ResultsView:
    """What is shown below the search box."""

    def __init__(
        self, engine: Engine, catalogue: Catalogue, state: SearchState, picture: QueryPicture
    ) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._state = state
        self._picture = picture
        self._k = min(state.k + st.session_state.more, MAX_SHOWN)

    def show(self) -> None:
        """The products of the search."""
        state = self._state
        try:
            if state.like:
                self._show_more_like()
                return
            self._show_picture_problem()
            if state.text or self._picture.image:
                self._show_results()
            else:
                self._browse()
        except QueryError as error:
            sentence = escape_sentence(shorten(str(error), LONGEST_PROBLEM))
            st.warning(sentence, icon=":material/help:")

    def _show_picture_problem(self) -> None:
        if self._picture.problem:
            st.warning(escape_sentence(self._picture.problem), icon=":material/broken_image:")
            if self._picture.retry:
                st.button("Try again", on_click=forget, icon=":material/refresh:")
        elif st.session_state.upload:
            st.info(
                "The search that was shared with you had an uploaded picture, which a link cannot "
                "carry. Upload it here to see the same results"
                + ("; below are those for the words alone." if self._state.text else "."),
                icon=":material/no_photography:",
            )

    def _show_results(self) -> None:
        """One row, or three where there are words and a picture."""
        query = self._state.query(self._picture.image, self._k)
        rows = {"": query}
        if query.text and query.picture:
            rows = {
                "Words and picture together": query,
                "Words alone": replace(query, picture=None),
                "Picture alone": replace(query, text=""),
            }
        with st.spinner("Searching … the first search of a variant loads its model."):
            found = self._engine.search_batch(list(rows.values()))
        self._show_seconds(found)
        _show_reading(found[0])
        for title, results in zip(rows, found, strict=True):
            if title:
                st.subheader(title, anchor=False)
            if results.hint:
                st.info(escape(results.hint), icon=":material/search_off:")
            self._show_cards(title or "results", results.results, strip=bool(title))
        self._show_without_picture(found[0].without_picture)
        self._show_more_button(found)

    def _show_more_like(self) -> None:
        product_id = self._state.like
        st.button(
            "Back to the search", on_click=controls.end_more_like, icon=":material/arrow_back:"
        )
        found = self._engine.search(self._state.query(None, self._k))
        with show_errors(f"Product {product_id}"):
            show_product(product_id, self._engine.product(product_id) or {}, self._catalogue)
        st.subheader("More like this", anchor=False)
        self._show_seconds([found])
        self._show_cards("like", found.results)
        self._show_without_picture(found.without_picture)
        self._show_more_button([found])

    def _browse(self) -> None:
        """Some products where there is no query."""
        shown = self._engine.browse(self._state.filters, self._k)
        total = self._engine.count(self._state.filters)
        st.caption(f"{total:,} products. Type words, give a picture, or both.")
        self._show_cards("browse", shown, scored=False)
        self._show_more_button([Results(shown)])

    def _show_seconds(self, found: Sequence[Results]) -> None:
        total = self._engine.count(self._state.filters)
        encoding = sum(results.encode_seconds for results in found)
        searching = sum(results.search_seconds for results in found)
        times = [f"{searching * 1000:.0f} ms in the index"]
        if encoding:
            times.insert(0, f"{encoding * 1000:.0f} ms in the model")
        st.caption(f"{total:,} products searched · {', '.join([*times, *self._models()])}")

    def _models(self) -> list[str]:
        """Which model compares what, where there are two."""
        models = self._engine.models()
        if len(set(models.values())) == 1:
            return []
        return [f"{name} by {escape(redact_setting(model))}" for name, model in models.items()]

    def _show_cards(self, name: str, results: Sequence[Result], **style: bool) -> None:
        if results:
            cards.show_cards(
                name, results, self._catalogue.pictures.path, controls.more_like, **style
            )
        elif controls.has_filters():
            st.info("Nothing with a picture passes these filters.", icon=":material/search_off:")
            controls.show_clear_button(name)
        else:
            st.info("Nothing here has a picture.", icon=":material/search_off:")

    def _show_without_picture(self, results: Sequence[Result]) -> None:
        if results:
            st.subheader("Without a picture", anchor=False)
            st.caption(
                "Found by their words alone. Words are far nearer to words than to pictures, so "
                "these scores cannot be compared with those above."
            )
            self._show_cards("without-picture", results)

    def _show_more_button(self, found: Sequence[Results]) -> None:
        longest = max(max(len(each.results), len(each.without_picture)) for each in found)
        if longest < self._k:
            return
        if self._k >= MAX_SHOWN:
            st.caption(f"These are the first {MAX_SHOWN}. Set more filters to see others.")
            return
        with st.container(horizontal_alignment="center"):
            st.button(
                "Show more",
                on_click=controls.show_more,
                args=(self._state.k,),
                icon=":material/expand_more:",
            )


def _show_reading(results: Results) -> None:
    """What the typed words were taken for, where that is not what was typed."""
    if results.searched_for:
        sentence = (
            f"Searched for “{results.searched_for}”. Words in quotes are searched as they are."
        )
        st.caption(escape_sentence(sentence))
    if results.notice:
        st.caption(escape_sentence(results.notice))
