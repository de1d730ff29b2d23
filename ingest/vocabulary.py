"""The vocabulary of a collection, made from the catalogue that the collection is projected from."""

from collections import Counter

from catalog.catalogue import Catalogue
from catalog.searched_texts import searched_texts
from encoder.variant import Variant
from qdrant.model import Collection
from qdrant.vocabulary import (
    FILE,
    CountedName,
    CountedWord,
    Vocabulary,
    VocabularyError,
    write_vocabulary,
)
from qdrant.words import WITHOUT_BLANKS, Words, split_words
from vitrine.command import messages
from vitrine.progress import progress_bar

# Distinct words, and distinct names of each kind, that are kept: the most frequent. A shop of a
# million products has more, most of them article numbers; a word that was left out is one that the
# shop does not have.
MOST_WORDS = 500_000
MOST_NAMES = 100_000
LONGEST_WORD = 40  # characters
LONGEST_NAME = 200


def update_vocabulary(catalogue: Catalogue, variant: Variant, collection: Collection) -> None:
    """Make the vocabulary of a collection, unless there is one of this state of it.

    One that cannot be written is reported; searches go on without it.
    """
    path = variant.folder / FILE
    if collection.words is None or Vocabulary(path).source() == collection.source:
        return
    counted = _Counts(MOST_WORDS)
    names = {kind: _Counts(MOST_NAMES) for kind in ("brand", "category", "title")}
    with progress_bar("vocabulary", len(catalogue)) as advance:
        for product in catalogue.products():
            fields = searched_texts(product)
            text = " ".join(text for values in fields.values() for text in values)
            counted.add({word for word in split_words(text) if _is_word(word)})
            for kind, values in names.items():
                values.add({text for text in fields[kind] if len(text) <= LONGEST_NAME})
            advance(1)
    embedder = Words(collection.words)
    words = (
        CountedWord(word, embedder.terms(word)[0], count) for word, count in counted.frequent()
    )
    listed = (
        CountedName(kind, text, count)
        for kind, values in names.items()
        for text, count in values.frequent()
    )
    try:
        write_vocabulary(path, collection.source, words, listed)
    except VocabularyError as error:
        messages.print(str(error), markup=False, soft_wrap=True)


def _is_word(word: str) -> bool:
    """Whether a word is one by itself: a character of a script without blanks is not."""
    return len(word) <= LONGEST_WORD and not WITHOUT_BLANKS.match(word)


class _Counts:
    """Counts the most frequent of some texts, of which no more than twice as many are held.

    When there are more, the rarest are dropped: lossy counting (Manku and Motwani, VLDB 2002).
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: Counter[str] = Counter()

    def add(self, texts: set[str]) -> None:
        """Count each text once more."""
        self._counts.update(texts)
        if len(self._counts) > 2 * self._most:
            self._counts = Counter(dict(self.frequent()))

    def frequent(self) -> list[tuple[str, int]]:
        """Return the most frequent with their counts."""
        return self._counts.most_common(self._most)
