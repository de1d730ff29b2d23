"""How the dense vectors of a collection are stored.

Of each vector one copy is kept, and a graph is searched by that copy or by a smaller one beside it:
candidates found by the smaller one are then rescored by the kept one. Recall, bytes and times of
each: docs/storage.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

Kept = Literal["float32", "turbo16", "turbo8"]
Searched = Literal["int8", "turbo4", ""]

# Measured bytes of a vector beside its numbers: scale, sum or length of each.
_EXTRA: Mapping[str, int] = {
    **{"float32": 0, "turbo16": 4, "turbo8": 4},
    **{"int8": 4, "turbo4": 8},
}
_BITS: Mapping[str, int] = {"float32": 32, "turbo16": 16, "turbo8": 8, "int8": 8, "turbo4": 4}
# Rounding of float32 in the cosine of two unit vectors, by any engine.
ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Storage:
    """One way to store dense vectors.

    Attributes:
        kept: type of the copy that scores are computed from.
        searched: type of the copy beside it that candidates are found by; empty for none.
        error: the most that a stored vector's cosine to the given one is below 1, beyond rounding:
            twice what was measured with 4 to 1,024 dimensions, peaked and even vectors.
        meaning: for people.
    """

    kept: Kept
    searched: Searched
    error: float
    meaning: str

    @property
    def exact(self) -> bool:
        """Whether scores are exact cosines, to four decimals."""
        return self.error <= ROUNDING

    def holds(self, given: np.ndarray, stored: np.ndarray) -> np.ndarray:
        """Which stored vectors are the given ones but for what storing them loses.

        Args:
            given: unit vectors (…, d).
            stored: as they were read, (…, d).

        Returns:
            bool (…).
        """
        lost = 1 - np.einsum("...d,...d->...", given, stored, dtype=np.float64)
        return np.asarray(lost <= self.error + ROUNDING)

    def kept_bytes(self, dim: int) -> int:
        """Bytes of a vector's copy that scores are computed from."""
        return _bytes(self.kept, dim)

    def searched_bytes(self, dim: int) -> int:
        """Bytes of a vector's copy that candidates are found by."""
        return _bytes(self.searched or self.kept, dim)

    def bytes(self, dim: int) -> int:
        """Bytes of a vector on disk, without its links in a graph."""
        return self.kept_bytes(dim) + (_bytes(self.searched, dim) if self.searched else 0)


def _bytes(kind: str, dim: int) -> int:
    return -(-dim * _BITS[kind] // 8) + _EXTRA[kind]


STORAGES: Mapping[str, Storage] = {
    "int8": Storage("float32", "int8", 0.0, "float32, searched by int8"),
    "turbo4": Storage("float32", "turbo4", 0.0, "float32, searched by TurboQuant of 4 bits"),
    "turbo16": Storage(
        "turbo16", "turbo4", 7e-7, "TurboQuant of 16 bits, searched by one of 4 bits"
    ),
    "turbo8": Storage("turbo8", "", 1.3e-4, "TurboQuant of 8 bits alone; scores are approximate"),
}
DEFAULT = "int8"  # collections of earlier versions have it
