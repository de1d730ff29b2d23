"""Errors of training. Bases and adapters that cannot be used are `encoder.errors`."""

from vitrine import VitrineError


class FinetuneError(VitrineError):
    """What a user can put right; its text is one sentence with the remedy."""


class Diverged(FinetuneError):
    """The loss or the weights are NaN or infinite.

    Attributes:
        step: the first such step, counted from 1.
    """

    def __init__(self, step: int, sentence: str) -> None:
        super().__init__(sentence)
        self.step = step
