"""The folder of an installation's query files, HOME/queries: read, added to, listed."""

import hashlib
import io
import os
import re
from collections.abc import Iterable
from pathlib import Path

from PIL.Image import Image

from catalog.catalogue import Catalogue
from eval import EvalError
from eval.queries import LabelledQuery, QuerySet
from eval.query_files import EXCEL, JSON_LINES, TREC, read_queries, write_queries
from eval.trec import read_topics
from pictures.sources import is_local
from vitrine.command import describe
from vitrine.folder_lock import locked
from vitrine.text import fold

FOLDER = "queries"
TYPED = "typed.jsonl"  # the queries that were typed on the page
SEARCHED = "searched.jsonl"  # those of the log of searches
PICTURES = "typed_pictures"
UNFIT = re.compile(r"[^\w.-]+")
SUFFIXES = (*JSON_LINES, *TREC, *EXCEL)
MAX_BYTES = 64 * 2**20  # a file of some hundred thousand queries


class QueryFolder:
    """Query files of an installation, by name.

    Args:
        home: the installation's folder.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self.folder = home / FOLDER

    def names(self) -> list[str]:
        """The names of the files that can be read as queries, in alphabetical order."""
        if not self.folder.is_dir():
            return []
        return sorted(file.name for file in self.folder.iterdir() if _is_query_file(file))

    def path(self, name: str) -> Path:
        """The file of a name.

        Raises:
            EvalError: there is none in the folder.
        """
        if name not in self.names():
            raise EvalError(
                f"There is no query file “{name[:80]}” in the folder {FOLDER} of the installation."
            )
        return self.folder / name

    def read(self, name: str) -> QuerySet:
        """The queries of a file; topics need no qrels here.

        Raises:
            EvalError: it cannot be read, is too large, or names a picture outside the installation.
        """
        path = self.path(name)
        if (size := path.stat().st_size) > MAX_BYTES:
            raise EvalError(
                f"{name} has {size / 2**20:,.0f} MB; at most {MAX_BYTES // 2**20} are read here. "
                "Divide it."
            )
        if path.suffix.lower() in TREC:
            texts = read_topics(path)
            queries = QuerySet(
                path.stem, tuple(LabelledQuery(query, text) for query, text in texts.items())
            )
        else:
            with Catalogue(self._home, create=False) as catalogue:
                queries = read_queries(path, catalogue)
        self._check_pictures(name, queries)
        return queries

    def add(self, name: str, data: bytes) -> str:
        """Keep a file of queries; one of the same name is not replaced.

        Args:
            name: as it was uploaded; characters that no file should have are replaced.
            data: its bytes.

        Returns:
            The name that it has in the folder.

        Raises:
            EvalError: it cannot be read as queries, another file has its name, or it cannot be
                written.
        """
        fit = UNFIT.sub("-", Path(name).name).strip("-.")
        path = self.folder / fit
        if path.suffix.lower() not in SUFFIXES:
            raise EvalError(f"{fit} has no known form; take {', '.join(SUFFIXES)}.")
        if fit in self.names():
            if path.read_bytes() == data:
                return fit
            raise EvalError(f"There is another file {fit} already: rename yours.")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        except OSError as error:
            raise EvalError(f"{path} cannot be written: {describe(error)}.") from None
        try:
            self.read(fit)
        except EvalError:
            path.unlink()
            raise
        return fit

    def add_typed(self, text: str, picture: Image | None) -> tuple[str, str]:
        """Keep a query that was typed; the same one is kept once.

        Args:
            text: words.
            picture: RGB, of the side that a query needs; kept beside the file.

        Returns:
            The names of the file and of the query.

        Raises:
            EvalError: it cannot be written, or the file is damaged.
        """
        try:
            address = str(self._keep_picture(picture)) if picture else ""
        except OSError as error:
            raise EvalError(f"{self.folder} cannot be written: {describe(error)}.") from None
        [identity] = self._add(TYPED, [(text, address)])
        return TYPED, identity

    def add_searched(self, texts: Iterable[str]) -> str:
        """Keep queries of the log of searches, each once.

        Returns:
            The name of the file.

        Raises:
            EvalError: it cannot be written, or the file is damaged.
        """
        self._add(SEARCHED, [(text, "") for text in texts])
        return SEARCHED

    def _add(self, name: str, rows: Iterable[tuple[str, str]]) -> list[str]:
        """The ids of queries in a file, to which those are added that it lacks.

        Args:
            name: the file's.
            rows: words and the picture's address.
        """
        path = self.folder / name
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with locked(self.folder):
                queries = list(self.read(name)) if name in self.names() else []
                known = {(query.text, query.picture): query.id for query in queries}
                ids = []
                for text, address in rows:
                    key = fold(text), address
                    if key not in known:
                        known[key] = str(len(queries) + 1)
                        queries.append(LabelledQuery(known[key], text, address))
                    ids.append(known[key])
                write_queries(path, queries)
        except OSError as error:
            raise EvalError(f"{path} cannot be written: {describe(error)}.") from None
        return ids

    def _keep_picture(self, picture: Image) -> Path:
        """Write a picture as a file of the hash of its content."""
        data = io.BytesIO()
        picture.save(data, "PNG")
        folder = self.folder.resolve() / PICTURES
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{hashlib.sha256(data.getvalue()).hexdigest()[:16]}.png"
        path.write_bytes(data.getvalue())
        return path

    def version(self, name: str) -> tuple[int, int]:
        """What changes when a file does: its time of change, in ns, and its size.

        Raises:
            EvalError: there is none.
        """
        facts = self.path(name).stat()
        return facts.st_mtime_ns, facts.st_size

    def _check_pictures(self, name: str, queries: Iterable[LabelledQuery]) -> None:
        """Refuse local pictures outside the installation: who reads the page reads no other file.

        Raises:
            EvalError: a query names one.
        """
        inside = os.path.realpath(self._home)
        for query in queries:
            if query.picture and is_local(query.picture):
                real = os.path.realpath(query.picture)
                if os.path.commonpath([inside, real]) != inside:
                    raise EvalError(
                        f"{name}: the picture of the query {query.id} is not in the installation’s "
                        f"folder: copy it into {FOLDER}."
                    )


def _is_query_file(file: Path) -> bool:
    visible = not file.name.startswith(".")
    return visible and file.suffix.lower() in SUFFIXES and file.is_file()
