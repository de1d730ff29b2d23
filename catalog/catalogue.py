"""The catalogue on disk: all products of one shop, their pictures, and the record of every attempt.

    HOME/catalog.sqlite       products, picture ledger, summaries, runs
    HOME/images/ab/ab12….jpg  pictures by content
    HOME/embedded/ab/ab12…    pictures that feeds contained, by content

`Catalogue` adds products and summaries to classes over the same file: `catalog.ledger`,
`catalog.runs` and `catalog.attributes`.
"""

# ruff: noqa: S608 - only our own column names are put into SQL; values are bound

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from catalog import CatalogError
from catalog.attributes import Attributes
from catalog.damage import is_hash, sound
from catalog.database import Row
from catalog.ledger import PictureLedger
from catalog.product import Product
from catalog.product_table import COLUMNS, SELECTED, WIDTH, checksum_of, product_of, row_of
from catalog.runs import RunLog
from pictures.embedded import EmbeddedPictures
from pictures.store import PictureStore
from pictures.thumbnail import SIDE

ORIGIN = "source, run, picture_folder, checksum"  # columns beside those of a product's fields
IDS_PER_QUERY = 500  # far below SQLite's limit
ENTRIES = (
    f"SELECT {SELECTED}, NULLIF(picture.hash, ''), summary.text, "
    "CASE WHEN picture.hash <> '' THEN picture.address END FROM product "
    "LEFT JOIN picture ON picture.product = product.id "
    "LEFT JOIN product_summary ON product_summary.product = product.id "
    "LEFT JOIN summary ON summary.digest = product_summary.digest WHERE"
)


@dataclass(frozen=True, slots=True)
class Upserted:
    """How many products of a batch were new, changed or unchanged."""

    new: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A product with the jobs' results.

    Attributes:
        product: The product.
        picture: Hash of its picture in the store, or None.
        summary: Its summary, or None.
        picture_address: Where its picture came from, or None.
    """

    product: Product
    picture: str | None
    summary: str | None
    picture_address: str | None


class Catalogue(PictureLedger, RunLog, Attributes):
    """The catalogue of one installation. Threads may share it; each process opens its own."""

    def __init__(self, home: Path, *, create: bool = True, picture_side: int | None = None) -> None:
        """Open a catalogue.

        Args:
            home: The installation's folder.
            create: Create a catalogue where there is none.
            picture_side: Shortest side of kept pictures, in pixels: fixed when the catalogue is
                created (`pictures.thumbnail.SIDE` by default).

        Raises:
            CatalogError: It is missing, damaged, another program's, newer than this Vitrine, or
                has another picture side.
        """
        super().__init__(home, create=create)
        try:
            self.picture_side = self._side(picture_side)
        except BaseException:
            self.close()
            raise
        self.pictures = PictureStore(home / "images", self.picture_side)
        self.embedded = EmbeddedPictures(home)

    def upsert(
        self,
        products: Iterable[Product],
        *,
        source: str = "",
        run: int = 0,
        picture_folder: str = "",
    ) -> Upserted:
        """Add or update products, in one transaction; idempotent.

        A product whose images changed loses its picture; one whose text changed, its summary.

        Args:
            products: One batch, held in memory.
            source: The file they come from.
            run: The run that read them there.
            picture_folder: The folder that their local pictures must lie in; empty for any.
        """
        rows = [row_of(product) for product in products]
        counts = {"new": 0, "changed": 0, "unchanged": 0}
        columns = ", ".join(COLUMNS)
        assigned = ", ".join(f"{column} = ?" for column in COLUMNS[1:])
        with self._transaction() as connection:
            for row in rows:
                origin = (source, run, picture_folder, checksum_of(row))
                found = self._select(
                    f"SELECT {ORIGIN}, {columns} FROM product WHERE id = ?", row[:1]
                )
                if not found:
                    counts["new"] += 1
                    connection.execute(
                        f"INSERT INTO product ({columns}, {ORIGIN}) "
                        f"VALUES ({', '.join('?' * len(row + origin))})",
                        (*row, *origin),
                    )
                elif found[0][len(origin) :] != row:
                    counts["changed"] += 1
                    connection.execute(
                        f"UPDATE product SET {assigned}, ({ORIGIN}) = (?, ?, ?, ?) WHERE id = ?",
                        (*row[1:], *origin, row[0]),
                    )
                else:
                    counts["unchanged"] += 1
                    if found[0][: len(origin)] != origin:
                        connection.execute(
                            f"UPDATE product SET ({ORIGIN}) = (?, ?, ?, ?) WHERE id = ?",
                            (*origin, row[0]),
                        )
        return Upserted(**counts)

    def prune(self, source: str, run: int) -> int:
        """Delete the products of a source that a run, which read all of it, did not find there."""
        with self._transaction() as connection:
            return connection.execute(
                "DELETE FROM product WHERE source = ? AND run <> ?", (source, run)
            ).rowcount

    def delete(self, ids: Iterable[str]) -> int:
        """Delete products, in one transaction. Returns how many there were."""
        rows = [(identity,) for identity in ids]
        with self._transaction() as connection:
            return connection.executemany("DELETE FROM product WHERE id = ?", rows).rowcount

    def get(self, ids: Iterable[str]) -> dict[str, Product]:
        """Products by id; unknown ids are left out, and damaged rows (`damaged`)."""
        rows = self._select_in(f"SELECT {SELECTED} FROM product WHERE id IN", ids)
        return {product.id: product for _, product in self._intact(rows, product_of)}

    def products(self, *, category: str | None = None, after: str = "") -> Iterator[Product]:
        """Products by ascending id, those of one category or all.

        Damaged rows are left out (`damaged`). Writes may go on meanwhile; their changes are
        included or not.

        Args:
            category: Only this one.
            after: Begin after this id.
        """
        for entry in self.entries(category=category, after=after):
            yield entry.product

    def entries(self, *, category: str | None = None, after: str = "") -> Iterator[Entry]:
        """Products with picture and summary, as `products` returns them."""
        where = "TRUE" if category is None else "product.category = ?"
        values = () if category is None else (category,)
        yield from self._entries(self._pages(f"{ENTRIES} {where}", values, after))

    def rows(self) -> Iterator[Row]:
        """The rows that `entries` parses, ascending by id, the first cell; `digest_of` is theirs.

        A row takes a third of the time of an entry.
        """
        yield from self._pages(f"{ENTRIES} TRUE", (), "")

    def parse(self, rows: Iterable[Row]) -> Iterator[Entry]:
        """The entries of some of `rows`; damaged rows are left out (`damaged`)."""
        yield from self._entries(rows)

    def entries_of(self, ids: Iterable[str]) -> list[Entry]:
        """Those of these products, as `entries` returns them; unknown ids are left out."""
        found = self._entries(self._select_in(f"{ENTRIES} product.id IN", ids))
        return sorted(found, key=lambda entry: entry.product.id)

    def _entries(self, rows: Iterable[Row]) -> Iterator[Entry]:
        for row, product in self._intact(rows, product_of):
            picture, summary, address = row[WIDTH:]
            picture = picture if is_hash(picture) else None
            yield Entry(product, picture, sound(summary), sound(address))

    def categories(self) -> dict[str, int]:
        """How many products each category has, by its name."""
        return dict(
            self._select(
                "SELECT category, COUNT(*) FROM product GROUP BY category ORDER BY category"
            )
        )

    def __len__(self) -> int:
        ((count,),) = self._select("SELECT COUNT(*) FROM product")
        return int(count)

    def save_summaries(self, summaries: Iterable[tuple[str, str, str]]) -> None:
        """Keep summaries, in one transaction. Deleted products are skipped.

        Args:
            summaries: Product id, digest of what was summarised, summary.
        """
        rows = list(summaries)
        with self._transaction() as connection:
            connection.executemany(
                "INSERT INTO summary VALUES (?, ?) "
                "ON CONFLICT (digest) DO UPDATE SET text = excluded.text",
                [(digest, text) for _, digest, text in rows],
            )
            connection.executemany(
                "INSERT INTO product_summary SELECT id, ? FROM product WHERE id = ? "
                "ON CONFLICT (product) DO UPDATE SET digest = excluded.digest",
                [(digest, identity) for identity, digest, _ in rows],
            )

    def summaries(self, digests: Iterable[str]) -> dict[str, str]:
        """Existing summaries, but for damaged ones, by the digest of what was summarised."""
        rows = self._select_in("SELECT digest, text FROM summary WHERE digest IN", digests)
        return {digest: text for digest, text in rows if sound(text)}

    def summary_counts(self) -> dict[str, int]:
        """How many products of each category have a summary; zeros are left out."""
        return dict(
            self._select(
                "SELECT category, COUNT(*) FROM product_summary "
                "JOIN product ON product.id = product_summary.product GROUP BY category"
            )
        )

    def _select_in(self, query: str, keys: Iterable[str]) -> list[Row]:
        keys = list(dict.fromkeys(keys))
        rows: list[Row] = []
        for start in range(0, len(keys), IDS_PER_QUERY):
            some = keys[start : start + IDS_PER_QUERY]
            rows += self._select(f"{query} ({', '.join('?' * len(some))})", some)
        return rows

    def _side(self, requested: int | None) -> int:
        """The shortest side of kept pictures, stored when the catalogue is created."""
        kept = self._select("SELECT value FROM setting WHERE name = 'picture_side'")
        if not kept:
            with self._transaction() as connection:
                connection.execute(
                    "INSERT OR IGNORE INTO setting VALUES ('picture_side', ?)", (requested or SIDE,)
                )
            return self._side(requested)
        side = int(kept[0][0])
        if requested not in (None, side):
            raise CatalogError(
                f"{self.home} keeps its pictures with a shortest side of {side} pixels, not "
                f"{requested}; name a new folder in VITRINE_HOME for a catalogue with larger ones."
            )
        return side
