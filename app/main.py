"""The script that Streamlit runs: `vitrine app`, or `streamlit run app/main.py`."""

import logging
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from app import catalogue_page, search_page
from app.escaping import escape_sentence
from app.redaction import redact
from vitrine import VitrineError

log = logging.getLogger(__name__)

LOGO = Path(__file__).with_name("logo.svg")
# A file of our own: browsers would load a named icon from a third party.
ICON = Path(__file__).with_name("icon.svg")


def main() -> None:
    """Show the page of the address."""
    st.set_page_config(page_title="Vitrine", page_icon=str(ICON), layout="wide")
    st.logo(str(LOGO), size="large")
    search = st.Page(search_page.show, title="Search", icon=":material/search:", default=True)
    catalogue = st.Page(
        catalogue_page.show, title="Catalogue", icon=":material/inventory_2:", url_path="catalogue"
    )
    page = st.navigation([search, catalogue], position="top")
    run_page(page.run)


def run_page(show: Callable[[], None]) -> None:
    """Show a page, or the error that a user can put right."""
    try:
        show()
    except VitrineError as error:
        log.error("%s", error)
        st.error(escape_sentence(redact(str(error))), icon=":material/error:")


if __name__ == "__main__":
    main()
