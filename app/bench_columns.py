"""The widgets of the workbench's columns: which variant, and how it is searched."""

from collections.abc import Sequence

import streamlit as st

from app.bench_state import MAX_DEPTH
from eval.columns import MOST, read_system, usual_systems, write_system
from eval.settings import System
from search.shop import VariantStatus

LETTERS = "ABCD"  # how columns are called
FEWEST = 2
DEPTHS = (5, 10, 20, MAX_DEPTH)

HOW = {
    ("hybrid", ""): "Words and vectors",
    ("words", ""): "Words",
    ("vectors", ""): "Vectors",
    ("vectors", "fused"): "Fused vectors",
    ("vectors", "image"): "Image vectors",
    ("vectors", "text"): "Text vectors",
    ("hybrid", "fused"): "Words and fused vectors",
    ("hybrid", "image"): "Words and image vectors",
    ("hybrid", "text"): "Words and text vectors",
}


def fill_columns(ready: Sequence[VariantStatus], usual: str) -> None:
    """Set the columns to the usual ones where the address names none.

    Args:
        ready: the variants that can be searched.
        usual: the name of the one that is searched where none is named.
    """
    if not st.session_state.columns:
        names = sorted((status.name for status in ready), key=lambda name: (name != usual, name))
        st.session_state.columns = [write_system(each) for each in usual_systems(names)]


def show_column(place: int, variants: Sequence[str]) -> None:
    """Show the widgets of one column.

    Args:
        place: of the column, from 0.
        variants: the names of all there are.
    """
    session = st.session_state
    system = read_system(session.columns[place])
    session[_key(place, "variant")] = system.variant
    session[_key(place, "how")] = system.match, system.vector
    letter = LETTERS[place]
    with st.container(horizontal=True, gap="small", key=f"column-{place}"):
        st.selectbox(
            f"{letter}: variant",
            list(dict.fromkeys([*variants, system.variant])),
            key=_key(place, "variant"),
            on_change=_change,
            args=(place,),
        )
        st.selectbox(
            f"{letter}: searched by",
            list(HOW),
            format_func=lambda how: HOW[how],
            key=_key(place, "how"),
            on_change=_change,
            args=(place,),
        )


def show_variant(variants: Sequence[str]) -> str:
    """Show the choice of the first column's variant alone; its name.

    Args:
        variants: the names of those that can be searched.
    """
    session = st.session_state
    system = read_system(session.columns[0])
    chosen = system.variant if system.variant in variants else variants[0]
    session[_key(0, "variant")] = chosen
    session[_key(0, "how")] = system.match, system.vector
    st.selectbox(
        "Variant", variants, key=_key(0, "variant"), on_change=_change, args=(0,), width=200
    )
    return chosen


def show_column_count(variants: Sequence[str]) -> None:
    """Show how many results count, and the buttons that add and remove a column."""
    columns = st.session_state.columns
    with st.container(horizontal=True, vertical_alignment="bottom"):
        depths = sorted({*DEPTHS, st.session_state.depth})
        st.selectbox("Results", depths, key="depth", width=110)
        if len(columns) < MOST:
            st.button(
                "Add a column",
                icon=":material/add:",
                on_click=lambda: columns.append(_next_column(columns, variants)),
            )
        if len(columns) > FEWEST:
            st.button(
                f"Remove {LETTERS[len(columns) - 1]}",
                icon=":material/remove:",
                on_click=lambda: columns.pop(),
            )


def describe_system(system: System) -> str:
    """A system in words."""
    return f"{system.variant}, {HOW[system.match, system.vector].lower()}"


def _next_column(columns: Sequence[str], variants: Sequence[str]) -> str:
    """A column that is not there yet: another variant, else another way to search the first."""
    first = read_system(columns[0])
    others = [System(name, first.match, first.vector) for name in variants]
    others += [System(first.variant, *how) for how in HOW]
    return next(text for text in map(write_system, others) if text not in columns)


def _change(place: int) -> None:
    session = st.session_state
    match, vector = session[_key(place, "how")]
    system = System(session[_key(place, "variant")], match, vector)
    session.columns[place] = write_system(system)


def _key(place: int, field: str) -> str:
    return f"column-{place}-{field}"
