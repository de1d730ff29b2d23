"""What every product's point is made of, kept between runs, so that a run parses what has changed.

    variants/NAME/contents.sqlite

One pass over the rows of the catalogue compares their digests with those of the last run. A row
that is as it was is not parsed: the keys of its vectors and the content of its point are here. The
file repeats what the catalogue holds. It is made anew where it is missing or damaged, and where the
variant, a setting or the program makes other points of the same rows.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from catalog.catalogue import Entry
from catalog.database import Row
from catalog.product import Product
from catalog.product_table import digest_of
from catalog.searched_texts import searched_texts
from ingest.embedding import Keys, input_of, inputs_of
from ingest.kept_database import KeptDatabase
from ingest.projection import Projection
from ingest.word_counts import SCHEMA as COUNTED_SCHEMA
from ingest.word_counts import WordCounts
from vitrine import Closing
from vitrine.batches import batched
from vitrine.progress import progress_bar

FILE = "contents.sqlite"
VERSION = 1  # another one's file is made anew
WINDOW = 1000  # products that are looked up together
COMMITTED = 16  # windows with changes in one transaction: each waits for the disk
SCHEMA = (
    "CREATE TABLE published (digest TEXT)",
    """
    CREATE TABLE content (
        id TEXT PRIMARY KEY,
        row BLOB,            -- digest of the catalogue's row
        text_key BLOB,       -- keys of the vectors
        image_key BLOB,      -- NULL without a picture
        has_text INTEGER,    -- whether the vectors are kept; without the text's there is no point
        has_image INTEGER,
        content TEXT,        -- of the point
        image_url TEXT,
        changed INTEGER,     -- whether the published point is another one
        has_point INTEGER    -- whether one is published
    ) WITHOUT ROWID
    """,
    "CREATE INDEX changed_content ON content (id) WHERE changed",
    "CREATE TABLE gone (id TEXT PRIMARY KEY) WITHOUT ROWID",  # points whose product is gone
)
# Whether a collection has another point than it should have.
DIFFERS = """
CASE WHEN has_text THEN NOT EXISTS (
    SELECT 1 FROM stored WHERE stored.id = content.id
    AND stored.content = content.content AND stored.image_url = content.image_url
) ELSE has_point END
"""
# Of which points are made to find out whether the program still makes the same ones.
SAMPLES = (
    Entry(Product("1", "mug"), None, None, None),
    Entry(
        Product(
            *("2", "Ärmelloses Kleid №2", "Kleider", "Für den Sommer: 100 % Baumwolle, 30 °C."),
            features=("waschbar", "ohne Ärmel"),
            attributes={"Farbe": "rot", "Länge": 1.25, "Bügelfrei": True},
            brand="O’Neill & Söhne",
            price=10.5,
            rating=4.5,
            rating_count=7,
            link="https://shop.example/2",
            parent="0",
            images=("https://shop.example/2.jpg",),
            sku="K-2",
            gtin="04006381333931",
            currency="EUR",
            list_price=12.0,
            categories=(("Kleider", "Sommer"), ("Neu",)),
            in_stock=True,
            released="2025-02-28",
        ),
        "ab" * 32,
        "Ein leichtes Kleid.",
        "https://shop.example/2.jpg",
    ),
)

Content = tuple[str, str]  # `PlannedPoint.content` and the payload's `image_url`


class Contents(Closing):
    """The content of every point of a projection.

    Args:
        projection: the points.
        anew: make the file anew.

    Attributes:
        digest: of all points, after `settle`: a collection built from an equal one needs no
            rebuilding.
        published: the digest of the points that `written` and `deleted` are relative to; empty
            where that is not known.
        pictured: whether one of them has a picture, after `settle`.

    Raises:
        IngestError: in every method, where the file cannot be read or written.
    """

    def __init__(self, projection: Projection, *, anew: bool = False) -> None:
        self.digest = ""
        self.pictured = False
        self._projection = projection
        path = projection.variant.folder / FILE
        schema = (*SCHEMA, *COUNTED_SCHEMA)
        self._database = KeptDatabase(path, schema, _state_of(projection), anew=anew)
        self.counts = WordCounts(self._database)
        found = self._database.run("SELECT digest FROM published")
        self.published = found[0][0] if found else ""

    def close(self) -> None:
        """Close the file; what was not completed has no effect."""
        self._database.close()

    def refresh(self) -> None:
        """Bring the file to what the catalogue holds now."""
        catalogue = self._projection.catalogue
        after, open_windows = "", 0
        with progress_bar("products", len(catalogue)) as advance:
            for window in batched(catalogue.rows(), WINDOW):
                after = self._compare_rows(window, after)
                open_windows += self._database.in_transaction
                if open_windows == COMMITTED:
                    self._commit()
                    open_windows = 0
                advance(len(window))
        while gone := self._database.run(
            "SELECT id FROM content WHERE id > ? LIMIT ?", (after, WINDOW)
        ):
            self._remove([identity for (identity,) in gone])
        self._commit()

    def keys(self) -> Iterator[list[Keys]]:
        """The keys of every product's vectors, ascending by id, some hundreds at a time."""
        for rows in self._windows("text_key, image_key"):
            yield [Keys(*row) for row in rows]

    def settle(self) -> None:
        """Bring the contents to the vectors that are kept now, and compute `digest`."""
        kept = self._projection.kept
        total = hashlib.sha256(self._projection.public_url.encode())
        for rows in self._windows("text_key, image_key, has_text, has_image, content"):
            texts = kept.texts.has([row[1] for row in rows])
            images = kept.images.has([row[2] or b"" for row in rows])
            self.pictured |= bool((texts & images).any())
            contents = {row[0]: row[5] if row[3] else "" for row in rows}
            other = [
                row[0]
                for row, *found in zip(rows, texts.tolist(), images.tolist(), strict=True)
                if found != [bool(row[3]), bool(row[4])]
            ]
            contents |= self._plan_again(other)
            total.update("".join(contents.values()).encode())
        self._commit()
        self.digest = total.hexdigest()[:16]

    def compare(self, published: str, stored: Iterable[tuple[str, str, str]]) -> None:
        """Find out what differs from a collection.

        Args:
            published: its digest.
            stored: the product id and the content of each of its points.
        """
        self._set_published("")
        run = self._database.run
        run("CREATE TEMP TABLE stored (id TEXT PRIMARY KEY, content, image_url) WITHOUT ROWID")
        for rows in batched(stored, WINDOW):
            self._database.run_many("INSERT OR REPLACE INTO stored VALUES (?, ?, ?)", rows)
        run(
            "UPDATE content SET has_point = NOT has_point "
            "WHERE has_point <> (id IN (SELECT id FROM stored))"
        )
        run(f"UPDATE content SET changed = NOT changed WHERE changed <> ({DIFFERS})")  # noqa: S608
        run("DELETE FROM gone")
        run("INSERT INTO gone SELECT id FROM stored WHERE id NOT IN (SELECT id FROM content)")
        run("DROP TABLE stored")
        self._set_published(published)

    def changes(self) -> tuple[int, int]:
        """How many points are to be written, and how many to be deleted."""
        [(written, deleted)] = self._database.run(
            "SELECT COALESCE(SUM(has_text), 0), COALESCE(SUM(has_point AND NOT has_text), 0) "
            "FROM content WHERE changed"
        )
        [(gone,)] = self._database.run("SELECT COUNT(*) FROM gone")
        return written, deleted + gone

    def written(self) -> Iterator[str]:
        """The ids of the products whose points are to be written, ascending."""
        for rows in self._windows("has_text", "changed"):
            yield from (identity for identity, has_text in rows if has_text)

    def deleted(self) -> Iterator[str]:
        """The ids of the points to be deleted."""
        for rows in self._windows("has_text, has_point", "changed"):
            yield from (identity for identity, has_text, has_point in rows if has_point > has_text)
        yield from (identity for (identity,) in self._database.run("SELECT id FROM gone"))

    def mark_published(self) -> None:
        """Record that a collection of `digest` is published."""
        self._database.run("UPDATE content SET has_point = has_text WHERE has_point <> has_text")
        self._database.run("UPDATE content SET changed = 0 WHERE changed")
        self._database.run("DELETE FROM gone")
        self._set_published(self.digest)

    def _compare_rows(self, window: Sequence[Row], after: str) -> str:
        """Bring one window of the catalogue's rows into the file. Returns its last id.

        Args:
            window: the rows.
            after: the last id of the window before.
        """
        digests = {row[0]: digest_of(row) for row in window if type(row[0]) is str}
        last = next(reversed(digests), after)
        same: set[str] = set()
        page: list[Row] = []
        while not page or len(page) == 2 * WINDOW:
            page = self._database.run(
                "SELECT id, row FROM content WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
                (after, last, 2 * WINDOW),
            )
            if not page:
                break
            after = page[-1][0]
            same.update(identity for identity, row in page if digests.get(identity) == row)
            self._remove([identity for identity, _ in page if identity not in digests])
        if other := [row for row in window if row[0] not in same]:
            self._replace(other, digests)
        return last

    def _replace(self, rows: Sequence[Row], digests: Mapping[str, bytes]) -> None:
        """Write what products are made of whose rows are new, have changed, or are damaged."""
        earlier = self._earlier([row[0] for row in rows])
        variant = self._projection.variant
        written = []
        entries = list(self._projection.catalogue.parse(rows))
        for entry in entries:
            each = input_of(entry, variant)
            plan = self._projection.plan(each)
            content, flags = content_of(plan.payload), earlier.get(plan.id, (None, ()))[1]
            if earlier.get(plan.id, (None,))[0] != content:
                has_point = flags[3] if flags else self._had_point(plan.id)
                flags = (1, int(each.image_key is not None), int(bool(self.published)), has_point)
            row = (plan.id, digests[plan.id], each.text_key, each.image_key, *flags[:2])
            written.append((*row, *content, *flags[2:]))
        self._database.run_many(
            "INSERT OR REPLACE INTO content VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", written
        )
        self.counts.replace({entry.product.id: searched_texts(entry.product) for entry in entries})
        self._remove(earlier.keys() - {entry.product.id for entry in entries})

    def _earlier(self, ids: Sequence[str]) -> dict[str, tuple[Content, tuple[int, ...]]]:
        """Content and flags of those of some products that are in the file."""
        rows = self._database.run(
            "SELECT id, content, image_url, has_text, has_image, changed, has_point FROM content "
            "WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(ids),),
        )
        return {row[0]: ((row[1], row[2]), row[3:]) for row in rows}

    def _had_point(self, identity: str) -> int:
        """Whether a product that is new in the catalogue has a point, of before it was deleted.

        Where it is not known what is published, it has one until `compare` looks.
        """
        if not self.published:
            return 1
        return len(self._database.run("DELETE FROM gone WHERE id = ? RETURNING 1", (identity,)))

    def _remove(self, ids: Iterable[str]) -> None:
        """Remove products; their points are to be deleted."""
        rows = [(identity,) for identity in ids]
        if not rows:
            return
        self._database.run_many(
            "INSERT OR IGNORE INTO gone SELECT id FROM content WHERE id = ? AND has_point", rows
        )
        self._database.run_many("DELETE FROM content WHERE id = ?", rows)
        self.counts.remove([identity for (identity,) in rows])

    def _plan_again(self, ids: Sequence[str]) -> dict[str, str]:
        """Write what products are made of for which other vectors are kept; their contents."""
        found: dict[str, str] = {}
        projection = self._projection
        for window in inputs_of(projection.catalogue, projection.variant, ids):
            for each, plan in zip(window, projection.planned(window), strict=True):
                content, address = content_of(plan.payload)
                self._database.run(
                    "UPDATE content SET text_key = ?, image_key = ?, has_text = ?, has_image = ?, "
                    "content = ?, image_url = ?, changed = ? WHERE id = ?",
                    (
                        *(each.text_key, each.image_key),
                        *(plan.has_text, plan.image_key is not None),
                        *(content, address, bool(self.published), plan.id),
                    ),
                )
                found[plan.id] = content if plan.has_text else ""
        return found

    def _windows(self, columns: str, where: str = "TRUE") -> Iterator[list[Row]]:
        """Rows of the contents: the id and some columns, ascending, some hundreds at a time."""
        query = (
            f"SELECT id, {columns} FROM content "  # noqa: S608 - our own column names alone
            f"WHERE {where} AND id > ? ORDER BY id LIMIT {WINDOW}"
        )
        after = ""
        while rows := self._database.run(query, (after,)):
            yield rows
            after = rows[-1][0]

    def _commit(self) -> None:
        self.counts.flush()
        self._database.commit()

    def _set_published(self, digest: str) -> None:
        if self.published != digest or self._database.in_transaction:
            self._database.run("DELETE FROM published")
            self._database.run("INSERT INTO published VALUES (?)", (digest,))
            self._commit()
            self.published = digest


def content_of(payload: Mapping[str, Any]) -> Content:
    """What a point is made of, by its payload or these two facts of it."""
    return payload.get("content", ""), payload.get("image_url", "")


def _state_of(projection: Projection) -> str:
    """A digest of all but the rows that the contents depend on, the program among it."""
    variant = projection.variant
    samples = [input_of(entry, variant) for entry in SAMPLES]
    made = [
        [each.text_key.hex(), projection.plan(each).payload, searched_texts(each.entry.product)]
        for each in samples
    ]
    facts = [VERSION, variant.fingerprint, projection.words.facts(), projection.filters]
    written = json.dumps([*facts, projection.public_url, made], sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()
