"""The errors of this package, and how their sentences show an address."""

from vitrine import VitrineError

MAX_SHOWN = 120  # characters of an address in a sentence


class PictureError(VitrineError):
    """One picture cannot be read, fetched or decoded.

    Attributes:
        reason: One of a short list of constant phrases, for counting.
        sentence: What happened to this picture.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(reason, sentence)  # both, for pickle calls the class with these
        self.reason = reason
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence


def shorten(address: object) -> str:
    """An address cut to a length that fits into a sentence."""
    text = str(address)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def unexpected(error: Exception, address: str) -> PictureError:
    """The error of a picture whose import ended in an exception that nothing foresees."""
    kind = type(error).__name__
    return PictureError(
        f"unexpected {kind}", f"{shorten(address)} ended in an unexpected {kind}: {shorten(error)}"
    )
