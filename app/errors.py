"""Errors on a page: one sentence in place of the item that failed, the whole error in the log."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from app.escaping import escape_sentence
from search.redaction import redact
from vitrine import VitrineError

log = logging.getLogger(__name__)


@contextmanager
def show_errors(item: str) -> Iterator[None]:
    """Show an error inside as one sentence; what comes after it on the page stays.

    Args:
        item: what the page shows there; begins the sentence of an unexpected error.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the last resort of a page and of each item on it
        st.error(escape_sentence(sentence_of(error, item)), icon=":material/error:")


def sentence_of(error: Exception, item: str) -> str:
    """What visitors may read of an error, which is logged."""
    if isinstance(error, VitrineError):
        log.error("%s: %s", item, error)
        return redact(str(error))
    log.error("%s: unexpected error", item, exc_info=error)
    return f"{item}: an unexpected {type(error).__name__}; the server’s log has the details."
