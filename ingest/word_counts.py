"""In how many products each word, brand, category and title is, kept up to date in a database.

What was counted for a product is kept, so that it can be subtracted when the product changes.
"""

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import orjson

from ingest.kept_database import KeptDatabase
from qdrant.vocabulary import NAME_KINDS, CountedName
from qdrant.words import WITHOUT_BLANKS, split_words

SCHEMA = (
    "CREATE TABLE counted (id TEXT PRIMARY KEY, texts BLOB) WITHOUT ROWID",
    "CREATE TABLE word (word TEXT PRIMARY KEY, count INTEGER) WITHOUT ROWID",
    "CREATE TABLE name (kind TEXT, text TEXT, count INTEGER, PRIMARY KEY (kind, text)) "
    "WITHOUT ROWID",
)
ADD_WORD = """
INSERT INTO word VALUES (?, ?)
ON CONFLICT (word) DO UPDATE SET count = count + excluded.count
"""
ADD_NAME = """
INSERT INTO name VALUES (?, ?, ?)
ON CONFLICT (kind, text) DO UPDATE SET count = count + excluded.count
"""
LONGEST_WORD = 40  # characters
LONGEST_NAME = 200
HELD = 100_000  # words and names whose counts are held in memory before they are written


class WordCounts:
    """Counts the words and names of products.

    Args:
        database: has the tables of `SCHEMA`.
    """

    def __init__(self, database: KeptDatabase) -> None:
        self._database = database
        self._words: Counter[str] = Counter()  # differences from what the database has
        self._names: Counter[tuple[str, str]] = Counter()

    def replace(self, products: Mapping[str, Mapping[str, list[str]]]) -> None:
        """Count the texts of some products in place of what was counted for them before.

        Args:
            products: their `searched_texts`, by id.
        """
        counted = {identity: _pack(texts) for identity, texts in products.items()}
        before = self._counted(counted)
        rows = []
        for identity, texts in counted.items():
            earlier = before.get(identity)
            if earlier != texts:
                if earlier:
                    self._count(earlier, -1)
                self._count(texts, 1)
                rows.append((identity, texts))
        self._database.run_many("INSERT OR REPLACE INTO counted VALUES (?, ?)", rows)
        self._flush_many()

    def remove(self, ids: Iterable[str]) -> None:
        """Subtract what was counted for some products."""
        before = self._counted(ids)
        for texts in before.values():
            self._count(texts, -1)
        self._database.run_many(
            "DELETE FROM counted WHERE id = ?", [(identity,) for identity in before]
        )
        self._flush_many()

    def flush(self) -> None:
        """Write the counts that are held in memory."""
        words = [(word, count) for word, count in sorted(self._words.items()) if count]
        names = [(*name, count) for name, count in sorted(self._names.items()) if count]
        self._database.run_many(ADD_WORD, words)
        self._database.run_many(ADD_NAME, names)
        self._database.run_many(
            "DELETE FROM word WHERE word = ? AND count <= 0",
            [(word,) for word, count in words if count < 0],
        )
        self._database.run_many(
            "DELETE FROM name WHERE kind = ? AND text = ? AND count <= 0",
            [(kind, text) for kind, text, count in names if count < 0],
        )
        self._words.clear()
        self._names.clear()

    def words(self, most: int) -> Iterator[tuple[str, int]]:
        """The most frequent words, and how many products have each."""
        query = "SELECT word, count FROM word ORDER BY count DESC, word LIMIT ?"
        yield from self._database.stream(query, (most,))

    def names(self, most: int) -> Iterator[CountedName]:
        """The most frequent names of each kind, those of most products first."""
        kinds = " UNION ALL ".join(
            f"SELECT * FROM (SELECT * FROM name WHERE kind = '{kind}' "  # noqa: S608 - our own
            f"ORDER BY count DESC, text LIMIT {most})"
            for kind in NAME_KINDS
        )
        query = f"SELECT kind, text, count FROM ({kinds}) ORDER BY count DESC"  # noqa: S608
        for row in self._database.stream(query):
            yield CountedName(*row)

    def _counted(self, ids: Iterable[str]) -> dict[str, bytes]:
        query = "SELECT id, texts FROM counted WHERE id IN (SELECT value FROM json_each(?))"
        return dict(self._database.run(query, (json.dumps(list(ids)),)))

    def _count(self, packed: bytes, difference: int) -> None:
        words, names = orjson.loads(zlib.decompress(packed))
        for word in words:
            self._words[word] += difference
        for kind, text in names:
            self._names[kind, text] += difference

    def _flush_many(self) -> None:
        if len(self._words) + len(self._names) > HELD:
            self.flush()


def _pack(texts: Mapping[str, list[str]]) -> bytes:
    """What is counted of a product's texts: its distinct words, and its names."""
    text = " ".join(text for values in texts.values() for text in values)
    words = sorted(filter(_is_word, set(split_words(text))))
    names = sorted(
        (kind, text)
        for kind in NAME_KINDS
        for text in set(texts[kind])
        if len(text) <= LONGEST_NAME
    )
    return zlib.compress(orjson.dumps([words, names]), level=1)


def _is_word(word: str) -> bool:
    """Whether a word is one by itself: a character of a script without blanks is not."""
    return len(word) <= LONGEST_WORD and (word.isascii() or not WITHOUT_BLANKS.match(word))
