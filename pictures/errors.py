"""The errors of this package, and how their sentences show an address."""

from vitrine import VitrineError
from vitrine.text import printable

MAX_SHOWN = 120  # characters of an address in a sentence
MAX_SENTENCE = 500


class PictureError(VitrineError):
    """One picture cannot be read, fetched or decoded.

    Attributes:
        reason: One of a short list of constant phrases, for counting.
        sentence: What happened to this picture, bounded and printable, whatever a server or a
            feed wrote into the address and the headers that it quotes.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        sentence = shorten(sentence, MAX_SENTENCE)
        super().__init__(reason, sentence)  # both, for pickle calls the class with these
        self.reason = reason
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence


class HostNotPublic(PictureError):
    """A host that has no address, or one that is not public.

    Which of the two it is shows what names the network of this machine has: visitors see neither.
    """


def shorten(address: object, longest: int = MAX_SHOWN) -> str:
    """An address cut to a length that fits into a sentence, without control characters."""
    text = str(address)
    return printable(text if len(text) <= longest else text[: longest - 1] + "…")


def unexpected(error: Exception, address: str) -> PictureError:
    """The error of a picture whose import ended in an exception that nothing foresees."""
    kind = type(error).__name__
    return PictureError(
        f"unexpected {kind}", f"{shorten(address)} ended in an unexpected {kind}: {shorten(error)}"
    )
