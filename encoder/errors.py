"""The room's exception family; the tree is drawn in the room's docstring."""

from collections.abc import Sequence

from vitrine import VitrineError


class EncoderError(VitrineError):
    """Something the user can put right; its text is one sentence that says how."""


class VariantInvalid(EncoderError):
    """A name, template, adapter weight or manifest that cannot be used."""


class VariantMissing(EncoderError):
    """No variant of that name.

    Attributes:
        name: what was asked for.
        known: the names that exist.
    """

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name, self.known = name, tuple(known)
        there = f"there are {', '.join(known)}" if known else "there is none yet"
        super().__init__(
            f"No variant is called {name!r}: {there}; make it with "
            f"`vitrine add {name} --base HUB_ID_OR_FOLDER`."
        )


class VariantExists(EncoderError):
    """Another variant already has that name."""


class CheckpointError(EncoderError):
    """The base checkpoint is missing, unusable or no longer what the manifest names."""


class AdapterError(EncoderError):
    """The adapter is missing, unusable or made for another model."""


class DeviceError(EncoderError):
    """The device is absent, or the precision asked for would change the vectors."""


class VectorError(EncoderError, ValueError):
    """Vectors that cannot be made unit: zero, NaN, infinite or misshapen."""
