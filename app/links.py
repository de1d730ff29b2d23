"""Links to other states of the search page; they open without loading the page anew."""

from dataclasses import replace

import streamlit as st

from app.state import SearchState, write_parameters


class Links:
    """Links from the search state that is shown.

    Args:
        page: the search page.
        state: what is shown.
    """

    def __init__(self, page: st.Page, state: SearchState) -> None:
        self._page = page
        self._state = state

    def show(self, label: str, state: SearchState, icon: str | None = None) -> None:
        """Show a link to another state.

        Args:
            label: Markdown.
            state: where it leads.
            icon: a material icon.
        """
        parameters = write_parameters(state)
        st.page_link(self._page, label=label, icon=icon, query_params=parameters, width="content")

    def show_product(self, label: str, product_id: str) -> None:
        """Show a link to the view of a product, from which the browser's back leads here."""
        self.show(label, replace(self._state, product=product_id))
