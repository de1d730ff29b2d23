"""The search page: `vitrine app`; VITRINE_HOME names the shop."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from app import catalogue_page, search_page
from app.escaping import sentence
from vitrine import VitrineError

LOGO = Path(__file__).with_name("logo.svg")


def main() -> None:
    """Lay out the pages and show the one that is asked for."""
    st.set_page_config(page_title="Vitrine", page_icon=":material/storefront:", layout="wide")
    st.logo(str(LOGO), size="large")
    search = st.Page(search_page.show, title="Search", icon=":material/search:", default=True)
    catalogue = st.Page(
        catalogue_page.show, title="Catalogue", icon=":material/inventory_2:", url_path="catalogue"
    )
    page = st.navigation([search, catalogue], position="top")
    run_page(page.run)


def run_page(show: Callable[[], None]) -> None:
    """Show a page; what it cannot do for a reason that is known is told in its place."""
    try:
        show()
    except VitrineError as error:
        st.error(sentence(str(error)), icon=":material/error:")


if __name__ == "__main__":
    main()
