"""What helps where nothing is found, or probably nothing of it fits."""

import re
from dataclasses import replace
from typing import Any

import streamlit as st

from app import controls
from app.audience import is_operator
from app.escaping import escape, escape_sentence
from app.links import Links
from app.state import SearchState
from search.engine import Engine
from search.query import QueryError
from search.results import Results

SUGGESTIONS = 4
NO_PICTURE: dict[str, Any] = {"picture": "", "upload": "", "crop": (), "like": "", "page": 1}
PLAIN = re.compile(r"[\w\s]+")  # a text without quotes and other operators

# What a filter is called, and the fields that it consists of with their values where it is unset.
FILTERS: dict[str, dict[str, Any]] = {
    "the category": {"categories": ()},
    "the brand": {"brands": ()},
    "the price": {"price_min": None, "price_max": None},
    "in stock": {"in_stock": False},
    "the other filters": {"where": ()},
}


def show_reading(found: Results, state: SearchState, links: Links) -> None:
    """Show what the typed words were taken for, where that is not what was typed."""
    if found.searched_for:
        with st.container(horizontal=True, vertical_alignment="center"):
            sentence = f"Searched for “{found.searched_for}”."
            st.caption(escape_sentence(sentence), width="content")
            if PLAIN.fullmatch(state.text):
                quoted = " ".join(f'"{word}"' for word in state.text.split())
                label = f"Search for “{state.text}” as it is"
                links.show(escape(label), replace(state, text=quoted, page=1))
    if found.notice:
        st.caption(escape_sentence(found.notice))


def show_nothing_fits(found: Results, state: SearchState, links: Links, engine: Engine) -> None:
    """Show that the results probably do not fit, and where else to look."""
    confidence = f" (confidence {found.confidence:.0%})" if is_operator() else ""
    sentence = f"Probably nothing here fits{confidence}. Below is what comes nearest."
    st.info(escape(sentence), icon=":material/search_off:")
    suggestions = engine.suggest(state.text, SUGGESTIONS)
    if not (found.nearest_categories or suggestions):
        return
    with st.container(horizontal=True, vertical_alignment="center", key="elsewhere"):
        st.caption("Look for", width="content")
        for category in found.nearest_categories:
            there = replace(state, text="", categories=(category,), **NO_PICTURE)
            links.show(escape(category), there, ":material/category:")
        for each in suggestions:
            links.show(
                escape(each.text), replace(state, text=each.text, page=1), ":material/search:"
            )


def show_no_results(state: SearchState, links: Links, engine: Engine) -> None:
    """Show that nothing was found, and which filter leaves the most when it is removed."""
    if state.page > 1:
        st.info(f"This search has no page {state.page:,}.", icon=":material/search_off:")
        links.show("First page", replace(state, page=1), ":material/first_page:")
        return
    if not controls.has_filters():
        st.info("Nothing was found.", icon=":material/search_off:")
        return
    st.info("No product passes all of these filters.", icon=":material/filter_alt_off:")
    with st.container(horizontal=True, vertical_alignment="center"):
        for name, unset in FILTERS.items():
            without = replace(state, **unset)
            if without != state and (count := _count(engine, without)):
                links.show(f"Without {name} ({count:,})", without, ":material/close:")
        controls.show_clear_button("results")


def _count(engine: Engine, state: SearchState) -> int:
    try:
        return engine.count(state.filters)
    except QueryError:  # another filter names what no product has
        return 0
