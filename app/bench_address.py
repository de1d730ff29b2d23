"""The workbench's state in a visitor's session, in step with the address bar.

The fields of `BenchState` are kept in the session under their names. As on the search page, the
address is read where something else than a widget changed it, and written, as one entry of the
browser's history, where a widget changed the state.
"""

from dataclasses import asdict
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app import picture_controls
from app.bench_state import FIELDS, BenchState, follow, read_parameters, write_parameters
from app.connection import current_address, keep_address


def read() -> list[str]:
    """Set the fields to the address where something else than the page changed it.

    Returns:
        A sentence about each parameter that is invalid.
    """
    session = st.session_state
    sent = {name: st.query_params.get_all(name) for name in st.query_params}
    address = current_address(sent, "bench_address")
    if address == session.get("bench_address") and all(key in session for key in FIELDS):
        for key in FIELDS:  # Streamlit drops the value of a widget that was not on the last page
            session[key] = session[key]
        return []
    state, problems = read_parameters(address)
    keep(state)
    picture_controls.empty_uploader()
    context = get_script_run_ctx()
    if "bench_address" in session and context and not context.is_history_navigation:
        st.query_params.from_dict(address)  # a link to this very page left the bar as it was
    session.bench_address = address
    session.bench_state = None
    return problems


def write() -> BenchState:
    """The state of the fields, written to the address where a widget changed it."""
    session = st.session_state
    fields: dict[str, Any] = {
        key: tuple(value) if isinstance(value := session[key], list) else value for key in FIELDS
    }
    fields |= {key: value.strip() for key, value in fields.items() if isinstance(value, str)}
    state = BenchState(**fields)
    if session.bench_state is None:  # just read: an address that could be shorter stays as it is
        session.bench_state = state
    elif state != session.bench_state:
        state = session.bench_state = follow(session.bench_state, state)
        session.update(query=state.query, crop=list(state.crop))
        keep_address(write_parameters(state), "bench_address")
    return state


def keep(state: BenchState) -> None:
    """Set the session's fields to those of a state."""
    for key, value in asdict(state).items():
        st.session_state[key] = list(value) if isinstance(value, tuple) else value
