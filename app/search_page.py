"""The search page: search by words, a picture or both."""

import html
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import address_bar, cards, controls, installation, picture_controls
from app.audience import is_operator
from app.chosen_filters import chosen_filters, show_chosen_filters
from app.escaping import escape, escape_sentence, shorten
from app.examples import find_examples
from app.focus import move_focus
from app.kept_searches import record_click, record_search
from app.links import Links
from app.no_results import show_no_results, show_nothing_fits, show_reading
from app.offered_filters import offer_filters
from app.product_view import HEADING, ProductView
from app.query_picture import QueryPicture
from app.state import DEFAULT_K, SearchState
from app.thumbnails import shop_aspect
from app.view import begin_view, replaced_view
from catalog.catalogue import Catalogue
from events.log import EventLog
from search.engine import Engine, name_models
from search.facets import Facets
from search.query import Filters, QueryError
from search.redaction import redact_setting
from search.results import Result, Results
from search.shop import VariantStatus

LONGEST_PROBLEM = 500  # characters: an error may quote what a visitor pasted
LONGEST_TITLE = 80  # characters


def page() -> st.Page:
    """The page, for the navigation and for links to it."""
    return st.Page(show, title="Search", default=True)


def show() -> None:
    """The page."""
    problems, is_new = address_bar.read()
    if is_new:
        picture_controls.empty_uploader()
    shop = installation.shared_shop()
    if is_operator():
        installation.show_notice(shop.home)
    statuses = installation.statuses(shop)
    ready = installation.searchable(statuses)
    if not ready:
        installation.explain_problems(shop, statuses)
        return
    problems += _choose_variant(ready, statuses)
    state = address_bar.write(installation.default_variant(ready).name)
    begin_view(state.product)
    links = Links(page(), state)
    engine = shop.engine(st.session_state.variant)
    if not state.product:
        controls.show_filter_heading()
        st.html(f'<h1 class="heard">{html.escape(_title(state))}</h1>')
    picture = controls.show_search_box(engine)
    with st.container():  # so that what follows keeps its place in the page
        if problems:
            st.warning("\n\n".join(map(escape_sentence, problems)), icon=":material/link_off:")
    with Catalogue(shop.home, create=False) as catalogue:
        aspect = shop_aspect(catalogue.pictures.folder, engine.collection().generation)
        st.html(f"<style>:root {{ --picture-aspect: {aspect:.3f} }}</style>")
        if state.product:
            record_click(shop.log, state)
            ProductView(engine, catalogue, state, links).show()
            _follow_view(state)
        else:
            names = [status.name for status in ready]
            facets = _facets(engine, state.filters)
            bar = st.container()
            controls.show_filters(names, facets)
            with replaced_view() as block:
                controls.show_next_steps(facets.categories)
                _show_offers(state, facets, links)
                show_chosen_filters(state, links)
                _ResultsView(engine, catalogue, state, links, picture, shop.log, bar).show()
                _follow_view(state, block)


def _title(state: SearchState) -> str:
    """What the page is about, plain text."""
    if state.like:
        return "Products like one"
    if state.text:
        return f"Results for “{shorten(state.text, LONGEST_TITLE)}”"
    return "Results for a picture" if state.picture or state.upload else "Search"


def _show_offers(state: SearchState, facets: Facets, links: Links) -> None:
    """Show filters that the words may mean, as links to the search with them."""
    if offers := offer_filters(state, facets):
        with st.container(horizontal=True, vertical_alignment="center", key="offers"):
            st.caption("Filter by", width="content")
            for offer in offers:
                links.show(escape(offer.label), offer.state, ":material/filter_alt:")


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


def _follow_view(state: SearchState, block: str = "") -> None:
    """Move the focus where another view is shown: to a product, and back to its card.

    Args:
        state: what is shown.
        block: the selector of the block with the results.
    """
    session = st.session_state
    before, session.shown = session.get("shown"), (state.product, state.page)
    if before in (None, session.shown):
        return
    product, _ = before
    if state.product:
        move_focus(HEADING, at_top=True)
    elif product:
        move_focus(f"{block} [class*='{cards.card_of(product)}'] a", at_top=False)
    else:
        move_focus(f"{block} .st-key-{RESULTS}", at_top=True)


RESULTS = "results"  # the key of the grid of results


class _ResultsView:
    """What is shown below the filters, and in the bar above them."""

    def __init__(
        self,
        engine: Engine,
        catalogue: Catalogue,
        state: SearchState,
        links: Links,
        picture: QueryPicture,
        log: EventLog | None,
        bar: DeltaGenerator,
    ) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._state = state
        self._links = links
        self._picture = picture
        self._log = log
        self._bar = bar

    def show(self) -> None:
        """The products of the search."""
        state = self._state
        try:
            if state.like:
                self._show_more_like()
            elif state.text or self._picture.image:
                self._show_results()
            else:
                self._browse()
        except QueryError as error:
            sentence = escape_sentence(shorten(str(error), LONGEST_PROBLEM))
            st.warning(sentence, icon=":material/help:")

    def _show_results(self) -> None:
        """The products that fit; below, those of words and picture alone where there are both."""
        query = self._state.query(self._picture.image)
        queries = [query]
        if query.text and query.picture and self._state.page == 1:
            alone = replace(query, k=DEFAULT_K)
            queries += [replace(alone, picture=None), replace(alone, text="")]
        with self._waiting():
            found, *others = self._engine.search_batch(queries)
            record_search(self._log, self._engine, self._state, query, found)
            self._show_bar(found)
            self._show_found(found, of_text=bool(query.text))
            for heading, results in zip(("Words alone", "Picture alone"), others, strict=False):
                st.header(heading, anchor=False)
                self._show_cards(heading, results.results, strip=True)
            self._show_seconds([found, *others])

    def _show_more_like(self) -> None:
        identity = self._state.like
        query = self._state.query(None)
        found = self._engine.search(query)
        record_search(self._log, self._engine, self._state, query, found)
        payload = self._engine.product(identity) or {}
        self._links.show(
            "Back to the search", replace(self._state, like="", page=1), ":material/arrow_back:"
        )
        title = escape(shorten(payload.get("title", identity), cards.TITLE))
        st.header(f"Products like {title}", anchor=False)
        self._show_bar(found)
        self._show_found(found)
        self._show_seconds([found])

    def _browse(self) -> None:
        """Products where there is no query, varied or in an order."""
        state = self._state
        shown = self._engine.browse(
            state.filters, state.k + 1, offset=state.offset, sort=state.sort, fold=state.fold
        )
        total = self._engine.count(state.filters)
        sentence = f"{total:,} products. Type words, give a picture, or both."
        self._show_orders(sentence, first="Varied")
        if state == SearchState(variant=state.variant):
            self._show_examples()
        self._show_found(Results(shown))

    def _show_examples(self) -> None:
        """Searches that this shop has products for."""
        if examples := find_examples(self._engine, self._engine.collection().generation):
            with st.container(horizontal=True, vertical_alignment="center", key="examples"):
                st.caption("For example", width="content")
                for text in examples:
                    self._links.show(
                        escape(text), replace(self._state, text=text), ":material/search:"
                    )

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Show where the results will be while the variant's model is loaded, which takes long.

        `page.css` hides what follows until all of it is there.
        """
        if self._engine.loaded:
            yield
            return
        place = st.empty()
        with place.container(key="waiting"):
            st.caption(
                "The search starts: its model is being loaded. This takes a few seconds once."
            )
            cards.show_waiting(self._state.k)
        try:
            yield
        finally:
            place.empty()

    def _show_bar(self, found: Results) -> None:
        k, first = self._state.k, self._state.offset + 1
        shown = min(len(found.results), k) + min(len(found.without_picture), k)
        total = self._engine.count(self._state.filters)
        if first > 1 and shown:
            sentence = f"Results {first:,} to {first + shown - 1:,} among {total:,} products"
        elif max(len(found.results), len(found.without_picture)) > k:
            sentence = f"The best {shown} among {total:,} products"
        else:
            sentence = f"{shown} product{'s' * (shown != 1)} found"
        self._show_orders(sentence, first="Best match")

    def _show_orders(self, sentence: str, first: str) -> None:
        filters = len(chosen_filters(self._state))
        with self._bar:
            controls.show_bar(self._engine, sentence, filters, first=first)

    def _show_found(self, found: Results, *, of_text: bool = False) -> None:
        """One page of results, and links to the pages before and after it."""
        show_reading(found, self._state, self._links)
        if found.nothing_fits:
            show_nothing_fits(found, self._state, self._links, self._engine)
        k = self._state.k
        with st.container(key=RESULTS):
            if not (found.results or found.without_picture):
                show_no_results(self._state, self._links, self._engine)
            self._show_cards("results", found.results[:k], of_text=of_text)
            self._show_without_picture(found.without_picture[:k])
        self._show_pages(more=max(len(found.results), len(found.without_picture)) > k)

    def _show_seconds(self, found: Sequence[Results]) -> None:
        if not is_operator():
            return
        total = self._engine.count(self._state.filters)
        encoding = sum(results.encode_seconds for results in found)
        searching = sum(results.search_seconds for results in found)
        times = [f"{searching * 1000:.0f} ms in the index"]
        if encoding:
            times.insert(0, f"{encoding * 1000:.0f} ms in the model")
        st.caption(f"{total:,} products searched · {', '.join([*times, self._models()])}")

    def _models(self) -> str:
        """Which model compared the query, or which of two compared what."""
        models = self._engine.models().items()
        return name_models({name: escape(redact_setting(model)) for name, model in models})

    def _show_cards(self, name: str, results: Sequence[Result], **style: bool) -> None:
        cards.show_cards(name, results, self._catalogue.pictures.path, self._links, **style)

    def _show_without_picture(self, results: Sequence[Result]) -> None:
        if results:
            st.header("Without a picture", anchor=False)
            st.caption(
                "Found by their words alone. Words are far nearer to words than to pictures, so "
                "these scores cannot be compared with those above."
            )
            self._show_cards("without-picture", results)

    def _show_pages(self, *, more: bool) -> None:
        state = self._state
        if state.page == 1 and not more:
            return
        with st.container(
            horizontal=True, horizontal_alignment="center", vertical_alignment="center", key="pages"
        ):
            if state.page > 1:
                before = replace(state, page=state.page - 1)
                self._links.show("Previous page", before, ":material/chevron_left:")
            st.caption(f"Page {state.page:,}", width="content")
            if more and state.page < state.last_page:
                after = replace(state, page=state.page + 1)
                self._links.show("Next page", after, ":material/chevron_right:")
        if more and state.page == state.last_page:
            st.caption("This is the last page. Set more filters to see others.")
