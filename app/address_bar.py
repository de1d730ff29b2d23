"""The search state in a visitor's session, in step with the address bar.

The fields of `SearchState` are kept in the session under their names, which are the keys of the
page's widgets. The address is read where something else than a widget changed it: a link, a reload,
the back button. It is written, as one entry of the browser's history, where a widget changed the
state.
"""

from dataclasses import asdict, replace
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.connection import current_address, keep_address
from app.state import FIELDS, SearchState, follow, read_parameters, write_parameters


def read() -> tuple[list[str], bool]:
    """Set the fields to the address where something else than the page changed it.

    Returns:
        A sentence about each parameter that is invalid; and whether the address was read.
    """
    session = st.session_state
    sent = {name: st.query_params.get_all(name) for name in st.query_params}
    address = current_address(sent, "address")
    if address == session.get("address") and all(key in session for key in FIELDS):
        for key in FIELDS:  # Streamlit drops the value of a widget that was not on the last page
            session[key] = session[key]
        return [], False
    state, problems = read_parameters(address)
    for key, value in asdict(state).items():
        session[key] = list(value) if isinstance(value, tuple) else value
    context = get_script_run_ctx()
    if "address" in session and context and not context.is_history_navigation:
        st.query_params.from_dict(address)  # a link to this very page left the bar as it was
    session.address = address
    session.state = None
    return problems, True


def write(usual_variant: str) -> SearchState:
    """The state of the fields, written to the address where a widget changed it.

    Args:
        usual_variant: the one whose name is left out.
    """
    session = st.session_state
    state = SearchState(**_fields())
    variant = "" if state.variant == usual_variant else state.variant
    state = replace(state, text=state.text.strip(), picture=state.picture.strip(), variant=variant)
    if session.state is None:  # just read: an address that could be written shorter stays as it is
        session.state = state
    elif state != session.state:
        state = session.state = follow(session.state, state)
        session.update(
            like=state.like, crop=list(state.crop), page=state.page, product=state.product
        )
        keep_address(write_parameters(state), "address")
    session.fields = _fields()
    return state


def is_behind() -> bool:
    """Whether a run of a fragment alone has a change of a widget outside it, for all of the page.

    Streamlit sends changes that follow each other at once in one message. Where one of them is a
    fragment's, it runs that fragment alone.
    """
    context = get_script_run_ctx()
    only_fragment = bool(context and context.fragment_ids_this_run)
    return only_fragment and st.session_state.fields != _fields()


def _fields() -> dict[str, Any]:
    """The fields of `SearchState`, as the session has them."""
    session = st.session_state
    return {
        key: tuple(value) if isinstance(value := session[key], list) else value for key in FIELDS
    }
