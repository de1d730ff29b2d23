"""The generations of one variant on a server: named, described, published and swept.

```
products_VARIANT                  alias: names the published generation, moves in one call
products_VARIANT__GENERATION      server collection; its metadata holds the spec, and once it is
                                  complete the number of points and the time
```

A generation without a number of points is being built, or was left by a build that ended early. Its
builder writes its name and the time into the metadata every few seconds (the heartbeat). A fresh
heartbeat keeps other builders away; a generation whose heartbeat is old is swept by the next
build. Several machines need clocks that agree within a minute or so.
"""

import socket
from collections.abc import Container, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

import psutil
from qdrant_client import models

from qdrant.errors import (
    BuildFailed,
    BuildRunning,
    CollectionBroken,
    CollectionMissing,
    Forbidden,
    NotFound,
    no_earlier_generation,
)
from qdrant.generation import Generation, now
from qdrant.model import Collection, Spec
from qdrant.server.connection import BUILDING, SEARCHING, WRITE, Connection, RetryLimit
from qdrant.server.shards import delete_snapshots, snapshots

PREFIX = "products_"
SEPARATOR = "__"
# Seconds for which the alias is not read again: a search costs one request and not two, and a new
# generation is noticed within this time.
FRESH = 1.0
# Seconds after its last heartbeat when a builder counts as ended.
STALE_AFTER = 180
# Metadata of the heartbeat: the builder, and the time; removed from a complete generation.
BUILDER, BEAT = "builder", "beat"

# Metadata of a generation while it is copied from another by snapshots: that one's server
# collection, and the names of the snapshots that it had before, which are not ours. Where a node
# was away when ours were deleted, the other generation keeps this until they are: a server removes
# a collection without its snapshots.
COPIED = "copied"

# Metadata that a builder writes last: without it a generation is not complete.
COMPLETE = ("points", "created")

Metadata = Mapping[str, Any]


@dataclass(frozen=True)
class Stored:
    """A server collection that holds a generation.

    Attributes:
        name: of the server collection.
        metadata: as its builder wrote it.
        info: as the server answers.
    """

    name: str
    metadata: Metadata
    info: models.CollectionInfo

    @property
    def collection(self) -> Collection | None:
        """What it holds; None while it is not complete."""
        if any(name not in self.metadata for name in COMPLETE):
            return None
        names = {part.name for part in fields(Collection)}
        return Collection(**{name: self.metadata[name] for name in names & set(self.metadata)})

    @property
    def builder(self) -> str:
        """Process and host of its builder."""
        host, process = str(self.metadata.get(BUILDER, "::")).split(":")[:2]
        return f"{process} of {host}"

    @property
    def being_built(self) -> bool:
        """Whether its builder runs, by process id on this machine and by heartbeat."""
        if self.collection or BEAT not in self.metadata:
            return False
        process, _, host = self.builder.partition(" of ")
        if host == socket.gethostname() and not _runs(process):
            return False
        beat = datetime.fromisoformat(self.metadata[BEAT])
        return (datetime.now(UTC) - beat).total_seconds() < STALE_AFTER

    def generation(self, current: str, size: int | None) -> Generation:
        """Return it for an operator.

        Args:
            current: the server collection in use.
            size: bytes on disk, where the server reports it.
        """
        made = self.collection
        use = "building" if made is None else "current" if self.name == current else "kept"
        return Generation(
            name=self.name.rpartition(SEPARATOR)[2],
            use=use,
            points=made.points if made else self.info.points_count or 0,
            indexed=self.info.indexed_vectors_count,
            size=size,
            state=self.info.status.value,
            created=made.created if made else "",
        )


class Generations:
    """The generations of one variant.

    Args:
        connection: to the server.
        variant: whose.
        prefix: before every name of ours on the server.
    """

    def __init__(self, connection: Connection, variant: str, prefix: str = PREFIX) -> None:
        self.variant = variant
        self.alias = prefix + variant
        self._connection = connection
        self._known: tuple[float, Stored] | None = None
        self._readable: dict[str, str] = {}  # of the last generation: see `readable`

    def name(self, generation: str) -> str:
        """Return the server collection of a generation."""
        return self.alias + SEPARATOR + generation

    def current(self) -> tuple[str, Collection]:
        """Return the server collection in use and what it holds, at most `FRESH` seconds old.

        Raises:
            CollectionMissing: nothing is published.
            CollectionBroken: what is published has no description.
        """
        known, time = self._known, self._connection.clock()
        if known is None or time - known[0] > FRESH:
            try:
                stored = self.get(self.alias)
            except NotFound:
                self._known = None
                raise CollectionMissing(self.variant) from None
            known = self._known = (time, stored)
        stored = known[1]
        if stored.collection is None:
            raise CollectionBroken(self.variant, f"{self.alias} has no description")
        return stored.name, stored.collection

    def readable(self, name: str) -> str:
        """Return the name to read a generation by: its own, or the alias for a key limited to that.

        Raises:
            NotFound: it was removed.
        """
        if name not in self._readable:
            try:
                self.get(name)
                self._readable = {name: name}
            except Forbidden:
                self._readable = {name: self.alias}
        return self._readable[name]

    def forget(self) -> None:
        """Read the alias again next time."""
        self._known = None

    def get(self, name: str, limit: RetryLimit = SEARCHING) -> Stored:
        """Return the server collection of a name or an alias.

        Raises:
            NotFound: there is none.
        """
        info = self._connection.call(lambda client: client.get_collection(name), limit)
        metadata = info.config.metadata or {}
        if name == self.alias and "generation" in metadata:  # the answer lacks the alias's target
            name = self.name(metadata["generation"])
        return Stored(name, metadata, info)

    def all(self) -> list[Stored]:
        """Return every server collection of the variant, complete or not, oldest first."""
        listed = self._connection.call(lambda client: client.get_collections()).collections
        names = [each.name for each in listed]
        found = []
        for name in sorted(name for name in names if name.rpartition(SEPARATOR)[0] == self.alias):
            with suppress(NotFound):  # removed meanwhile
                found.append(self.get(name))
        return found

    def published(self) -> str | None:
        """Return the server collection in use, as of now; None when there is none."""
        try:
            return self.get(self.alias).name
        except NotFound:
            return None

    def complete(self, name: str) -> bool:
        """Whether a generation is on the server with all its points."""
        try:
            return self.get(name).collection is not None
        except NotFound:
            return False

    def others(self, name: str = "") -> list[Stored]:
        """Return the generations besides one that is being built here.

        Raises:
            BuildRunning: another process builds one of them.
        """
        others = [stored for stored in self.all() if stored.name != name]
        for stored in others:
            if stored.being_built:
                raise BuildRunning(self.variant, stored.builder)
        return others

    def publish(self, name: str) -> None:
        """Move the alias to a complete generation, keep the last beside it, sweep the others.

        Raises:
            BuildFailed: it was removed meanwhile.
        """
        last = self.published()
        self._move_alias(name)
        self._sweep({name, last})

    def rollback(self) -> Collection:
        """Move the alias to the generation kept beside the current one.

        Raises:
            StoreError: only one is kept.
        """
        self.forget()
        current, _ = self.current()
        others = [each for each in self.all() if each.collection and each.name != current]
        if not others:
            raise no_earlier_generation(self.variant)
        self._move_alias(others[-1].name)
        return self.current()[1]

    def drop(self) -> None:
        """Remove the alias, then every generation but one that is being built."""
        self.forget()
        delete = models.DeleteAlias(alias_name=self.alias)
        self._change(models.DeleteAliasOperation(delete_alias=delete))
        self._sweep(())

    def remove(self, name: str) -> None:
        """Remove a server collection; it need not be there."""
        self._connection.call(
            lambda client: client.delete_collection(name, timeout=WRITE), BUILDING
        )

    def discard(self, stored: Stored) -> None:
        """Remove a generation, and first the snapshots that it was being copied by."""
        if copied := stored.metadata.get(COPIED):
            with suppress(NotFound):
                self.delete_snapshots(copied)
        self.remove(stored.name)

    def snapshots(self, name: str) -> Metadata:
        """Return the value of `COPIED` for a generation that is about to be copied.

        Raises:
            NotFound: it was removed.
        """
        known: Metadata | None = self.get(name).metadata.get(COPIED)
        return known or {"collection": name, "kept": snapshots(self._connection, name)}

    def delete_snapshots(self, copied: Metadata) -> None:
        """Delete the snapshots that a generation was copied by.

        Args:
            copied: the value of its `COPIED`.

        Raises:
            NotFound: the generation that they are of was removed.
        """
        source = copied["collection"]
        deleted = delete_snapshots(self._connection, source, copied["kept"])
        left = None if deleted else dict(copied)
        if self.get(source).metadata.get(COPIED) != left:
            self._connection.call(
                lambda client: client.update_collection(
                    source, metadata={COPIED: left}, timeout=WRITE
                ),
                BUILDING,
            )

    def _sweep(self, kept: Container[str | None]) -> None:
        # Those that were not completed first: what they were copied from is still there.
        for stored in sorted(self.all(), key=lambda each: each.collection is not None):
            if stored.name not in kept and not stored.being_built:
                self.discard(stored)

    def _move_alias(self, name: str) -> None:
        """Create the alias, which replaces the one before in the same step."""
        named = models.CreateAlias(collection_name=name, alias_name=self.alias)
        try:
            self._change(models.CreateAliasOperation(create_alias=named))
        except NotFound:
            raise removed(self.variant, name) from None
        finally:
            self.forget()

    def _change(self, alias: models.AliasOperations) -> None:
        self._connection.call(
            lambda client: client.update_collection_aliases([alias], timeout=WRITE), BUILDING
        )


def variants(connection: Connection, prefix: str = PREFIX) -> list[str]:
    """Return the variants that have a published generation, ascending."""
    aliases = connection.call(lambda client: client.get_aliases()).aliases
    names = [each.alias_name for each in aliases if each.alias_name.startswith(prefix)]
    return sorted(name.removeprefix(prefix) for name in names)


def metadata_of(spec: Spec, generation: str) -> dict[str, Any]:
    """Return the metadata of a new generation."""
    return {**spec.facts(), "vectors": list(spec.vectors), "generation": generation}


def heartbeat(builder: str) -> dict[str, str]:
    """Return the metadata by which other builders see that this one runs."""
    return {BUILDER: builder, BEAT: now()}


def removed(variant: str, name: str) -> BuildFailed:
    """Return the error of a builder whose generation is gone."""
    return BuildFailed(
        f"The collection of variant '{variant}' was not built: {name} was removed from the "
        "server meanwhile; run this again."
    )


def _runs(process: str) -> bool:
    return process.isdecimal() and psutil.pid_exists(int(process))
