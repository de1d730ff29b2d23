"""What the page adds to the log of searches and events, where that is on.

A search is kept once, however often the page is drawn, and a product that is opened from its
results is a click. The visitor is a random id, which ends with the session and which the browser
does not have.
"""

import uuid
from contextlib import suppress
from dataclasses import dataclass, replace

import streamlit as st

from app.state import SearchState
from events import EventsError
from events.log import EventLog
from events.records import CLICK, Event
from search.engine import Engine
from search.query import Query
from search.recording import describe_search
from search.results import Results


@dataclass(frozen=True, slots=True)
class _Kept:
    """The search that the visitor saw last.

    Attributes:
        state: of the page.
        generation: of the collection.
        query_id: names it in events.
        shown: the products that were found, with their positions.
    """

    state: SearchState
    generation: str
    query_id: str
    shown: dict[str, int]


def record_search(
    log: EventLog | None, engine: Engine, state: SearchState, query: Query, found: Results
) -> None:
    """Keep a search that is shown, unless it is the one that was shown before."""
    if log is None:
        return
    session = st.session_state
    before: _Kept | None = session.get("logged_search")
    asked, generation = replace(state, product=""), engine.collection().generation
    if before and (before.state, before.generation) == (asked, generation):
        return
    search = describe_search(
        engine,
        query,
        found,
        k=state.k,
        first=state.offset + 1,
        client_id=_client(),
        application="page",
    )
    with suppress(EventsError):  # it cannot be written now: the visitor sees the results
        log.add_search(search)
    positions = {name: search.first + number for number, name in enumerate(search.shown)}
    session.logged_search = _Kept(asked, generation, search.query_id, positions)


def record_click(log: EventLog | None, state: SearchState) -> None:
    """Keep that a product was opened from the results of the last search; once for each."""
    kept: _Kept | None = st.session_state.get("logged_search")
    if log is None or kept is None or replace(state, product="") != kept.state:
        return
    if state.product in kept.shown:
        event = Event(
            CLICK,
            kept.query_id,
            state.product,
            kept.shown[state.product],
            _client(),
            event_id=f"{kept.query_id} {state.product}",
        )
        with suppress(EventsError):
            log.add_events([event])


def _client() -> str:
    """A random id of the visitor's session."""
    client: str = st.session_state.setdefault("client", uuid.uuid4().hex)
    return client
