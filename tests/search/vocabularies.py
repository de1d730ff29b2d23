"""A vocabulary of some products, for tests of spelling and suggestions."""

from collections import Counter
from pathlib import Path

from qdrant.vocabulary import FILE, CountedName, CountedWord, Vocabulary, write_vocabulary
from qdrant.word_settings import WordSettings
from qdrant.words import Words, split_words

WORDS = Words(WordSettings("en"))


def make(folder: Path, titles: dict[str, int], brands: dict[str, int] | None = None) -> Vocabulary:
    """The vocabulary of so many products of each title and each brand."""
    counts: Counter[str] = Counter()
    for title, count in titles.items():
        counts.update(dict.fromkeys(split_words(title), count))
    words = [CountedWord(word, WORDS.terms(word)[0], count) for word, count in counts.items()]
    names = [CountedName("title", title, count) for title, count in titles.items()]
    names += [CountedName("brand", brand, count) for brand, count in (brands or {}).items()]
    write_vocabulary(folder / FILE, "made", words, names)
    return Vocabulary(folder / FILE)
