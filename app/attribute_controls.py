"""The widgets of facets in the side bar: stock, prices and attributes with their counts."""

from collections.abc import Sequence

import streamlit as st

from app import conditions
from app.conditions import Bounds
from app.escaping import escape
from search.buckets import Bucket
from search.facets import AttributeCount, Facets

SHOWN = 5  # attributes; more are behind a button


def show_stock(facets: Facets) -> None:
    """Show a switch for products in stock, where the shop knows of any."""
    if facets.stock or st.session_state.in_stock:
        st.toggle(f"In stock ({facets.stock.get('yes', 0):,})", key="in_stock")


def show_prices(facets: Facets) -> None:
    """Show the prices in buckets, where there are several."""
    if len(facets.prices) > 1 or conditions.chosen_bounds(st.session_state.where, "price"):
        _show_buckets("price", f"Price {facets.currency}".strip(), facets.prices)


def show_attributes(facets: Facets) -> None:
    """Show the most useful attributes, and the others on demand."""
    first, more = facets.attributes[:SHOWN], facets.attributes[SHOWN:]
    for each in first:
        _show_attribute(each)
    if more:
        with st.expander("More filters", icon=":material/tune:"):
            for each in more:
                _show_attribute(each)
    shown = {"price", *(each.name for each in facets.attributes)}
    if others := conditions.without_widget(st.session_state.where, shown):
        st.caption(f"Also: {', '.join(map(escape, others))}")


def _show_attribute(attribute: AttributeCount) -> None:
    if attribute.buckets:
        _show_buckets(attribute.name, attribute.label, attribute.buckets)
        return
    key = _key(attribute.name)
    chosen = conditions.chosen_values(
        st.session_state.where, attribute.name, list(attribute.values)
    )
    st.session_state[key] = chosen
    st.multiselect(
        _label(attribute.name),
        list(dict.fromkeys([*chosen, *attribute.values])),
        format_func=lambda value: f"{escape(value)} ({attribute.values.get(value, 0):,})",
        key=key,
        placeholder="any",
        on_change=_choose_values,
        args=(attribute.name,),
    )


def _show_buckets(name: str, label: str, buckets: Sequence[Bucket]) -> None:
    key = _key(name)
    labels: dict[Bounds, str] = {
        (each.low, each.high): f"{each} ({each.count:,})" for each in buckets
    }
    chosen = conditions.chosen_bounds(st.session_state.where, name)
    if chosen and chosen not in labels:
        labels[chosen] = str(Bucket(*chosen, 0))
    st.session_state[key] = chosen
    st.selectbox(
        _label(label),
        list(labels),
        format_func=lambda bounds: labels.get(bounds, ""),
        index=None,
        key=key,
        placeholder="any",
        on_change=_choose_bounds,
        args=(name,),
    )


def _label(name: str) -> str:
    return escape(name[:1].upper() + name[1:])


def _key(name: str) -> str:
    return f"attribute {name}"


def _choose_values(name: str) -> None:
    session = st.session_state
    session.where = conditions.with_values(session.where, name, session[_key(name)])


def _choose_bounds(name: str) -> None:
    session = st.session_state
    session.where = conditions.with_bounds(session.where, name, session[_key(name)])
