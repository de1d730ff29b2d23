"""The errors of this package."""

from vitrine import VitrineError


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


class DecodeWorkerMissing(VitrineError):
    """No process that decodes pictures can be started."""
