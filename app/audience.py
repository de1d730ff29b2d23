"""Who the pages are for: visitors of a shop, or those who operate it."""

import os

import streamlit as st

from vitrine import VitrineError

LOOPBACK = ("localhost", "127.0.0.1", "::1")
AUDIENCES = ("shop", "operator")


def is_operator() -> bool:
    """Whether scores, times, folders, commands and the catalogue are shown.

    VITRINE_AUDIENCE decides; without it, an address that only this machine reaches.

    Raises:
        VitrineError: it has another value.
    """
    chosen = os.environ.get("VITRINE_AUDIENCE", "")
    if chosen not in ("", *AUDIENCES):
        raise VitrineError(f"VITRINE_AUDIENCE is “{chosen}”: set it to {' or '.join(AUDIENCES)}.")
    return chosen == "operator" if chosen else st.get_option("server.address") in LOOPBACK
