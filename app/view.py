"""Where a view begins and ends, for `first_view.js`, which shows it once all of it is there."""

import html

import streamlit as st


def begin_view(product: str) -> None:
    """What follows is the view of a product, or of the results where its id is empty."""
    _mark("begins", product)


def end_view(product: str) -> None:
    """All of a view is there."""
    _mark("ends", product)


def _mark(side: str, product: str) -> None:
    st.html(f'<div class="view" data-{side}="{html.escape(product)}"></div>')
