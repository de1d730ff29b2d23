"""A variant's generations with the way back to the one before, its model card, its training."""

from datetime import datetime
from pathlib import Path

import streamlit as st

from app.escaping import escape_sentence
from search.redaction import redact
from search.shop import Shop, VariantStatus
from vitrine import VitrineError

CARD = "README.md"
CURVES = "curves.png"
USES = {"current": "searched", "kept": "kept beside it", "building": "not complete"}


def show_variant_details(shop: Shop, status: VariantStatus) -> None:
    """Show what is known of one variant, folded.

    Args:
        shop: has its collection.
        status: of the variant.
    """
    with st.expander(f"{status.name}: generations, model card, training"):
        if problem := st.session_state.pop(f"rollback-{status.name}-problem", ""):
            st.error(escape_sentence(problem), icon=":material/error:")
        if status.collection:
            _show_generations(shop, status.name)
            _show_storage(status)
        if status.variant:
            _show_card(status.variant.folder)


def as_moment(written: str | None) -> datetime | None:
    """A moment in ISO 8601, for a table; None if it is none."""
    try:
        return datetime.fromisoformat(written or "")
    except ValueError:
        return None


def _show_generations(shop: Shop, name: str) -> None:
    """Show the builds of a collection, and the button that searches the one before again."""
    generations = shop.store.generations(name)
    st.dataframe(
        [
            {
                "Generation": each.name,
                "Use": USES.get(each.use, each.use),
                "Products": each.points,
                "Built": as_moment(each.created),
                "MB": each.size / 1e6 if each.size is not None else None,
            }
            for each in generations
        ],
        hide_index=True,
        column_config={"MB": st.column_config.NumberColumn(format="%.1f")},
    )
    kept = next((each for each in generations if each.use == "kept"), None)
    if kept is None:
        st.caption("There is no generation to go back to: the next build keeps this one.")
        return
    with st.popover("Roll back …", icon=":material/undo:"):
        st.write(
            f"Searches use the generation built {kept.created} with {kept.points:,} products, and "
            "this one is kept beside it, so that the same button undoes it."
        )
        st.button(
            f"Roll {name} back",
            type="primary",
            key=f"rollback-{name}",
            on_click=_roll_back,
            args=(shop, name),
        )


def _show_storage(status: VariantStatus) -> None:
    """Show which dense vectors the collection has room for, and how it stores them."""
    if made := status.collection:
        stored = ", ".join(made.stored)
        st.caption(f"Vectors stored: {stored}, as `{made.storage}` ({made.stored_as.meaning}).")


def _roll_back(shop: Shop, name: str) -> None:
    try:
        shop.store.rollback(name)
    except VitrineError as error:
        st.session_state[f"rollback-{name}-problem"] = redact(str(error))


def _show_card(folder: Path) -> None:
    """Show the files that adding and training a variant leave in its folder."""
    if (curves := folder / CURVES).is_file():
        with st.container(key=f"curves-{folder.name}"):
            st.image(str(curves), alt="Training loss, and validation measures by step")
    if (card := folder / CARD).is_file():
        # As text: the card quotes categories of the shop, which are data.
        lines = [redact(line) for line in card.read_text(encoding="utf-8").splitlines()]
        st.code("\n".join(lines), language="markdown", wrap_lines=True)
