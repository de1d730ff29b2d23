"""Rows of the picture ledger, for tests."""

from types import SimpleNamespace

from catalog.catalogue import Catalogue

COLUMNS = ("outcome", "address", "reason", "hash", "width", "height", "bytes", "attempts")


def ledger_row(catalogue: Catalogue, product: str) -> SimpleNamespace | None:
    """The row of one product, by the names of its columns; None before the first attempt."""
    query = f"SELECT {', '.join(COLUMNS)} FROM picture WHERE product = ?"  # noqa: S608
    rows = catalogue._select(query, (product,))
    return SimpleNamespace(**dict(zip(COLUMNS, rows[0], strict=True))) if rows else None
