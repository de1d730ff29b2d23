"""A variant's collection, brought to what the catalogue and the vector files now hold."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from ingest import IngestError
from ingest.contents import Contents, content_of
from ingest.job import Figures, record_unexpected
from ingest.projection import Projection
from qdrant.errors import CollectionBroken, CollectionMissing, InvalidPoint
from qdrant.model import PAYLOAD, Collection, Point, Spec
from qdrant.storage import DEFAULT
from qdrant.store import Store
from vitrine.progress import progress_bar
from vitrine.text import number_in

# Sets the share of changed points above which the collection is built anew instead of a copy
# changed; the engine's own (`Engine.rebuild_share`) by default.
SHARE_VARIABLE = "VITRINE_REBUILD_SHARE"


def bring_up_to_date(
    store: Store,
    projection: Projection,
    contents: Contents,
    failed: Counter[str],
    *,
    storage: str = DEFAULT,
    precision: str = "",
    text_precision: str = "",
    recreate: bool = False,
) -> Figures:
    """Publish a generation that holds just the points of the projection, where none does.

    A few changes are made to a copy of the last generation; many, or another state of the
    variant, mean building anew. Either way searches see the old generation until the new one is
    complete. A payload that changes counts as its whole point: the engine moves the point out of
    its segment for it, and builds the graph again.

    Args:
        store: where the collection is.
        projection: the points.
        contents: of the projection, as the catalogue is now.
        failed: counts by reason, to which the points are added that are not fit to be stored.
        storage: how the dense vectors are stored, a name of `qdrant.storage.STORAGES`.
        precision: that the newest vectors were computed in.
        text_precision: the same of the variant's text model.
        recreate: build anew.

    Returns:
        `points` in the collection; points `written` and `deleted` for it.
    """
    contents.settle()
    spec = _spec(projection, contents, storage, precision, text_precision)
    current = None if recreate else _current(store, spec)
    if current:
        spec = replace(spec, unused=current.unused)
    if current and current.source == spec.source:
        contents.mark_published()
        return {"points": current.points, "written": 0, "deleted": 0}
    changes = _changes(store, contents, current, len(projection)) if current else None

    def refuse(error: InvalidPoint) -> None:
        record_unexpected(failed, error.product, error, succeeded=len(projection))

    if changes is None:
        total = len(projection)
        with progress_bar(f"collection {spec.variant}", total) as advance:
            built = store.build(spec, _Counted(projection, total, advance), refuse)
        contents.mark_published()
        return {"points": built.points, "written": built.points, "deleted": 0}
    with progress_bar(f"changes to {spec.variant}", changes.written) as advance:
        points = projection.only(contents.written())
        counted = _Counted(points, changes.written, advance)
        built = store.update(spec, counted, contents.deleted(), refuse)
    contents.mark_published()
    return {"points": built.points, "written": changes.written, "deleted": changes.deleted}


def _spec(
    projection: Projection, contents: Contents, storage: str, precision: str, text_precision: str
) -> Spec:
    variant = projection.variant
    carried = [name for name in projection.dense if name == "text" or contents.pictured]
    return Spec(
        variant.name,
        variant.fingerprint,
        variant.dim,
        variant.base,
        contents.digest,
        vectors=projection.dense,
        dims={"text": variant.text_dim} if variant.text_dim != variant.dim else {},
        words=projection.words,
        payload=PAYLOAD,
        numbers=projection.numbers,
        precision=precision,
        text_precision=text_precision,
        storage=storage,
        unused=tuple(name for name in projection.dense if carried and name not in carried),
    )


def published(store: Store, variant: str) -> Collection | None:
    """The published generation, if there is one and it is whole."""
    try:
        return store.collection(variant)
    except (CollectionMissing, CollectionBroken):
        return None


@dataclass(frozen=True, slots=True)
class _Changes:
    """How many points are to be written, and how many to be deleted."""

    written: int
    deleted: int


def _current(store: Store, spec: Spec) -> Collection | None:
    """The published generation, if it is whole, of this state of the variant and stored alike.

    It may have room for vectors that no product has any more.
    """
    current = published(store, spec.variant)
    if current is None:
        return None
    facts = ("fingerprint", "dim", "vectors", "words", "payload", "numbers", "storage")
    same = all(getattr(current, fact) == getattr(spec, fact) for fact in facts)
    same = same and set(current.unused) <= set(spec.unused)
    return current if same else None


def _changes(
    store: Store, contents: Contents, current: Collection, products: int
) -> _Changes | None:
    """What differs between the collection and the catalogue; None when too much does."""
    most = _rebuild_share(store) * products
    if contents.published != current.source or store.count(current.variant) != current.points:
        points = store.scroll(current.variant)
        contents.compare(current.source, ((each.id, *content_of(each.payload)) for each in points))
    changes = _Changes(*contents.changes())
    return None if changes.written + changes.deleted > most else changes


def _rebuild_share(store: Store) -> float:
    value = os.environ.get(SHARE_VARIABLE, "").strip()
    if not value:
        return store.engine.rebuild_share
    share = number_in(value)
    if not 0 <= share <= 1:
        raise IngestError(f"{SHARE_VARIABLE} is '{value}': it must be a number from 0 to 1.")
    return share


class _Counted:
    """Points that advance a progress bar as they are taken."""

    def __init__(self, points: Iterable[Point], total: int, advance: Callable[[int], None]) -> None:
        self._points = points
        self._total = total
        self._advance = advance

    def __len__(self) -> int:
        return self._total

    def __iter__(self) -> Iterator[Point]:
        for point in self._points:
            yield point
            self._advance(1)
