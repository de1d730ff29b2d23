"""Where a view begins and ends, and what of it is replaced in one step.

`first_view.js` shows a view once all of it is there.
"""

import html
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

# While a run writes one block, the other still has what the run before has written. Streamlit
# removes that at the end of the run, in one step, and so ends the condition of this rule.
HIDDEN = """<style>
:root:has(.st-key-view-{old}):not(:has(.st-key-waiting)) :has(> .st-key-view-{new}) {{
  position: absolute;
  height: 0;
  overflow: hidden;
  visibility: hidden;
}}
:root:has(.st-key-waiting) :has(> .st-key-view-{old}) {{ display: none; }}
</style>"""


def begin_view(product: str) -> None:
    """What follows is the view of a product, or of the results where its id is empty."""
    _mark("begins", product)


def end_view(product: str) -> None:
    """All of a view is there."""
    _mark("ends", product)


@contextmanager
def replaced_view() -> Iterator[str]:
    """What is shown in the block replaces what the run before has shown in it, all at once.

    Streamlit itself replaces one element after another: rows that come and go move what is below
    them, several times, and for longer where the browser is slow.

    Yields:
        a selector of the block.
    """
    session = st.session_state
    old = session.get("shown_view", 1)
    new = 1 - old
    st.html(HIDDEN.format(old=old, new=new))
    blocks = [st.container(key=f"view-{number}") for number in (0, 1)]
    with blocks[new]:
        yield f".st-key-view-{new}"
    session.shown_view = new  # a run that was interrupted is followed by one into the same block


def _mark(side: str, product: str) -> None:
    st.html(f'<div class="view" data-{side}="{html.escape(product)}"></div>')
