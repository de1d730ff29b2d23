"""The files of judges: HOME/judgements/QUERIES/JUDGE.qrels, one for each judge and query file.

They are TREC qrels, which `vitrine eval run --qrels` reads. Each judgement is written at once, by
replacing the whole file, under the lock of its folder.
"""

import re
from collections.abc import Callable
from pathlib import Path

from eval import EvalError
from eval.trec import format_qrels, read_qrels
from vitrine.command import describe
from vitrine.folder_lock import locked
from vitrine.whole_files import write_whole

FOLDER = "judgements"
SUFFIX = ".qrels"
JUDGE = re.compile(r"\w(?:[\w -]{0,38}\w)?")
GRADES = {2: "Relevant", 1: "Partly", 0: "Not"}

Grades = dict[str, dict[str, int]]  # grade by product by query


class Judges:
    """What people have judged of one file of queries.

    Args:
        home: the installation's folder.
        queries: the file's name in the installation's folder of queries.

    Raises:
        EvalError: it is no file's name.
    """

    def __init__(self, home: Path, queries: str) -> None:
        if Path(queries).name != queries or queries in ("", ".", ".."):
            raise EvalError(f"“{queries[:80]}” is no name of a query file.")
        self.home = home
        self.folder = home / FOLDER / queries

    def names(self) -> list[str]:
        """Who has judged, in alphabetical order."""
        return sorted(file.stem for file in self.folder.glob(f"*{SUFFIX}"))

    def read(self, judge: str) -> Grades:
        """A judge's grades; none where nothing is judged yet.

        Raises:
            EvalError: the name cannot be one, or the file is damaged.
        """
        path = self._path(judge)
        return read_qrels(path) if path.exists() else {}

    def read_all(self) -> dict[str, Grades]:
        """The grades of every judge.

        Raises:
            EvalError: a file is damaged.
        """
        return {judge: self.read(judge) for judge in self.names()}

    def write(self, judge: str, query: str, product: str, grade: int | None) -> int | None:
        """Write a judgement.

        Args:
            judge: who judged.
            query: its id.
            product: its id.
            grade: of `GRADES`; None removes the judgement there was.

        Returns:
            The grade there was before.

        Raises:
            EvalError: it cannot be written; the file is as it was.
        """
        before: int | None = None

        def change(grades: Grades) -> None:
            nonlocal before
            of_query = grades.setdefault(query, {})
            before = of_query.pop(product, None)
            if grade is not None:
                of_query[product] = grade

        self._change(judge, change)
        return before

    def _change(self, judge: str, change: Callable[[Grades], None]) -> None:
        path = self._path(judge)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with locked(self.folder):
                grades = self.read(judge)
                change(grades)
                if text := format_qrels(grades):
                    write_whole(path, text)
                else:
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise EvalError(
                f"The judgement is not kept: {path} cannot be written: {describe(error)}."
            ) from None

    def _path(self, judge: str) -> Path:
        """The file of a judge.

        Raises:
            EvalError: the name cannot be one.
        """
        if not JUDGE.fullmatch(judge):
            raise EvalError(
                f"“{judge[:60]}” cannot be a judge’s name: use up to 40 letters, digits, spaces "
                "and hyphens."
            )
        return self.folder / f"{judge}{SUFFIX}"
