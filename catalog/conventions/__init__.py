"""Feed conventions: the columns that shop systems, marketplaces and public data sets export.

A convention is recognised by its columns. It says which of them each product field is read from;
fields that it leaves out are found by the usual names. Columns are written as the words of their
names without separators, as `catalog.column_names.key` gives them; of columns with a bar between
them, a file has one; a dotted name is a value inside an object.
"""

from collections.abc import Sequence

from catalog.cells import Row, cell_of
from catalog.column_names import key
from catalog.conventions.convention import BRAND, Convention, References, Rows
from catalog.conventions.data_sets import DATA_SETS
from catalog.conventions.hosted_shops import HOSTED_SHOPS
from catalog.conventions.installed_shops import INSTALLED_SHOPS
from catalog.conventions.interfaces import INTERFACES
from catalog.conventions.marketplaces import MARKETPLACES
from catalog.conventions.price_comparison import PRICE_COMPARISON
from catalog.conventions.shop_systems import SHOP_SYSTEMS

__all__ = ["BRAND", "CONVENTIONS", "OWN_EXPORT", "Convention", "References", "Rows", "recognise"]

# Read by `catalog.exchange`, not by the names of its columns.
OWN_EXPORT = Convention("an export of Vitrine", "vitrineexport")
CONVENTIONS = (
    *(OWN_EXPORT, *INTERFACES, *SHOP_SYSTEMS, *MARKETPLACES, *DATA_SETS, *HOSTED_SHOPS),
    *(*INSTALLED_SHOPS, *PRICE_COMPARISON),
)


def recognise(records: Sequence[Row]) -> Convention | None:
    """The convention of a file with these first records; None where it is none of them."""
    columns = {key(column): column for record in records for column in record}

    def has(name: str) -> bool:
        first, dot, inner = name.partition(".")
        if first not in columns or not dot:
            return first in columns
        cells = (cell_of(record, f"{columns[first]}.{inner}") for record in records)
        return any(cell is not None for cell in cells)

    for convention in CONVENTIONS:
        if all(any(map(has, each.split("|"))) for each in convention.columns.split()):
            return convention
    return None
