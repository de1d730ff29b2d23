"""The catalogue of a shop: products, their pictures, and the record of every attempt.

readers          reads products from a feed: formats (files), columns (mapping), values (cells)
product          one item for sale
catalogue        products, picture ledger, summaries and runs in one SQLite file
"""

from vitrine import VitrineError


class CatalogError(VitrineError):
    """A feed that cannot be read, or a catalogue that cannot be opened, read or written."""
