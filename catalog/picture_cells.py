"""Pictures from the columns of a row, and by patterns of their names."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from catalog import values
from catalog.cells import Cells, Row, cell_of
from catalog.conventions import Convention
from catalog.formats.archive import Archive
from catalog.patterns import Pattern, find_pattern
from catalog.values.picture_addresses import SCHEME
from pictures.data_address import is_data
from pictures.embedded import refused_address
from pictures.errors import PictureError

KeepPicture = Callable[[bytes | str], str]


class PictureCells:
    """Reads the addresses of pictures; those inside a row or an archive are kept first.

    Attributes:
        used: How many rows had pictures in each column, or by each pattern.
        spent: Columns that patterns took values from.
    """

    def __init__(
        self,
        chosen: Mapping[str, Sequence[str]],
        convention: Convention | None,
        folder: Path,
        keep_picture: KeepPicture,
        archive: Archive | None,
    ) -> None:
        """Make a reader; the arguments are those of `catalog.columns.ColumnMapping`."""
        self.used: Counter[str] = Counter()
        self.spent: set[str] = set()
        self._folder = folder
        self._keep_picture = keep_picture
        self._archive = archive if archive and archive.pictures else None
        self._kept: dict[str, str] = {}  # member of the archive → address
        self._patterns_chosen = "images" in chosen
        self._patterns = _patterns(chosen, convention, folder, self._archive)

    def read(
        self,
        row: Row,
        columns: Sequence[str],
        thumbnails: Sequence[str],
        identity: str,
        cells: Cells,
    ) -> list[str]:
        """The addresses of a row's pictures, best first.

        Args:
            row: the record.
            columns: of pictures.
            thumbnails: columns that are read where those have none.
            identity: the product's id, for patterns.
            cells: further cells with pictures, of other rows.
        """
        found: list[str | bytes] = []
        for column, cell in [
            *((each, cell_of(row, each)) for each in columns),
            *cells,
        ]:
            if cell is None or cell == "":
                continue
            located = values.addresses(cell, self._folder)
            if located:
                self.used[column] += 1
                found += located
        if self._patterns_chosen or not found:
            found += self._by_pattern(row, identity)
        if not found:
            for column in thumbnails:
                located = values.addresses(cell_of(row, column), self._folder)
                if located:
                    self.used[column] += 1
                    found += located
                    break
        return list(dict.fromkeys(map(self.keep, found)))

    def _by_pattern(self, row: Row, identity: str) -> list[str | bytes]:
        def cell(column: str) -> object:
            value = cell_of(row, column)
            return identity if value is None and column == "id" else value

        found: list[str | bytes] = []
        for pattern in self._patterns:
            written = pattern.addresses(cell)
            if written:
                self.used[pattern.written] += 1
                self.spent.update(pattern.columns)
                found += values.addresses(written, self._folder)
        return found

    def keep(self, picture: str | bytes) -> str:
        """A picture's address; one inside the row or the archive is kept first."""
        if isinstance(picture, bytes) or is_data(picture):
            return self._keep_picture(picture)
        return self._of_archive(picture) if self._archive else picture

    def _of_archive(self, address: str) -> str:
        """The address of a picture that may be a member of the archive."""
        path = address.removeprefix(f"{self._folder}/")
        member = self._archive.find(path) if self._archive and not SCHEME.match(path) else None
        if not (self._archive and member):
            return address
        if member.filename not in self._kept:
            try:
                kept = self._keep_picture(self._archive.read_picture(member))
            except PictureError as error:
                kept = refused_address(error.reason)
            self._kept[member.filename] = kept
        return self._kept[member.filename]


def _patterns(
    chosen: Mapping[str, Sequence[str]],
    convention: Convention | None,
    folder: Path,
    archive: Archive | None,
) -> list[Pattern]:
    if "images" in chosen:
        written = chosen["images"]
    elif convention:
        written = [
            each
            for each in convention.pictures
            if "://" in each
            or (folder / (begun := each.partition("{")[0])).is_dir()
            or (archive and archive.has_folder(begun))
        ]
    else:
        written = []
    return [pattern for each in written if (pattern := find_pattern(each))]
