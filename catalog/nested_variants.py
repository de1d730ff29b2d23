"""Variants that a record holds in lists, as the interfaces of shop systems answer with."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from catalog import values
from catalog.articles import Numbered, Piece
from catalog.formats import Record


def nested_variants(
    rows: Iterable[Numbered], columns: Sequence[str], *, whole: bool
) -> Iterator[Piece]:
    """A piece for each variant that a record holds.

    Args:
        rows: The file's.
        columns: Those with variants; each variant is read from the first of them.
        whole: A variant is written as a product is, and has its values in the same columns; else
            they are read from the list, which then has that one.
    """
    for row, record in rows:
        lists = [] if isinstance(record, str) else [_list_of(record.get(name)) for name in columns]
        found = [variant for each in lists for variant in each or ()]
        if isinstance(record, str) or all(each is None for each in lists):
            yield Piece(row, record, article=row)
            continue
        for variant in filter(None, found) if any(found) else [{}]:
            merged = {**record, columns[0]: [variant]}
            if whole and isinstance(variant, Mapping):
                merged |= {name: cell for name, cell in variant.items() if cell not in ("", None)}
            named = variant.get("id") if isinstance(variant, Mapping) else None
            merged |= _option_columns(record.get("options"), variant)
            yield Piece(row, merged, article=row, fallback=values.identifier(named))


def _list_of(cell: object) -> list[object] | None:
    """A list of variants, or the only one; a connection of GraphQL holds them as nodes of edges."""
    cell = values.parse_literal(cell)
    if isinstance(cell, Mapping):
        if isinstance(cell.get("edges"), list):
            return [edge.get("node") for edge in cell["edges"] if isinstance(edge, Mapping)]
        cell = cell.get("nodes", [cell])
    return cell if isinstance(cell, list) else None


def _option_columns(options: object, variant: object) -> Record:
    """Names and values of a variant's options, as columns, where the names stand apart.

    Shopify's variants have them in the order of the names, Medusa's refer to them.
    """
    if not isinstance(options, list) or not isinstance(variant, Mapping):
        return {}
    known = [option for option in options if isinstance(option, Mapping)]
    names = {values.identifier(each.get("id")): each.get("title") for each in known}
    chosen = variant.get("options")
    pairs = [
        (names[values.identifier(each["option_id"])], each.get("value"))
        for each in (chosen if isinstance(chosen, list) else ())
        if isinstance(each, Mapping) and values.identifier(each.get("option_id")) in names
    ]
    pairs += [
        (option.get("name"), variant[f"option{number}"])
        for number, option in enumerate(known, 1)
        if f"option{number}" in variant
    ]
    found: Record = {}
    for number, (name, value) in enumerate(pairs, 1):
        found[f"Option{number} Name"], found[f"Option{number} Value"] = name, value
    return found
