"""How each page of the workbench begins."""

from pathlib import Path

import streamlit as st

from app import bench_address, bench_columns, installation
from app.escaping import escape_sentence
from search.shop import Shop, VariantStatus

STYLE = Path(__file__).with_name("workbench.css")


def begin(title: str) -> tuple[Shop, list[VariantStatus]] | None:
    """Read the address and show the heading; None where nothing can be searched, which is shown.

    Returns:
        The shop, and all of its variants, of which at least one can be searched.
    """
    problems = bench_address.read()
    shop = installation.shared_shop()
    statuses = installation.statuses(shop)
    ready = installation.searchable(statuses)
    if not ready:
        installation.explain_problems(shop, statuses)
        return None
    bench_columns.fill_columns(ready, installation.default_variant(ready).name)
    show_title(title)
    if problems:
        st.warning("\n\n".join(map(escape_sentence, problems)), icon=":material/link_off:")
    return shop, statuses


def show_title(title: str) -> None:
    """Show the heading of a page of the workbench, with their style."""
    st.html(STYLE)
    with st.container(key="bench-title"):
        st.title(title, anchor=False)
