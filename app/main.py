"""The script that Streamlit runs: `vitrine app`, or `streamlit run app/main.py`."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from app import catalogue_page, search_page
from app.errors import show_errors

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
    """Show a page, or why it cannot be shown."""
    with show_errors("The page"):
        show()


if __name__ == "__main__":
    main()
