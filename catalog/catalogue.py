"""The catalogue on disk: all products of one shop, their pictures, and the record of every attempt.

One SQLite file and one folder of pictures:

    HOME/catalog.sqlite       products, picture ledger, summaries, runs
    HOME/images/ab/ab12….jpg  pictures by content

`Catalogue` is made of a few parts, each a class over the same file: `catalog.database`,
`catalog.ledger`, `catalog.runs`, and the products and summaries here.
"""

# ruff: noqa: S608 - only our own column names are put into SQL; values are bound

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from catalog.database import Row
from catalog.errors import CatalogueError
from catalog.ledger import PictureLedger
from catalog.product import Product
from catalog.product_table import COLUMNS, SELECTED, product_of, row_of
from catalog.runs import RunLog
from pictures.store import PictureStore
from pictures.thumbnail import SIDE

ASKED = 500  # ids that one question names; SQLite's own limit is far above


@dataclass(frozen=True, slots=True)
class Upserted:
    """How many products of a batch were new, differed from what was there, or did not."""

    new: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A product with what the jobs made of it.

    Attributes:
        product: The product.
        picture: Hash of its picture in the store; None where there is none.
        summary: Its summary; None where there is none.
    """

    product: Product
    picture: str | None
    summary: str | None


class Catalogue(PictureLedger, RunLog):
    """The catalogue of one installation. Threads may share it; processes open their own."""

    def __init__(self, home: Path, *, create: bool = True, picture_side: int | None = None) -> None:
        """Open a catalogue.

        Args:
            home: The installation's folder.
            create: Make a catalogue where there is none.
            picture_side: The shortest side of kept pictures, in pixels: chosen when the catalogue
                is made (224 by default), and the same ever after.

        Raises:
            CatalogueError: It is absent, damaged, another program's, newer than this Vitrine, or
                keeps its pictures at another size.
        """
        super().__init__(home, create=create)
        try:
            self.picture_side = self._side(picture_side)
        except BaseException:
            self.close()
            raise
        self.pictures = PictureStore(home / "images", self.picture_side)

    def upsert(self, products: Iterable[Product], *, source: str = "", run: int = 0) -> Upserted:
        """Add products, or bring them up to date, in one transaction.

        A product whose images changed loses its picture; one whose words changed, its summary.

        Args:
            products: One batch, held in memory.
            source: The file they come from.
            run: The run that saw them there.
        """
        rows = [row_of(product) for product in products]
        counts = {"new": 0, "changed": 0, "unchanged": 0}
        columns = ", ".join(COLUMNS)
        assigned = ", ".join(f"{column} = ?" for column in COLUMNS[1:])
        with self._transaction() as connection:
            for row in rows:
                found = connection.execute(
                    f"SELECT source, run, {columns} FROM product WHERE id = ?", row[:1]
                ).fetchone()
                if found is None:
                    counts["new"] += 1
                    connection.execute(
                        f"INSERT INTO product ({columns}, source, run) "
                        f"VALUES ({', '.join('?' * len(COLUMNS))}, ?, ?)",
                        (*row, source, run),
                    )
                elif found[2:] != row:
                    counts["changed"] += 1
                    connection.execute(
                        f"UPDATE product SET {assigned}, source = ?, run = ? WHERE id = ?",
                        (*row[1:], source, run, row[0]),
                    )
                else:
                    counts["unchanged"] += 1
                    if found[:2] != (source, run):
                        connection.execute(
                            "UPDATE product SET source = ?, run = ? WHERE id = ?",
                            (source, run, row[0]),
                        )
        return Upserted(**counts)

    def prune(self, source: str, run: int) -> int:
        """Delete the products of a source that a run, which read all of it, did not see there."""
        with self._transaction() as connection:
            return connection.execute(
                "DELETE FROM product WHERE source = ? AND run <> ?", (source, run)
            ).rowcount

    def delete(self, ids: Iterable[str]) -> int:
        """Delete products, in one transaction. Gives how many there were."""
        rows = [(identity,) for identity in ids]
        with self._transaction() as connection:
            return connection.executemany("DELETE FROM product WHERE id = ?", rows).rowcount

    def get(self, ids: Iterable[str]) -> dict[str, Product]:
        """Products by id; ids that are not there are left out."""
        rows = self._select_in(f"SELECT {SELECTED} FROM product WHERE id IN", ids)
        return {row[0]: product_of(row) for row in rows}

    def products(self, *, category: str | None = None, after: str = "") -> Iterator[Product]:
        """Products by ascending id, those of one category or all.

        Writes may go on meanwhile; what they change is seen or not.

        Args:
            category: Only this one.
            after: Begin behind this id.
        """
        for entry in self.entries(category=category, after=after):
            yield entry.product

    def entries(self, *, category: str | None = None, after: str = "") -> Iterator[Entry]:
        """Products with picture and summary, in the order and manner of `products`."""
        where = "TRUE" if category is None else "product.category = ?"
        pages = self._pages(
            f"SELECT {SELECTED}, NULLIF(picture.hash, ''), summary.text FROM product "
            "LEFT JOIN picture ON picture.product = product.id "
            "LEFT JOIN product_summary ON product_summary.product = product.id "
            f"LEFT JOIN summary ON summary.digest = product_summary.digest WHERE {where}",
            () if category is None else (category,),
            after,
        )
        for row in pages:
            yield Entry(product_of(row), *row[len(COLUMNS) :])

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
        """Keep summaries, in one transaction. Products that are gone are passed over.

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
        """Summaries already made, by the digest of what was summarised."""
        return dict(self._select_in("SELECT digest, text FROM summary WHERE digest IN", digests))

    def summary_counts(self) -> dict[str, int]:
        """How many products of each category have a summary; categories without any are absent."""
        return dict(
            self._select(
                "SELECT category, COUNT(*) FROM product_summary "
                "JOIN product ON product.id = product_summary.product GROUP BY category"
            )
        )

    def _select_in(self, query: str, keys: Iterable[str]) -> list[Row]:
        keys = list(dict.fromkeys(keys))
        rows: list[Row] = []
        for start in range(0, len(keys), ASKED):
            asked = keys[start : start + ASKED]
            rows += self._select(f"{query} ({', '.join('?' * len(asked))})", asked)
        return rows

    def _side(self, asked: int | None) -> int:
        """The shortest side of kept pictures, written down when the catalogue is made."""
        kept = self._select("SELECT value FROM setting WHERE name = 'picture_side'")
        if not kept:
            with self._transaction() as connection:
                connection.execute(
                    "INSERT OR IGNORE INTO setting VALUES ('picture_side', ?)", (asked or SIDE,)
                )
            return self._side(asked)
        side = int(kept[0][0])
        if asked not in (None, side):
            raise CatalogueError(
                f"{self.home} keeps its pictures with a shortest side of {side} pixels, not "
                f"{asked}; name a new folder in VITRINE_HOME for a catalogue with larger ones."
            )
        return side
