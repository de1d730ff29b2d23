"""The exceptions of this room. `str(error)` is one sentence a person can act on.

CatalogError
├── ReaderError       a file of products that cannot be read as a whole
├── CatalogueError    a catalogue that cannot be opened, read or written
└── PictureError      one picture that cannot be had; carries a short reason
"""


class CatalogError(Exception):
    """Anything that goes wrong in this room and has a remedy."""


class ReaderError(CatalogError):
    """A file of products is missing, empty, of no known format, broken, or lacks a column."""


class CatalogueError(CatalogError):
    """The catalogue is absent, corrupt, newer than this Vitrine, busy, or out of disk."""


class PictureError(CatalogError):
    """One picture cannot be had.

    Attributes:
        reason: A few fixed words, the same for every picture that fails alike, for counting.
        sentence: What happened to this one.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence
