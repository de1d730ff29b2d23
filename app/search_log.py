"""The log of searches on the workbench: what was searched for, and which of it is to be judged."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

from eval.query_folder import SEARCHED, QueryFolder
from events.recent import RecentQuery, has_log, recent_queries
from search.redaction import redact
from vitrine import VitrineError
from vitrine.text import printable

SHOWN = 100  # queries in the table of the Catalogue page
MOST = 1_000  # that are taken at once
ORDERS = {False: "The latest", True: "The most frequent"}


def show_log(home: Path) -> None:
    """Show the recent queries with their counts, or how they are kept.

    Args:
        home: the installation's folder.
    """
    if not has_log(home):
        st.caption(
            "Searches are not kept. With `VITRINE_EVENTS=1` the servers keep their words, filters "
            "and results in the installation’s folder, without addresses of people."
        )
        return
    by_count = _choose_order("log-order")
    found = recent_queries(home, SHOWN, by_count=by_count)
    if found:
        _show_table(found)
        st.caption("Of the last 30 days. Judge and Compare take them as queries.")
    else:
        st.caption("Nothing was searched for in the last 30 days.")


def offer_queries(folder: QueryFolder, home: Path) -> None:
    """Show the recent queries, and the button that adds them to a file of queries.

    Args:
        folder: to which the file belongs.
        home: the installation's folder, which has a log.
    """
    by_count = _choose_order("log-offered")
    count = st.number_input("How many", 1, MOST, 50, key="log-count")
    found = recent_queries(home, count, by_count=by_count)
    if not found:
        st.caption("Nothing was searched for in the last 30 days.")
        return
    _show_table(found)
    st.button(
        f"Take these {len(found):,}",
        type="primary",
        on_click=_take,
        args=(folder, [query.text for query in found]),
        help=f"They are added to the file {SEARCHED}; those that are there keep their judgements.",
    )


def _choose_order(key: str) -> bool:
    """Show the choice of the order; whether the most frequent queries come first."""
    return bool(
        st.segmented_control(
            "Queries of the log",
            list(ORDERS),
            default=False,
            required=True,
            format_func=lambda order: ORDERS[order],
            key=key,
        )
    )


def _show_table(found: Sequence[RecentQuery]) -> None:
    st.dataframe(
        [
            {
                "Searched for": printable(query.text),
                "Searches": query.searches,
                "Led to a click": query.clicked,
                "Found nothing": query.without_results,
                "Last": datetime.fromtimestamp(query.last / 1000, UTC),
            }
            for query in found
        ],
        hide_index=True,
        width="stretch",
    )


def _take(folder: QueryFolder, texts: Sequence[str]) -> None:
    try:
        st.session_state.queries = folder.add_searched(texts)
    except VitrineError as error:
        st.session_state.query_file_problem = redact(str(error))
    else:
        st.session_state.query = ""
