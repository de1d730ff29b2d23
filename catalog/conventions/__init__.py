"""Feed conventions: the columns that shop systems, marketplaces and public data sets export.

A convention is recognised by its columns. It says which of them each product field is read from;
fields that it leaves out are found by the usual names. Columns are written as the words of their
names without separators, as `catalog.column_names.key` gives them; of columns with a bar between
them, a file has one; a dotted name is a value inside an object.
"""

from collections.abc import Collection

from catalog.column_names import key
from catalog.conventions.convention import BRAND, Convention, References, Rows
from catalog.conventions.data_sets import DATA_SETS
from catalog.conventions.hosted_shops import HOSTED_SHOPS
from catalog.conventions.marketplaces import MARKETPLACES
from catalog.conventions.shop_systems import SHOP_SYSTEMS

__all__ = ["BRAND", "CONVENTIONS", "OWN_EXPORT", "Convention", "References", "Rows", "recognise"]

# Read by `catalog.exchange`, not by the names of its columns.
OWN_EXPORT = Convention("an export of Vitrine", "vitrineexport")
CONVENTIONS = (OWN_EXPORT, *SHOP_SYSTEMS, *MARKETPLACES, *DATA_SETS, *HOSTED_SHOPS)


def recognise(columns: Collection[str]) -> Convention | None:
    """The convention of a file with these columns; None where it is none of them."""
    known = {key(column) for column in columns}
    for convention in CONVENTIONS:
        if all(known & set(choice.split("|")) for choice in convention.columns.split()):
            return convention
    return None
