"""What can go wrong in the vector store; the text of each is one sentence with its remedy.

```
StoreError
├── CollectionMissing    the variant has no collection
├── CollectionBroken     what lies on disk is not a collection
├── NothingKept          a rollback without an earlier generation
├── SpecMismatch         an update by another fingerprint, dimension or set of vectors
├── InvalidPoint         a product that must not be written (`.product`)
├── InvalidQuery         a search that cannot be answered
├── BuildRunning         another process builds this collection
├── BuildFailed          the new generation could not be made; the published one still answers
├── DiskFull             no room for what was asked; nothing published is touched
└── EngineError          the engine itself refused; its words are in the sentence
    ├── Unreachable      no server answers at the address, or not in time
    ├── AccessRefused    the server wants another API key
    ├── NotThere         the server has nothing by that name
    └── AlreadyThere     the server has something by that name
```
"""

from __future__ import annotations

from vitrine import VitrineError


class StoreError(VitrineError):
    """Anything that the vector store reports."""


class CollectionMissing(StoreError):
    """The variant has no collection."""

    def __init__(self, variant: str) -> None:
        super().__init__(
            f"There is no collection of variant '{variant}'; make it with "
            f"`vitrine ingest vectors --variant {variant}`."
        )
        self.variant = variant


class CollectionBroken(StoreError):
    """What lies on disk under the variant's name cannot be read as a collection."""

    def __init__(self, variant: str, what: str) -> None:
        super().__init__(
            f"The collection of variant '{variant}' is damaged: {what}; make it again with "
            f"`vitrine ingest vectors --variant {variant}`."
        )
        self.variant = variant


class NothingKept(StoreError):
    """There is no earlier generation to go back to."""

    def __init__(self, variant: str) -> None:
        super().__init__(
            f"The collection of variant '{variant}' has no earlier generation to go back to; "
            "one is kept from the second build on."
        )
        self.variant = variant


class SpecMismatch(StoreError):
    """An update whose vectors do not belong beside those of the collection."""


class InvalidPoint(StoreError):
    """A point that must not be written.

    Attributes:
        product: the product id of the point.
    """

    def __init__(self, product: str, what: str) -> None:
        super().__init__(f"Product {product!r} cannot be stored: {what}.")
        self.product = product


class InvalidQuery(StoreError):
    """A search that cannot be answered."""


class BuildRunning(StoreError):
    """Another process or thread builds this collection."""

    def __init__(self, variant: str, holder: str) -> None:
        super().__init__(
            f"The collection of variant '{variant}' is being built by process {holder or '?'}; "
            "wait for it to end, then run this again."
        )
        self.variant = variant


class BuildFailed(StoreError):
    """A new generation could not be made; the published one, if any, still answers."""


class DiskFull(StoreError):
    """The disk has, or would have had, no room for what was asked."""


class EngineError(StoreError):
    """The engine refused; its own words are in the sentence."""


class Unreachable(EngineError):
    """No server answers at the address, or it did not answer in time."""


class AccessRefused(EngineError):
    """The server wants an API key, another one, or one that may write."""


class NotThere(EngineError):
    """The server has no collection of that name; whoever asked knows what that means."""


class AlreadyThere(EngineError):
    """The server has a collection of that name; whoever asked knows what that means."""
