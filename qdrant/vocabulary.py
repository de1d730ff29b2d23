"""The vocabulary of a collection: its words and names with their counts, in one SQLite file.

The file is kept in the folder of the variant whose collection it is of. It is made when the
collection is published, replaced in one step, and never changed. Misspelt words are corrected with
it, and what a person types is completed.
"""

import sqlite3
import threading
import unicodedata
import weakref
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qdrant.errors import StoreError
from qdrant.words import split_words

FILE = "vocabulary.sqlite"
VERSION = 1  # another one's file is made anew
NAME_KINDS = ("brand", "category", "title")
# Characters of the prefixes that have an index of their own: the shorter ones fit most names.
PREFIXES = "1 2 3"

# Names are numbered by descending count, so that the first found are the most frequent.
SCHEMA = f"""
CREATE TABLE made (version INTEGER, source TEXT);
CREATE TABLE word (word TEXT PRIMARY KEY, folded TEXT, term TEXT, count INTEGER) WITHOUT ROWID;
CREATE TABLE name (number INTEGER PRIMARY KEY, kind TEXT, text TEXT, count INTEGER);
CREATE VIRTUAL TABLE name_words USING fts5(
    kind, words, content='', columnsize=0, prefix='{PREFIXES}',
    tokenize='unicode61 remove_diacritics 0'
);
"""
INDEXES = """
CREATE INDEX word_term ON word (term);
CREATE INDEX word_folded ON word (folded, count);
"""


@dataclass(frozen=True, slots=True)
class CountedWord:
    """A word of the products' texts.

    Attributes:
        word: in lower case (`words.split_words`).
        term: what it is found by (`words.Words.terms`).
        count: products that have it.
    """

    word: str
    term: str
    count: int


@dataclass(frozen=True, slots=True)
class CountedName:
    """A brand, a category or a title.

    Attributes:
        kind: one of `NAME_KINDS`.
        text: as the shop writes it.
        count: products that have it.
    """

    kind: str
    text: str
    count: int


class VocabularyError(StoreError):
    """A vocabulary that is missing, damaged, or of another version."""


def write_vocabulary(
    path: Path, source: str, words: Iterable[CountedWord], names: Iterable[CountedName]
) -> None:
    """Make or replace a vocabulary; a reader finds the old one or the new one.

    Args:
        path: of the file.
        source: `Collection.source` of the collection that it is of.
        words: each once.
        names: those of most products first.

    Raises:
        VocabularyError: it cannot be written.
    """
    unfinished = path.with_name(f"{path.name}.new")
    try:
        unfinished.unlink(missing_ok=True)
        with closing(sqlite3.connect(unfinished)) as database:
            database.executescript(f"PRAGMA journal_mode = OFF; {SCHEMA}")
            database.execute("INSERT INTO made VALUES (?, ?)", (VERSION, source))
            rows = ((each.word, folded(each.word), each.term, each.count) for each in words)
            database.executemany("INSERT INTO word VALUES (?, ?, ?, ?)", rows)
            for number, name in enumerate(names, start=1):
                row = number, name.kind, name.text, name.count
                database.execute("INSERT INTO name VALUES (?, ?, ?, ?)", row)
                database.execute(
                    "INSERT INTO name_words (rowid, kind, words) VALUES (?, ?, ?)",
                    (number, name.kind, " ".join(split_words(folded(name.text)))),
                )
            database.executescript(INDEXES)
            database.commit()
        unfinished.replace(path)
    except (sqlite3.Error, OSError) as error:
        raise VocabularyError(f"The vocabulary {path} cannot be written: {error}.") from None


class Vocabulary:
    """Reads a vocabulary; threads may share it.

    The file stays open: to open it takes ten times as long as to look a word up.

    Args:
        path: of the file, which may be replaced at any time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._opened: tuple[object, sqlite3.Connection] | None = None
        self._close: Callable[[], object] = lambda: None

    def state(self) -> tuple[int, int] | None:
        """Return what differs between two files; None where there is none."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns

    def source(self) -> str:
        """Return the source of the collection that it is of; empty where it is of no use."""
        try:
            [(version, source)] = self._select("SELECT version, source FROM made")
        except (VocabularyError, ValueError):
            return ""
        return str(source) if version == VERSION else ""

    def known(self, terms: Collection[str]) -> set[str]:
        """Return those of some terms, at most 100, that a product has a word of."""
        query = f"SELECT DISTINCT term FROM word WHERE term IN ({_marks(terms)})"  # noqa: S608
        return {term for (term,) in self._select(query, [*terms])}

    def counts(self, words: Collection[str]) -> dict[str, int]:
        """Return the number of products that have a word in just this form, at most 100 words."""
        query = f"SELECT word, count FROM word WHERE word IN ({_marks(words)})"  # noqa: S608
        return dict(self._select(query, [*words]))

    def words(self, shortest: int, most: int) -> dict[str, int]:
        """Return the most frequent words without digits, with their counts.

        Args:
            shortest: their least number of characters.
            most: how many.
        """
        return dict(
            self._select(
                "SELECT word, count FROM word WHERE length(word) >= ? AND word NOT GLOB '*[0-9]*' "
                "ORDER BY count DESC, word LIMIT ?",
                (shortest, most),
            )
        )

    def completions(self, prefix: str, most: int) -> list[tuple[str, int]]:
        """Return the most frequent words that begin with a prefix, with their counts.

        "mob" begins "möbel" too, and "möb" no "mobile".
        """
        start = folded(prefix)
        return self._select(
            "SELECT word, count FROM word WHERE folded >= ? AND folded < ? AND "
            "(? OR word LIKE ? ESCAPE '\\') ORDER BY count DESC, word LIMIT ?",
            (start, f"{start}\U0010ffff", start == prefix, f"{prefix}%", most),
        )

    def names(self, kind: str, typed: Sequence[str], most: int) -> list[CountedName]:
        """Return the most frequent names of a kind that have all of some words.

        Args:
            kind: one of `NAME_KINDS`.
            typed: words, or runs of a script without blanks; the last one is a prefix.
            most: how many.
        """
        phrases = [" ".join(split_words(folded(each))) for each in typed]
        matching = " ".join(f'"{phrase}"' for phrase in phrases if phrase)
        if not matching:
            return []
        rows = self._select(
            "SELECT name.kind, text, count FROM name_words JOIN name ON number = name_words.rowid "
            "WHERE name_words MATCH ? ORDER BY name_words.rowid LIMIT ?",
            (f"kind : {kind} AND words : ({matching} *)", most),
        )
        return [CountedName(*row) for row in rows]

    def _select(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        try:
            with self._lock:
                return self._database().execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise VocabularyError(f"The vocabulary {self.path} cannot be read: {error}.") from None

    def _database(self) -> sqlite3.Connection:
        """The file as it is now, opened when it was replaced."""
        state = self.state()
        if self._opened is None or self._opened[0] != state:
            self._close()
            self._opened = None
            address = f"{self.path.absolute().as_uri()}?mode=ro&immutable=1"
            database = sqlite3.connect(address, uri=True, check_same_thread=False)
            self._close = weakref.finalize(self, database.close)
            self._opened = state, database
        return self._opened[1]


def _marks(values: Collection[str]) -> str:
    return ", ".join("?" * len(values))


def folded(text: str) -> str:
    """Return a text in lower case and without diacritics."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize(
        "NFKC", "".join(part for part in parts if not unicodedata.combining(part))
    )
