"""The filters that are set, each with the search that is left without it."""

from dataclasses import replace

import streamlit as st

from app.escaping import escape, shorten
from app.links import Links
from app.state import SearchState
from search.where import parse_where

LONGEST = 60  # characters of a label
BOUNDS = {"gte": "from", "gt": "above", "lte": "up to", "lt": "under"}


def chosen_filters(state: SearchState) -> list[tuple[str, SearchState]]:
    """What each filter is called, plain text, and the state without it."""
    found = [
        (category, replace(state, categories=_without(state.categories, category)))
        for category in state.categories
    ]
    found += [
        (brand, replace(state, brands=_without(state.brands, brand))) for brand in state.brands
    ]
    if (state.price_min, state.price_max) != (None, None):
        label = f"Price {name_bounds(state.price_min, state.price_max)}"
        found.append((label, replace(state, price_min=None, price_max=None)))
    if state.in_stock:
        found.append(("In stock", replace(state, in_stock=False)))
    found += [
        (_name_condition(each), replace(state, where=_without(state.where, each)))
        for each in state.where
    ]
    return found


def show_chosen_filters(state: SearchState, links: Links) -> None:
    """Show each filter that is set as a link to the search without it.

    `page.js` names the links for screen readers: "Remove the filter …".
    """
    chosen = chosen_filters(state)
    if not chosen:
        return
    with st.container(horizontal=True, gap="xsmall", key="chosen"):
        for label, without in chosen:
            shown = escape(shorten(label, LONGEST))
            links.show(shown, replace(without, page=1), ":material/close:")
        if len(chosen) > 1:
            unset = replace(
                state,
                categories=(),
                brands=(),
                price_min=None,
                price_max=None,
                in_stock=False,
                where=(),
                page=1,
            )
            links.show("Clear all filters", unset, ":material/filter_alt_off:")


def name_bounds(low: float | None, high: float | None, currency: str = "") -> str:
    """A range of prices in words, plain text."""
    unit = f" {currency}" if currency else ""
    if low is None:
        return f"up to {_amount(high)}{unit}"
    if high is None:
        return f"from {_amount(low)}{unit}"
    return f"{_amount(low)} to {_amount(high)}{unit}"


def _name_condition(condition: str) -> str:
    [where] = parse_where([condition])
    name = where.name[:1].upper() + where.name[1:]
    if where.values:
        return f"{name}{' not' * where.negated}: {', '.join(where.values)}"
    [bounds] = where.ranges
    return " ".join(
        [
            name,
            *(
                f"{word} {getattr(bounds, side)}"
                for side, word in BOUNDS.items()
                if getattr(bounds, side) is not None
            ),
        ]
    )


def _without(values: tuple[str, ...], value: str) -> tuple[str, ...]:
    return tuple(each for each in values if each != value)


def _amount(amount: float | None) -> str:
    return f"{amount:,.2f}".removesuffix(".00")
