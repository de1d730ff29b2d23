"""Words: texts as sparse BM25 vectors, computed here, so that both engines hold the same ones.

A document's weight of a term is its BM25 term frequency; a query's is 1. The engine multiplies by
the term's inverse document frequency (IDF) over the collection when it scores. Robertson and
Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import qdrant_edge as qe

from qdrant.errors import StoreError
from qdrant.model import SparseVector, WordSettings
from qdrant.points import sparse_vector
from vitrine.text import fold

# How soon further occurrences of a term count less, and how much a long document is discounted.
# Anserini's values for short passages; product texts are as short.
K, B = 0.9, 0.4

# Languages with a stemmer and stop words in the embedder, by ISO 639-1 code.
LANGUAGES = {
    "ar": "arabic",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hu": "hungarian",
    "it": "italian",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "tr": "turkish",
}

LONGEST_CODE = 64  # characters
CODES = 2**31  # from here on the indices are codes; those of words are below

# A language is detected by its stop words, among the most frequent words.
FREQUENT = 200
CLEAR = 1.5  # times as many as of English, which names and brands are written in everywhere
LEAST = 0.02  # share of all words

# Han, kana, Thai, Lao, Burmese and Khmer are written without blanks between words.
WITHOUT_BLANKS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]+"
)


class Words:
    """Embeds texts by their words.

    Words are folded to ASCII and lower case, stemmed, and stop words left out, as the language has
    it. Runs of a script without blanks become their pairs of characters.

    Args:
        settings: its language is a key of `LANGUAGES`.
    """

    def __init__(self, settings: WordSettings) -> None:
        if settings.language not in LANGUAGES:
            raise StoreError(
                f"Words of the language '{settings.language}' cannot be embedded; those of "
                f"{', '.join(LANGUAGES)} can."
            )
        self._embedder = qe.Bm25(
            qe.Bm25Config(
                k=K,
                b=B,
                avg_len=settings.mean_length,
                language=LANGUAGES[settings.language],
                ascii_folding=True,
            )
        )

    def document(self, text: str, codes: Iterable[str] = ()) -> SparseVector | None:
        """Embed a document.

        Args:
            text: its words.
            codes: article numbers, each of them one term (`code_query`).

        Returns:
            None when it has neither a code nor a word but stop words.
        """
        words = self._embedder.embed_document(_spaced(text))
        terms = sorted(set(map(_code_term, filter(None, map(normalize_code, codes)))))
        return _sparse([*words.indices, *terms], [*words.values, *[1.0] * len(terms)])

    def query(self, text: str) -> SparseVector | None:
        """Embed a query; None when it has no word but stop words."""
        terms = self._embedder.embed_query(_spaced(text))
        return _sparse(terms.indices, terms.values)


def code_query(text: str) -> SparseVector | None:
    """Return the query for documents with a text as a code; None where it cannot be one."""
    code = normalize_code(text)
    return _sparse([_code_term(code)], [1.0]) if code else None


def normalize_code(text: str) -> str:
    """Return a code as it is compared: without case, blanks, hyphens and leading zeros.

    A GTIN is written with 8 to 14 digits, filled with zeros. What is longer than `LONGEST_CODE` is
    no code: empty.
    """
    code = "".join(filter(str.isalnum, fold(text).casefold()))
    return (code.lstrip("0") or code) if len(code) <= LONGEST_CODE else ""


def count_words(text: str) -> int:
    """Return the number of words of a text, stop words too."""
    return len(_spaced(text).split())


def detect_language(text: str) -> str:
    """Return the language whose stop words a text has most of; English where it has few.

    Args:
        text: some thousand words: a shop's texts are names of products for the most part.

    Returns:
        A key of `LANGUAGES`.
    """
    frequent = Counter(_spaced(text.casefold()).split()).most_common(FREQUENT)
    embedders = {code: Words(WordSettings(code)) for code in LANGUAGES}
    shares = {
        code: sum(count for word, count in frequent if not words.query(word))
        for code, words in embedders.items()
    }
    best = max(shares, key=lambda code: shares[code])
    clear = shares[best] > CLEAR * shares["en"]
    return best if clear and shares[best] > LEAST * len(text.split()) else "en"


def _spaced(text: str) -> str:
    """A text in which runs without blanks are written as their pairs of characters."""
    return WITHOUT_BLANKS.sub(lambda run: f" {_pairs(run[0])} ", text)


def _pairs(run: str) -> str:
    return " ".join(run[i : i + 2] for i in range(max(len(run) - 1, 1)))


def _code_term(code: str) -> int:
    digest = hashlib.blake2b(code.encode(), digest_size=4).digest()
    return CODES | int.from_bytes(digest)


def _sparse(indices: Sequence[int], values: Sequence[float]) -> SparseVector | None:
    return sparse_vector(indices, values) if indices else None
