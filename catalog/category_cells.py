"""Category paths from the columns of a row."""

import re
from collections.abc import Callable, Sequence

from catalog import values
from catalog.cells import Row, cell_of, remembering
from catalog.matching import STEPS, Matching

Paths = tuple[tuple[str, ...], ...]


class CategoryCells:
    """Reads category paths: of one column, or of several that hold the steps of one path."""

    def __init__(self, matching: Matching) -> None:
        self._matching = matching
        self._language = matching.language
        self._path_readers: dict[str, Callable[[object], Paths]] = {}

    def read(self, row: Row, columns: Sequence[str]) -> tuple[Paths, list[str]]:
        """The category paths of a row, and the columns that they were read from.

        Args:
            row: the record.
            columns: best first; "a+b" are the steps of one path.
        """
        used: list[str] = []
        found: Paths = ()
        for column in columns:
            if len(found) == 1 and len(found[0]) > 1:
                break
            paths = (
                self._path_of_steps(row, column)
                if STEPS in column and column not in row
                else self._paths(column, cell_of(row, column))
            )
            # a department, and in another column the whole path
            if paths and (not found or paths[0][: len(found[0])] == found[0] != paths[0]):
                found = paths
                used.append(column)
        return found, used

    def _path_of_steps(self, row: Row, columns: str) -> Paths:
        steps: tuple[str, ...] = ()
        for column in columns.split(STEPS):
            for path in self._paths(column, cell_of(row, column))[:1]:
                steps = path if path[: len(steps)] == steps else steps + path
        return (steps,) if steps else ()

    def _paths(self, column: str, cell: object) -> Paths:
        if cell is None or cell == "":
            return ()
        if column not in self._path_readers:
            self._path_readers[column] = self._path_reader(column)
        return self._path_readers[column](cell)

    def _path_reader(self, column: str) -> Callable[[object], Paths]:
        """How the cells of a column become category paths."""
        convention = self._matching.convention
        lists = convention.category_lists if convention else ""
        steps = convention.category_steps if convention else ""
        slash = True if steps == "/" else self._matching.has_slash_paths(column)

        def read(cell: object) -> Paths:
            cell = values.parse_literal(cell)
            if steps == "," and isinstance(cell, str):
                cell = cell.split(",")
            items: Sequence[object] = [cell]
            if lists == "[]" and isinstance(cell, list):
                items = cell
            elif lists and isinstance(cell, str):  # within a name it comes after a backslash
                items = re.split(rf"(?<!\\){re.escape(lists)}", cell)
            paths = [
                path
                for item in items
                for path in values.category_paths(
                    item, self._language, separator=lists.strip("[]"), slash=slash
                )
            ]
            return tuple(  # without those that another of them begins with
                path
                for path in dict.fromkeys(paths)
                if not any(other != path and other[: len(path)] == path for other in paths)
            )

        return remembering(read)
