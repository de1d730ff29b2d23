"""Misspelt words: the nearest words of the shop's own vocabulary."""

import re
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from itertools import groupby, pairwise

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import OSA

from qdrant.vocabulary import Vocabulary
from qdrant.words import WITHOUT_BLANKS, Words

# Edits that a word of at least so many characters may have: a longer one has more places for a
# mistake, and a word of four letters is one edit from too many others. An edit is a letter that was
# inserted, left out or replaced, or two neighbours that were exchanged.
EDITS = {8: 2, 5: 1}
SHORTEST = min(EDITS)
# Words that a correction may be: looked up among 100,000 in some 15 ms.
MOST_WORDS = 100_000
# A word of one product only may be misspelt itself.
LEAST_COUNT = 2
# Words of one query that are corrected. A pasted text has more, and few that matter.
MOST_CORRECTED = 8
MOST_LOOKED_UP = 100
# Each part of a word that is written as two.
SHORTEST_PART = 3

Occurrences = Callable[[str], int]
_LETTERS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class _Lengths:
    """Words in order of their length, and the number of the first of each length."""

    words: list[str] = field(default_factory=list)
    counts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    starts: dict[int, int] = field(default_factory=dict)

    def between(self, shortest: int, longest: int) -> slice:
        """Where the words of some lengths are."""
        firsts = [start for length, start in self.starts.items() if length >= shortest]
        ends = [start for length, start in self.starts.items() if length > longest]
        return slice(min(firsts, default=len(self.words)), min(ends, default=len(self.words)))


class Speller:
    """Corrects the words of queries that no product has; threads may share it.

    Args:
        vocabulary: of the collection that is searched; it is read when the first word is corrected,
            and again when it was replaced.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._lengths: tuple[object, _Lengths] = (None, _Lengths())
        self._lock = threading.Lock()

    def correct(
        self,
        text: str,
        words: Words,
        occurrences: Occurrences,
        kept: Collection[str] = (),
    ) -> str:
        """Correct the words of a text that no product has.

        A word with digits is a product code and stays.

        Args:
            text: of a query, without operators.
            words: of the collection, which decides what is the same word.
            occurrences: number of products that have some words one after another.
            kept: words that stay as they are.

        Returns:
            The text; unchanged where every word is known, or nothing is near.

        Raises:
            VocabularyError: the vocabulary cannot be read.
        """
        tokens = text.split()
        candidates = [
            token for token in dict.fromkeys(tokens) if token not in kept and _is_word(token, words)
        ]
        terms = {token: words.terms(token)[0] for token in candidates[:MOST_LOOKED_UP]}
        known = self._vocabulary.known(terms.values())
        unknown = [token for token, term in terms.items() if term not in known]
        corrected = {
            token: self._correction(token.casefold(), words, occurrences) or token
            for token in unknown[:MOST_CORRECTED]
        }
        if len(tokens) <= MOST_CORRECTED:
            tokens = list(self._join(tokens, occurrences, kept))
        return " ".join(corrected.get(token, token) for token in tokens)

    def _correction(self, word: str, words: Words, occurrences: Occurrences) -> str:
        """The nearest word, or the two words that it may be written of if these are more frequent.

        Empty where there is neither.
        """
        nearest, frequent = self._nearest(word)
        ends = range(SHORTEST_PART, len(word) - SHORTEST_PART + 1)
        pairs = [f"{word[:end]} {word[end:]}" for end in ends]
        pairs = [pair for pair in pairs if all(map(words.has_words, pair.split()))]
        known = self._vocabulary.known({term for pair in pairs for term in words.terms(pair)})
        for pair in pairs:
            if known.issuperset(words.terms(pair)) and occurrences(pair) > frequent:
                return pair
        return nearest

    def _join(
        self, tokens: list[str], occurrences: Occurrences, kept: Collection[str]
    ) -> Iterator[str]:
        """Tokens, two of them as one word where the shop has that and not the two together."""
        pairs = ["".join(pair).casefold() for pair in pairwise(tokens) if not {*pair} & {*kept}]
        counts = self._vocabulary.counts([pair for pair in pairs if _LETTERS.fullmatch(pair)])
        number = 0
        while number < len(tokens):
            pair = tokens[number : number + 2]
            word = "".join(pair).casefold()
            joined = len(pair) == 2 and counts.get(word, 0) >= LEAST_COUNT
            if joined and not occurrences(" ".join(pair)):
                yield word
                number += 2
            else:
                yield tokens[number]
                number += 1

    def _nearest(self, word: str) -> tuple[str, int]:
        """The word with the fewest edits, of these the most frequent, and its number of products.

        Empty where none is near.
        """
        edits = next(most for length, most in EDITS.items() if len(word) >= length)
        lengths = self._read()
        near = lengths.between(len(word) - edits, len(word) + edits)
        choices, counts = lengths.words[near], lengths.counts[near]
        if not choices:
            return "", 0
        [distances] = process.cdist(
            [word], choices, scorer=OSA.distance, score_cutoff=edits, dtype=np.uint8
        )
        # Fewest edits first, then the same first letter, which is seldom wrong.
        ranked = [
            (distances[row], choices[row][0] != word[0], -counts[row], choices[row])
            for row in np.flatnonzero(distances <= edits)
        ]
        if not ranked:
            return "", 0
        *_, count, nearest = min(ranked)
        return nearest, -int(count)

    def _read(self) -> _Lengths:
        """The words that a correction may be, as the file has them now."""
        with self._lock:
            state = self._vocabulary.state()
            if self._lengths[0] != state:
                self._lengths = state, _by_length(self._vocabulary.words(SHORTEST - 1, MOST_WORDS))
            return self._lengths[1]


def _is_word(token: str, words: Words) -> bool:
    """Whether a token is one word of letters that may be corrected, and no stop word."""
    return (
        len(token) >= SHORTEST
        and _LETTERS.fullmatch(token) is not None
        and not WITHOUT_BLANKS.search(token)
        and words.has_words(token)
    )


def _by_length(counted: dict[str, int]) -> _Lengths:
    kept = sorted((word for word, count in counted.items() if count >= LEAST_COUNT), key=len)
    starts = {
        length: next(group)[0] for length, group in groupby(enumerate(kept), lambda e: len(e[1]))
    }
    return _Lengths(kept, np.array([counted[word] for word in kept], np.int64), starts)
