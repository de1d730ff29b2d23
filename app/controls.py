"""The widgets of a search: words, and filters with counts.

Their values are kept in the session under the names of the fields of `SearchState` (`address_bar`).
"""

from collections.abc import Iterator, Sequence

import streamlit as st

from app import attribute_controls, picture_controls
from app.escaping import escape
from app.query_picture import QueryPicture
from app.state import DEFAULT_K
from app.suggestion_list import show_suggestions
from search.engine import Engine
from search.facets import CategoryCount, Facets

PILLS = 12  # categories that are shown side by side; more go into a list
MAX_OPTIONS = 1_000  # of a list; more make a browser slow
PAGE_SIZES = (DEFAULT_K, 24, 48)
SORTS = {
    "price": "Lowest price",
    "-price": "Highest price",
    "rating": "Best rated",
    "newest": "Newest",
}


def show_filter_heading() -> None:
    """Show the side bar from the first, so that what is beside it keeps its place."""
    st.sidebar.header("Filters", anchor=False)


def show_search_box(engine: Engine) -> QueryPicture:
    """Show the fields for words and picture; return the picture.

    Args:
        engine: whose collection has what is suggested.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="search"):
        picture_controls.show_fields("What are you looking for?")
        st.button("Search", type="primary", on_click=_show_results)
    show_suggestions(engine)
    with st.container():  # so that what follows keeps its place in the page
        return picture_controls.show_picture()


def show_bar(engine: Engine, count: str, filters: int, *, first: str) -> None:
    """Show how many products were found, the orders of results, and on a phone the filters.

    Args:
        engine: whose products have the facts that results can be sorted by.
        count: a sentence about the products, which `page.js` makes a heading and announces.
        filters: number of those that are set.
        first: what the order is called in which products come unless another one is chosen.
    """
    with st.container(horizontal=True, vertical_alignment="center", key="bar"):
        with st.container(key="count"):
            st.caption(count)
        # `page.js` opens the side bar in its place
        st.button(
            f"Filters ({filters})" if filters else "Filters",
            key="open-filters",
            icon=":material/tune:",
        )
        offered = {*engine.orders(), st.session_state.sort}  # which an address may have
        orders = {"": first} | {by: label for by, label in SORTS.items() if by in offered}
        st.selectbox(
            "Sort by",
            list(orders),
            format_func=lambda order: f"Sort by: {orders[order].lower()}",
            key="sort",
            label_visibility="collapsed",
            width=200,
        )


def show_filters(variants: list[str], facets: Facets) -> None:
    """Show categories, brands and attributes with counts, price, number of results and variant.

    A few categories are shown above the products; everything else is in the side bar.

    Args:
        variants: those that can be searched.
        facets: of the products that pass the filters.
    """
    counts = {each.path: each.count for each in _flat(facets.categories)}
    departments = {each.path: each.count for each in facets.categories}
    categories = _options("categories", departments)
    if 0 < len(categories) <= PILLS:
        _category_pills(categories, counts)
    with st.sidebar:
        if len(categories) > PILLS:
            _list("Category", "categories", departments)
        attribute_controls.show_stock(facets)
        _list("Brand", "brands", facets.brands)
        attribute_controls.show_prices(facets)
        low, high = st.columns(2)
        for column, label, key in ((low, "Price from", "price_min"), (high, "to", "price_max")):
            column.number_input(
                label, min_value=0.0, value=None, key=key, placeholder="any", format="%.2f"
            )
        attribute_controls.show_attributes(facets)
        if has_filters():
            show_clear_button("side")
        st.toggle("Show variants of an article as one", key="fold")
        st.selectbox("Products on a page", sorted({*PAGE_SIZES, st.session_state.k}), key="k")
        st.selectbox(
            "Variant",
            variants,
            key="variant",
            help="The model that compares your words and pictures with the products.",
        )


def has_filters() -> bool:
    """Whether any filter is set."""
    session = st.session_state
    prices = (session.price_min, session.price_max)
    chosen = (session.categories, session.brands, session.in_stock, session.where)
    return any(chosen) or prices != (None, None)


def show_clear_button(key: str) -> None:
    """Show a button that removes all filters.

    Args:
        key: differs from that of the page's other buttons of this kind.
    """
    st.button(
        "Clear the filters",
        key=f"clear-{key}",
        on_click=_clear_filters,
        icon=":material/filter_alt_off:",
    )


def _options(key: str, counts: dict[str, int]) -> list[str]:
    """Values to choose from, most frequent first, among them those that are chosen."""
    options = dict.fromkeys([*st.session_state[key], *counts])
    most_first = sorted(options, key=lambda option: (-counts.get(option, 0), option))
    return most_first[:MAX_OPTIONS]


def _flat(categories: Sequence[CategoryCount]) -> Iterator[CategoryCount]:
    for each in categories:
        yield each
        yield from _flat(each.children)


def show_next_steps(categories: Sequence[CategoryCount]) -> None:
    """Show the steps below the one category that is chosen."""
    chosen = st.session_state.categories
    below = [each for each in _flat(categories) if [each.path] == chosen and each.children]
    if below:
        steps = {each.path: each for each in below[0].children[:PILLS]}
        st.pills(
            "Narrower",
            list(steps),
            format_func=lambda path: _with_count(
                steps[path].name, {steps[path].name: steps[path].count}
            ),
            key="next step",
            on_change=_choose_step,
        )


def _choose_step() -> None:
    if step := st.session_state["next step"]:
        st.session_state.categories = [step]
    st.session_state["next step"] = None


def _category_pills(options: list[str], counts: dict[str, int]) -> None:
    st.pills(
        "Category",
        options,
        selection_mode="multi",
        format_func=lambda option: _with_count(option, counts),
        key="categories",
    )


def _list(label: str, key: str, counts: dict[str, int]) -> None:
    """A list to choose from; not shown where it is empty."""
    if options := _options(key, counts):
        st.multiselect(
            label,
            options,
            format_func=lambda option: _with_count(option, counts),
            key=key,
            placeholder="any",
        )


def _with_count(option: str, counts: dict[str, int]) -> str:
    return f"{escape(option)} ({counts.get(option, 0):,})"


def _show_results() -> None:
    """Show the results from the first one, and no product alone."""
    st.session_state.update(product="", page=1)


def _clear_filters() -> None:
    st.session_state.update(
        categories=[], brands=[], price_min=None, price_max=None, in_stock=False, where=[]
    )
