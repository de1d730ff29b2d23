"""What a collection should hold, by product id: read from the catalogue once, then compared."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from catalog.temporary_database import open_temporary
from ingest.projection import PlannedPoint, Projection
from vitrine import Closing
from vitrine.batches import batched

CACHE = 16_384  # KiB of the temporary database that stay in memory
WINDOW = 1000  # products that are looked up together


Content = tuple[str, str]  # `PlannedPoint.content` and the payload's `image_url`


class Contents(Closing):
    """The content of every point of a projection, in a temporary file.

    A product without a text vector has an empty content: it has no point.

    Attributes:
        digest: of all points: a collection built from an equal one needs no rebuilding.
    """

    def __init__(self, projection: Projection) -> None:
        self._database = open_temporary(
            CACHE, ["CREATE TABLE planned (id TEXT PRIMARY KEY, content, image_url) WITHOUT ROWID"]
        )
        total = hashlib.sha256(projection.public_url.encode())
        for window in projection.windows():
            rows = [(plan.id, *_content(plan)) for plan in window]
            self._database.executemany("INSERT INTO planned VALUES (?, ?, ?)", rows)
            total.update("".join(content for _, content, _ in rows).encode())
        self.digest = total.hexdigest()[:16]

    def close(self) -> None:
        """Delete the temporary file."""
        self._database.close()

    def windows(self) -> Iterator[dict[str, Content]]:
        """Contents by product id, ascending, some hundreds at a time."""
        rows = self._database.execute("SELECT id, content, image_url FROM planned ORDER BY id")
        for window in batched(rows, WINDOW):
            yield {identity: (content, address) for identity, content, address in window}

    def unknown(self, ids: Sequence[str]) -> set[str]:
        """Those of some ids that the catalogue does not have."""
        marks = ", ".join("?" * len(ids))
        known = self._database.execute(
            f"SELECT id FROM planned WHERE id IN ({marks})",  # noqa: S608 - marks alone
            ids,
        )
        return set(ids) - {identity for (identity,) in known}


def content_of(payload: Mapping[str, Any]) -> Content:
    """What a stored point is made of."""
    return payload.get("content", ""), payload.get("image_url", "")


def _content(plan: PlannedPoint) -> Content:
    return content_of(plan.payload) if plan.has_text else ("", "")
