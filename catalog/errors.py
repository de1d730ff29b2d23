"""The errors of this package. `str(error)` is one sentence a person can act on.

CatalogError
├── ReaderError       a file of products that cannot be read as a whole
└── CatalogueError    a catalogue that cannot be opened, read or written
"""

from vitrine import VitrineError


class CatalogError(VitrineError):
    """Anything that goes wrong in this package and has a remedy."""


class ReaderError(CatalogError):
    """A file of products is missing, empty, of no known format, broken, or lacks a column."""


class CatalogueError(CatalogError):
    """The catalogue is absent, corrupt, newer than this Vitrine, busy, or out of disk."""
