"""The vocabulary of a collection, made from the counts of the catalogue's words."""

from encoder.variant import Variant
from ingest.word_counts import WordCounts
from qdrant.model import Collection
from qdrant.vocabulary import FILE, CountedWord, Vocabulary, VocabularyError, write_vocabulary
from qdrant.words import Words
from vitrine.command import messages

# Distinct words, and distinct names of each kind, that are kept: the most frequent. A shop of a
# million products has more, most of them article numbers; a word that was left out is one that the
# shop does not have.
MOST_WORDS = 500_000
MOST_NAMES = 100_000


def update_vocabulary(counts: WordCounts, variant: Variant, collection: Collection) -> None:
    """Make the vocabulary of a collection, unless there is one of this state of it.

    One that cannot be written is reported; searches go on without it.
    """
    path = variant.folder / FILE
    if collection.words is None or Vocabulary(path).source() == collection.source:
        return
    embedder = Words(collection.words)
    words = (
        CountedWord(word, embedder.terms(word)[0], count)
        for word, count in counts.words(MOST_WORDS)
    )
    try:
        write_vocabulary(path, collection.source, words, counts.names(MOST_NAMES))
    except VocabularyError as error:
        messages.print(str(error), markup=False, soft_wrap=True)
