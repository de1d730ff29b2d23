"""Prices from the columns of a row."""

from collections import Counter

from catalog import values
from catalog.cells import Row, cell_of, remembering
from catalog.column_names import currency_of, key
from catalog.conventions import Convention
from catalog.matching import Plan
from catalog.values import Money
from catalog.values.currencies import minor_digits

MAX_DIGITS = 4  # of a currency's minor unit; a number above it is none


class PriceCells:
    """Reads what a product costs, its currency, and the price before a reduction.

    Attributes:
        used: How many rows each field was read from each column in.
    """

    def __init__(self, convention: Convention | None) -> None:
        self.used: Counter[tuple[str, str]] = Counter()
        self._minor_units = convention.minor_units if convention else {}
        self._money = remembering(values.money)

    def read(self, row: Row, plan: Plan, currency: str) -> tuple[Money | None, float | None]:
        """The price of a row, and the price before a reduction.

        Args:
            row: The record.
            plan: Its columns.
            currency: Of the row's own column, where it has one; else the name of the price's
                column may have it.
        """
        amounts = {column: self._amount(row, column, currency) for column in plan.fields["price"]}
        chosen = next((name for name, each in amounts.items() if each and each.amount > 0), None)
        chosen = chosen or next((name for name, each in amounts.items() if each), None)
        price = amounts.get(chosen or "")
        if chosen is None or price is None:
            return None, None
        self.used["price", chosen] += 1
        named = price.currency or (not currency and currency_of(chosen)) or ""
        if named:
            self.used["currency", chosen] += 1
        listed = None
        for column in plan.fields["list_price"]:
            higher = amounts[column] if column in amounts else self._amount(row, column, currency)
            other = currency_of(column) if higher else ""
            if higher and higher.amount > price.amount and other in ("", named or currency):
                self.used["list_price", column] += 1
                listed = higher.amount
                break
        return Money(price.amount, named or currency), listed

    def _amount(self, row: Row, column: str, currency: str) -> Money | None:
        cell = row[column] if column in row else cell_of(row, column)
        found = None if cell is None or cell == "" else self._money(cell)
        if not found or not self._minor_units:
            return found
        first, dot, inner = (column, "", "") if column in row else column.partition(".")
        digits = self._minor_units.get(f"{key(first)}{dot}{inner}")
        if digits is None:
            return found
        places = values.count(cell_of(row, digits)) or 0 if digits else None
        if places is None:
            places = minor_digits(found.currency or currency)
        return Money(found.amount / 10 ** min(places, MAX_DIGITS), found.currency)
