"""The picture ledger: the outcome of the last attempt to get each product's picture.

    stored    the picture is in the store under its hash
    failed    none of the product's addresses has one; reason and sentence say why
    none      the product has no address
    (no row)  not tried yet

A row is valid for the addresses and the local files that it was made from, its stamp. Where these
change, the product is tried again.
"""

# ruff: noqa: S608 - only our own column names are put into SQL; values are bound

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self

from catalog.damage import is_hash
from catalog.database import Database
from catalog.product import Product
from catalog.product_table import SELECTED, WIDTH, product_of
from pictures.embedded import PREFIX
from pictures.errors import PictureError, shorten
from pictures.sources import is_local, is_outside
from pictures.store import StoredPicture

Outcome = Literal["stored", "failed", "none"]


def picture_stamp(product: Product, folder: str = "") -> str:
    """Digest of a product's picture addresses, and size and time of the local files among them.

    Compute it before the files are read: a file that changes meanwhile is then read again.

    Args:
        product: The product.
        folder: The folder that its local pictures must lie in; empty for any. Files outside are
            not looked at.
    """
    digest = hashlib.blake2b(digest_size=16)
    for address in product.images:
        digest.update(address.encode("utf-8", "surrogatepass") + b"\0")
        if is_outside(address, folder):
            digest.update(b"outside\0")
        elif is_local(address):
            try:
                status = Path(address).stat()
            except (OSError, ValueError):  # missing, or no valid path
                digest.update(b"absent\0")
            else:
                digest.update(f"{status.st_size} {status.st_mtime_ns}\0".encode())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class PendingPicture:
    """A product whose picture is to be imported.

    Attributes:
        product: The product.
        folder: The folder that its local pictures must lie in; empty for any.
    """

    product: Product
    folder: str

    def stamp(self) -> str:
        """`picture_stamp` of the product now."""
        return picture_stamp(self.product, self.folder)


@dataclass(frozen=True, slots=True)
class PictureOutcome:
    """The outcome of one attempt.

    Attributes:
        product: The product's id.
        outcome: "stored" or "failed"; "none" is written by the catalogue itself.
        stamp: `picture_stamp` from before the attempt.
        address: The address of the picture, or of the failure.
        reason: A few fixed words, for counting.
        sentence: What happened.
        hash: The picture in the store; empty unless stored.
        width: In pixels, as kept.
        height: In pixels, as kept.
        bytes: As kept.
    """

    product: str
    outcome: Outcome
    stamp: str
    address: str = ""
    reason: str = ""
    sentence: str = ""
    hash: str = ""
    width: int = 0
    height: int = 0
    bytes: int = 0

    @classmethod
    def stored(cls, product: Product, address: str, picture: StoredPicture, stamp: str) -> Self:
        """The outcome for a picture that is in the store."""
        return cls(
            product.id,
            "stored",
            stamp,
            _recorded(address),
            hash=picture.hash,
            width=picture.width,
            height=picture.height,
            bytes=picture.bytes,
        )

    @classmethod
    def failed(cls, product: Product, address: str, error: PictureError, stamp: str) -> Self:
        """The outcome for a picture that cannot be fetched, read or decoded."""
        return cls(product.id, "failed", stamp, _recorded(address), error.reason, error.sentence)


@dataclass(frozen=True, slots=True)
class PictureFailures:
    """The failures for one reason: how many, and one of their sentences."""

    reason: str
    count: int
    example: str


@dataclass(frozen=True, slots=True)
class FailedPicture:
    """A product whose picture failed: why, which, and what happened."""

    reason: str
    product: str
    title: str
    sentence: str


OUTCOME_COLUMNS = tuple(field.name for field in fields(PictureOutcome))


class PictureLedger(Database):
    """The part of the catalogue with the outcomes for pictures."""

    def pictures_pending(
        self, is_stored: Callable[[str], bool] = bool, *, retry_failed: bool = False
    ) -> Iterator[PendingPicture]:
        """Products whose picture is to be imported, by ascending id; each at most once.

        Never tried, changed since, or lost from the store.

        Args:
            is_stored: Takes a hash, returns whether the store has that picture; by default it does.
            retry_failed: Also those that failed and have not changed since.
        """
        pages = self._pages(
            f"SELECT {SELECTED}, picture_folder, outcome, stamp, hash FROM product "
            "LEFT JOIN picture ON picture.product = product.id WHERE product.images <> '[]'",
            (),
            after="",
        )
        for row, product in self._intact(pages, product_of):
            folder, outcome, stamp, digest = row[WIDTH:]
            pending = PendingPicture(product, str(folder))
            kept = is_hash(digest) and is_stored(digest)
            again = retry_failed if outcome == "failed" else not kept
            if outcome is None or again or stamp != pending.stamp():
                yield pending

    def record_pictures(self, outcomes: Iterable[PictureOutcome]) -> None:
        """Record outcomes, in one transaction. Deleted products are skipped."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        rows = [(*map(_storable, astuple(outcome)), now, outcome.product) for outcome in outcomes]
        assigned = ", ".join(f"{name} = excluded.{name}" for name in OUTCOME_COLUMNS[1:])
        with self._transaction() as connection:
            connection.executemany(
                f"INSERT INTO picture ({', '.join(OUTCOME_COLUMNS)}, attempts, updated) "
                f"SELECT {', '.join('?' * len(OUTCOME_COLUMNS))}, 1, ? "
                "WHERE EXISTS (SELECT 1 FROM product WHERE id = ?) "
                f"ON CONFLICT (product) DO UPDATE SET {assigned}, updated = excluded.updated, "
                "attempts = CASE WHEN stamp = excluded.stamp THEN attempts + 1 ELSE 1 END",
                rows,
            )

    def picture_counts(self) -> dict[str, dict[str, int]]:
        """How many pictures of each category are "stored", "pending", or missing for a reason."""
        counts: dict[str, dict[str, int]] = {}
        for category, state, count in self._select(
            "SELECT category, CASE WHEN outcome IS NULL THEN 'pending' "
            "WHEN outcome = 'stored' THEN 'stored' ELSE reason END AS state, COUNT(*) "
            "FROM product LEFT JOIN picture ON picture.product = product.id "
            "GROUP BY category, state ORDER BY category, COUNT(*) DESC, state"
        ):
            counts.setdefault(category, {})[state] = count
        return counts

    def picture_bytes(self) -> dict[str | None, int]:
        """Bytes of the stored pictures by category, and of all under None; deduplicated."""
        kept = "FROM picture JOIN product ON product.id = picture.product WHERE hash <> ''"
        return dict(
            self._select(
                f"SELECT category, SUM(bytes) FROM (SELECT DISTINCT category, hash, bytes {kept}) "
                "GROUP BY category UNION ALL "
                f"SELECT NULL, IFNULL(SUM(bytes), 0) FROM (SELECT DISTINCT hash, bytes {kept})"
            )
        )

    def picture_hashes(self, prefix: str) -> set[str]:
        """The hashes of the products' pictures that begin with these digits."""
        rows = self._select("SELECT hash FROM picture WHERE hash GLOB ? || '*'", (prefix,))
        return {row[0] for row in rows}

    def embedded_pictures(self) -> set[str]:
        """The hashes of the embedded pictures that products name."""
        rows = self._select(
            "SELECT DISTINCT SUBSTR(value, ?) FROM product, JSON_EACH(product.images) "
            "WHERE value GLOB ? || '*'",
            (len(PREFIX) + 1, PREFIX),
        )
        return {row[0] for row in rows}

    def identical_pictures(self) -> int:
        """How many products share a picture with an earlier product, byte for byte."""
        query = "SELECT COUNT(*) - COUNT(DISTINCT hash) FROM picture WHERE outcome = 'stored'"
        return int(self._select(query)[0][0])

    def picture_failures(self) -> list[PictureFailures]:
        """The failures by reason, the most frequent first."""
        rows = self._select(
            "SELECT reason, COUNT(*), MIN(sentence) FROM picture WHERE outcome = 'failed' "
            "GROUP BY reason ORDER BY COUNT(*) DESC, reason"
        )
        return [PictureFailures(*row) for row in rows]

    def failed_pictures(self, most: int) -> list[FailedPicture]:
        """Failures with their products, at most so many of a reason; by reason and product id."""
        rows = self._select(
            "SELECT reason, id, title, sentence FROM (SELECT *, ROW_NUMBER() OVER "
            "(PARTITION BY reason ORDER BY product) AS place FROM picture WHERE outcome = 'failed')"
            " JOIN product ON id = product WHERE place <= ? ORDER BY reason, id",
            [most],
        )
        return [FailedPicture(*row) for row in rows]


def _recorded(address: str) -> str:
    """An address as it is recorded: of a data: address, which is a whole picture, the beginning."""
    return shorten(address) if address[:5].casefold() == "data:" else address


def _storable(value: str | int) -> str | int:
    """A value that SQLite can store: the name of a file on Unix need not be valid text."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
