"""The generations of one variant on a server: named, described, published and swept.

```
products_VARIANT                  alias: names the generation in use, moves in one call
products_VARIANT__GENERATION      server collection; its metadata holds the spec, and once it is
                                  complete the number of points and the time
```

A generation without a number of points is being built, or was left by a build that died. Its
builder writes its name and the time into the metadata every few seconds; who finds a fresh one
stays away, and what has not been heard of for a while is swept by the next build. Several machines
need clocks that agree within a minute or so.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Container, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from qdrant_client import QdrantClient, models

from qdrant.errors import (
    BuildFailed,
    BuildRunning,
    CollectionBroken,
    CollectionMissing,
    NothingKept,
    NotThere,
)
from qdrant.model import Collection, Generation, Spec, check_variant
from qdrant.server.connection import BUILDING, SEARCHING, WRITE, Connection, Patience

PREFIX = "products_"
SEPARATOR = "__"
# Seconds for which what was published is taken to be so still: a search costs one request and not
# two, and a new generation is noticed within this time.
FRESH = 1.0
# Seconds after which a builder that was not heard of is taken for dead.
SILENCE = 180
# Metadata by which a builder tells that it lives; gone from a complete generation.
BUILDER, BEAT = "builder", "beat"

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Served:
    """A server collection that holds a generation.

    Attributes:
        name: of the server collection.
        facts: its metadata.
        info: what the server tells of it.
    """

    name: str
    facts: Facts
    info: models.CollectionInfo

    @property
    def collection(self) -> Collection | None:
        """What it holds; None while it is not complete."""
        names = [part.name for part in fields(Collection)]
        if any(name not in self.facts for name in names):
            return None
        known = {name: self.facts[name] for name in names}
        return Collection(**{**known, "vectors": tuple(known["vectors"])})

    @property
    def living(self) -> bool:
        """Whether somebody is building it, as far as one can tell from here."""
        if self.collection or BEAT not in self.facts:
            return False
        host, process = str(self.facts.get(BUILDER, "::")).split(":")[:2]
        if host == socket.gethostname() and not _runs(process):
            return False
        heard = datetime.fromisoformat(self.facts[BEAT])
        return (datetime.now(UTC) - heard).total_seconds() < SILENCE

    def told(self, current: str, size: int | None) -> Generation:
        """Return what an operator wants to see of it.

        Args:
            current: the server collection in use.
            size: bytes on disk, where the server tells.
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


class ServerGenerations:
    """The generations of one variant.

    Args:
        connection: to the server.
        variant: whose.
        prefix: before every name of ours on the server.
    """

    def __init__(self, connection: Connection, variant: str, prefix: str = PREFIX) -> None:
        self.variant = check_variant(variant)
        self.alias = prefix + variant
        self._connection = connection
        self._known: tuple[float, Served] | None = None

    def name(self, generation: str) -> str:
        """Return the server collection of a generation."""
        return self.alias + SEPARATOR + generation

    def current(self) -> tuple[str, Collection]:
        """Return the server collection in use and what it holds, at most `FRESH` seconds old.

        Raises:
            CollectionMissing: nothing is published.
            CollectionBroken: what is published has no description.
        """
        known, now = self._known, self._connection.clock()
        if known is None or now - known[0] > FRESH:
            try:
                served = self.look(self.alias)
            except NotThere:
                self._known = None
                raise CollectionMissing(self.variant) from None
            known = self._known = (now, served)
        served = known[1]
        if served.collection is None:
            raise CollectionBroken(self.variant, f"{self.alias} carries no description")
        return served.name, served.collection

    def forget(self) -> None:
        """Look at the server on the next occasion."""
        self._known = None

    def look(self, name: str, patience: Patience = SEARCHING) -> Served:
        """Return what lies under a name or an alias.

        Raises:
            NotThere: nothing.
        """
        info = self._connection.ask(lambda client: client.get_collection(name), patience)
        facts = info.config.metadata or {}
        if name == self.alias and "generation" in facts:  # an alias does not tell what it names
            name = self.name(facts["generation"])
        return Served(name, facts, info)

    def all(self) -> list[Served]:
        """Return every server collection of the variant, complete or not, oldest first."""
        listed = self._connection.ask(lambda client: client.get_collections()).collections
        names = [each.name for each in listed]
        found = []
        for name in sorted(name for name in names if name.rpartition(SEPARATOR)[0] == self.alias):
            with suppress(NotThere):  # somebody removed it since
                found.append(self.look(name))
        return found

    def published(self) -> str | None:
        """Return the server collection in use, as of now; None when there is none."""
        try:
            return self.look(self.alias).name
        except NotThere:
            return None

    def complete(self, name: str) -> bool:
        """Tell whether a generation is on the server with all its points."""
        try:
            return self.look(name).collection is not None
        except NotThere:
            return False

    def others(self, name: str = "") -> list[Served]:
        """Return the generations besides one that is being built here.

        Raises:
            BuildRunning: somebody else builds one of them.
        """
        others = [served for served in self.all() if served.name != name]
        for served in others:
            if served.living:
                host, process = str(served.facts[BUILDER]).split(":")[:2]
                raise BuildRunning(self.variant, f"{process} of {host}")
        return others

    def publish(self, name: str) -> None:
        """Make a complete generation the one in use, keep the last beside it, sweep the others.

        Raises:
            BuildFailed: somebody removed it.
        """
        last = self.published()
        self._point(name, replace=last is not None)
        self._sweep({name, last})

    def rollback(self) -> Collection:
        """Change places between the current generation and the one kept beside it.

        Raises:
            NothingKept: only one is kept.
        """
        self.forget()
        current, _ = self.current()
        others = [each for each in self.all() if each.collection and each.name != current]
        if not others:
            raise NothingKept(self.variant)
        self._point(others[-1].name, replace=True)
        return self.current()[1]

    def drop(self) -> None:
        """Unpublish everything, then remove it; what is being built is left to its builder."""
        self.forget()
        self._change([_unalias(self.alias)])
        self._sweep(())

    def remove(self, name: str) -> None:
        """Remove a server collection; it need not be there."""
        self._connection.ask(lambda client: client.delete_collection(name, timeout=WRITE), BUILDING)

    def _sweep(self, kept: Container[str | None]) -> None:
        for served in self.all():
            if served.name not in kept and not served.living:
                self.remove(served.name)

    def _point(self, name: str, *, replace: bool) -> None:
        named = models.CreateAlias(collection_name=name, alias_name=self.alias)
        new = models.CreateAliasOperation(create_alias=named)
        try:
            self._change([_unalias(self.alias), new] if replace else [new])
        except NotThere:
            raise removed(self.variant, name) from None
        finally:
            self.forget()

    def _change(self, changes: list[models.AliasOperations]) -> None:
        def call(client: QdrantClient) -> bool:
            return client.update_collection_aliases(changes, timeout=WRITE)

        self._connection.ask(call, BUILDING)


def variants(connection: Connection, prefix: str = PREFIX) -> list[str]:
    """Return the variants that have a published generation, ascending."""
    aliases = connection.ask(lambda client: client.get_aliases()).aliases
    names = [each.alias_name for each in aliases if each.alias_name.startswith(prefix)]
    return sorted(name.removeprefix(prefix) for name in names)


def facts_of(spec: Spec, generation: str) -> dict[str, Any]:
    """Return the metadata of a generation that is begun."""
    return {**spec.facts(), "vectors": list(spec.vectors), "generation": generation}


def removed(variant: str, name: str) -> BuildFailed:
    """Return the error of a builder whose generation is gone."""
    return BuildFailed(
        f"The collection of variant '{variant}' was not built: somebody removed {name} from the "
        "server meanwhile; run this again."
    )


def pulse(builder: str) -> dict[str, str]:
    """Return the metadata by which a builder tells that it lives."""
    return {BUILDER: builder, BEAT: datetime.now(UTC).isoformat(timespec="seconds")}


def _unalias(alias: str) -> models.DeleteAliasOperation:
    return models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias))


def _runs(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
