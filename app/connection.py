"""The browser's connection, which may drop and be taken up again between two messages."""

import streamlit as st

from app.state import Parameters


def current_address(address: Parameters, kept: str) -> Parameters:
    """The address of the view, where the browser may have missed the last one that was written.

    A run that is interrupted by a dropped connection has changed the state, and its address has not
    reached the browser, which sends the one before when it connects anew.

    Args:
        address: as the browser sent it.
        kept: the session's key of the last address; the one before it is beside it.
    """
    session = st.session_state
    connection = st.context.headers.get("Sec-Websocket-Key", "")  # another one each time
    is_new = session.get("connection", connection) != connection
    session.connection = connection
    before = session.pop(f"{kept}_before", None)
    if is_new and before == address:
        st.query_params.from_dict(session[kept])
        return session[kept]
    return address


def keep_address(address: Parameters, kept: str) -> None:
    """Write an address to the address bar and to the session.

    Args:
        address: parameters.
        kept: its key in the session.
    """
    session = st.session_state
    session[f"{kept}_before"], session[kept] = session[kept], address
    st.query_params.from_dict(address)
