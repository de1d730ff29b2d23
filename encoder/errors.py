"""The errors of variants and encoders."""

from collections.abc import Sequence

from vitrine import VitrineError


class EncoderError(VitrineError):
    """A variant that cannot be made or loaded; one sentence says why and what to do."""


class VariantInvalid(EncoderError):
    """A name, template, adapter weight or manifest that cannot be used."""


class VariantMissing(EncoderError):
    """No variant of that name.

    Attributes:
        name: the name that was given.
        known: the names that exist.
    """

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name, self.known = name, tuple(known)
        there = f"there are {', '.join(known)}" if known else "there is none yet"
        super().__init__(
            f"No variant is called {name!r}: {there}; make it with "
            f"`vitrine add {name} --base HUB_ID_OR_FOLDER`."
        )


class VectorError(EncoderError, ValueError):
    """Vectors that cannot be normalised: zero, NaN, infinite or misshapen."""
