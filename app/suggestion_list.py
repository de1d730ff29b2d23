"""Suggestions below the search box, while a visitor types."""

from pathlib import Path

import streamlit as st

from app import address_bar
from app.escaping import shorten
from search.engine import Engine

FILES = Path(__file__).with_suffix("")
KEY = "suggestions"
SUGGESTIONS = 8
LONGEST = 200  # characters of what is typed, of which only the last words count
NAMES = {"brand": "Brand", "category": "Category", "title": "Product", "spelling": "Did you mean"}

_mount = st.components.v2.component(
    "vitrine.suggestion_list",
    html='<ul role="listbox" id="suggestion-list" aria-label="Suggestions" hidden></ul>',
    css=FILES.with_suffix(".css").read_text(encoding="utf-8"),
    js=FILES.with_suffix(".js").read_text(encoding="utf-8"),
    isolate_styles=False,  # the search box refers to the list by its id
)


@st.fragment
def show_suggestions(engine: Engine) -> None:
    """Show what the typed text may become; only this is run while a visitor types."""
    if address_bar.is_behind():
        st.rerun()
    typed = st.session_state.get(KEY, {}).get("typed") or ""
    typed = typed[-LONGEST:] if isinstance(typed, str) else ""
    suggestions = [
        {
            "text": each.text,
            "label": shorten(each.text, LONGEST // 2),
            "kind": NAMES.get(each.kind, ""),
            "count": f"{each.count:,}" if each.count > 1 else "",
        }
        for each in engine.suggest(typed, SUGGESTIONS)
    ]
    _mount(
        key=KEY,
        data={"typed": typed, "suggestions": suggestions},
        on_typed_change=lambda: None,
    )
