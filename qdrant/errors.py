"""The errors of the vector store; the text of each is one sentence with its remedy.

```
StoreError
├── CollectionMissing    the variant has no collection
├── CollectionBroken     the stored files or metadata are not a readable collection
├── InvalidPoint         a point that must not be written (`.product`)
├── InvalidQuery         a search that cannot be answered
├── BuildRunning         another process builds this collection
├── BuildFailed          the new generation could not be made; the published one still answers
├── DiskFull             too little disk space; nothing published is touched
└── EngineError          the engine reported an error; its words are in the sentence
    ├── NotFound         the server has no collection of that name
    ├── Forbidden        the key of QDRANT_API_KEY may not do this
    ├── AlreadyExists    the server has a collection of that name
    └── RequestTooLarge  the server, or a proxy before it, refuses a request of that size
```
"""

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


class CollectionBroken(StoreError):
    """What is stored under the variant's name cannot be read as a collection."""

    def __init__(self, variant: str, what: str) -> None:
        super().__init__(
            f"The collection of variant '{variant}' is damaged: {what}; make it again with "
            f"`vitrine ingest vectors --variant {variant} --recreate`."
        )


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
        by = f" by process {holder}" if holder else ""  # not yet named in the lock file
        super().__init__(
            f"The collection of variant '{variant}' is being built{by}; "
            "wait for it to end, then run this again."
        )


class BuildFailed(StoreError):
    """A new generation could not be made; the published one, if any, still answers."""


class DiskFull(StoreError):
    """The disk has, or would have had, too little free space."""


class EngineError(StoreError):
    """The engine reported an error; its own words are in the sentence."""


class NotFound(EngineError):
    """The server has no collection of that name; the caller decides what that means."""


class Forbidden(EngineError):
    """The key of QDRANT_API_KEY may not do this."""


class AlreadyExists(EngineError):
    """The server has a collection of that name; the caller decides what that means."""


class RequestTooLarge(EngineError):
    """The server, or a proxy before it, refuses a request of that size."""


def no_earlier_generation(variant: str) -> StoreError:
    """Return the error of a rollback while only one generation is kept."""
    return StoreError(
        f"The collection of variant '{variant}' has no earlier generation to go back to; "
        "one is kept from the second build on."
    )
