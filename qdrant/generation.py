"""Generations of a collection and the engine that keeps them, for an operator; their names."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from qdrant.model import Spec

# Facts of a Spec that the points of one collection have in common.
COMMON = (
    *("fingerprint", "dim", "vectors", "dims", "words"),
    *("payload", "numbers", "storage", "unused"),
)


@dataclass(frozen=True)
class EngineInfo:
    """The engine that keeps the collections, for an operator.

    Attributes:
        name: `embedded` or `server`.
        version: of the engine.
        place: folder or address.
    """

    name: str
    version: str
    place: str


@dataclass(frozen=True)
class Generation:
    """One generation of a variant, for an operator.

    Attributes:
        name: of the build.
        use: `current`, `kept` beside it, or `building`: not complete, or left by a failed build.
        points: products stored so far.
        indexed: vectors that have a graph; None where it was not read.
        size: bytes on disk, estimated by a server; None where unknown.
        state: the server's status (`green`, `yellow`, `grey`, `red`), or `green`.
        created: UTC time of the build, ISO 8601.
    """

    name: str
    use: str
    points: int
    indexed: int | None
    size: int | None
    state: str
    created: str


def generation_name() -> str:
    """Return a name for a new generation: its UTC time, and random digits to make it unique."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def now() -> str:
    """Return the UTC time, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def first_difference(base: Spec, spec: Spec) -> str | None:
    """Return the first of `COMMON` in which two specs differ; None where points are comparable."""
    return next((fact for fact in COMMON if getattr(base, fact) != getattr(spec, fact)), None)
