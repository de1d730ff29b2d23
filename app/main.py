"""The search page: `vitrine app`; VITRINE_HOME names the shop."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from app import stock, window
from app.plain import sentence
from vitrine import VitrineError

LOGO = Path(__file__).with_name("logo.svg")


def main() -> None:
    """Lay out the pages and show the one that is asked for."""
    st.set_page_config(page_title="Vitrine", page_icon=":material/storefront:", layout="wide")
    st.logo(str(LOGO), size="large")
    search = st.Page(window.show, title="Search", icon=":material/search:", default=True)
    catalogue = st.Page(
        stock.show, title="Catalogue", icon=":material/inventory_2:", url_path="catalogue"
    )
    page = st.navigation([search, catalogue], position="top")
    guarded(page.run)


def guarded(show: Callable[[], None]) -> None:
    """Show a page; what it cannot do for a reason that is known is told in its place."""
    try:
        show()
    except VitrineError as error:
        st.error(sentence(str(error)), icon=":material/error:")


if __name__ == "__main__":
    main()
