"""The conditions on attributes in a search's state, as the widgets read and change them.

Each is written as `search.where` reads it, so that the address bar can hold it.
"""

from collections.abc import Iterable, Sequence

from search.where import Where, folded, parse_where, write_where

Bounds = tuple[float | None, float | None]  # at least this, and below that


def chosen_values(conditions: Sequence[str], name: str, known: Sequence[str]) -> list[str]:
    """The values of an attribute that are chosen, spelled as those that are known."""
    spelled = {folded(value): value for value in known}
    found = (each for each in _on(conditions, name) if not each.negated)
    return list(
        dict.fromkeys(spelled.get(folded(value), value) for each in found for value in each.values)
    )


def chosen_bounds(conditions: Sequence[str], name: str) -> Bounds | None:
    """The range of an attribute that is chosen; None where there is none or of another form."""
    ranges = [bounds for each in _on(conditions, name) for bounds in each.ranges]
    written = {
        side: bound for each in ranges for side in ("gte", "lt") if (bound := getattr(each, side))
    }
    try:
        low, high = (float(written[side]) if side in written else None for side in ("gte", "lt"))
    except ValueError:  # with a unit
        return None
    return None if low is None and high is None else (low, high)


def with_values(conditions: Sequence[str], name: str, values: Sequence[str]) -> list[str]:
    """The conditions with these values of an attribute in place of those that were chosen."""
    kept = [each for each in conditions if not _chooses(each, name, ranged=False)]
    return kept + ([write_where(name, values)] if values else [])


def with_bounds(conditions: Sequence[str], name: str, bounds: Bounds | None) -> list[str]:
    """The conditions with this range of an attribute in place of those there were."""
    kept = [each for each in conditions if not _chooses(each, name, ranged=True)]
    low, high = bounds or (None, None)
    added = [
        write_where(name, [f"{bound:.15g}"], operator)
        for bound, operator in ((low, ">="), (high, "<"))
        if bound is not None
    ]
    return kept + added


def without_widget(conditions: Sequence[str], names: Iterable[str]) -> list[str]:
    """The conditions that no widget shows: on other attributes than these, or of another form."""
    return [
        each
        for each in conditions
        if not any(
            _chooses(each, name, ranged=False) or chosen_bounds([each], name) for name in names
        )
    ]


def _chooses(condition: str, name: str, *, ranged: bool) -> bool:
    found = _on([condition], name)
    return any(bool(each.ranges) == ranged and not each.negated for each in found)


def _on(conditions: Sequence[str], name: str) -> list[Where]:
    return [each for each in parse_where(conditions) if folded(each.name) == folded(name)]
