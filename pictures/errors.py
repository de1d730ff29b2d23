"""The errors of this package, and how their sentences show an address."""

from vitrine import VitrineError

MAX_SHOWN = 120  # characters of an address in a sentence


class PictureError(VitrineError):
    """One picture cannot be had.

    Attributes:
        reason: A few fixed words, the same for every picture that fails alike, for counting.
        sentence: What happened to this one.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence


class PictureStoreError(VitrineError):
    """The folder of pictures cannot be written."""


class DecodeWorkerError(VitrineError):
    """No process that decodes pictures can be started."""


def shorten(address: object) -> str:
    """An address cut to a length that fits into a sentence."""
    text = str(address)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
