"""Words: texts as sparse BM25 vectors, computed here, so that both engines hold the same ones.

A document's weight of a term is its BM25 term frequency; a query's is 1. The engine multiplies by
the term's inverse document frequency (IDF) over the collection when it scores. Robertson and
Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain, pairwise

import numpy as np
import qdrant_edge as qe

from qdrant.errors import StoreError
from qdrant.model import SparseVector
from qdrant.points import sparse_vector
from qdrant.word_settings import WordSettings
from vitrine.text import fold

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

# The fields of a product that are searched, and what stands between two of them and between two
# values of one, so that no phrase goes beyond a value; no term is like it. Letters, since the
# client's local mode passes over other marks.
FIELDS = ("title", "brand", "category", "attribute", "description", "code")
FIELD_END, VALUE_END = "zz", "z"
RUNNING = ("title", "description")  # fields of which each text is another one

LONGEST_CODE = 64  # characters
CODES = 2**31  # from here on the indices are codes; those of words are below

# A language is detected by its stop words, among the most frequent words.
FREQUENT = 200
CLEAR = 1.5  # times as many as of English, which names and brands are written in everywhere
LEAST = 0.02  # share of all words

# Han, kana, Thai, Lao, Burmese and Khmer are written without blanks between words.
_WITHOUT_BLANKS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
WITHOUT_BLANKS = re.compile(f"[{_WITHOUT_BLANKS}]+")
ASCII_WORD = re.compile("[a-z0-9]+")  # as `WORD`, of a text without other letters: faster
WORD = re.compile(rf"[{_WITHOUT_BLANKS}]|(?:(?![{_WITHOUT_BLANKS}])[^\W_])+")
# Zero-width characters, soft hyphens and direction marks stand within words and are not seen.
INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
# Pieces of texts of which the terms are kept, some 300 bytes each: a shop's texts repeat their
# words, brands, categories and values. Longer ones, in characters, are made each time.
KEPT_PIECES, LONGEST_KEPT = 50_000, 40
# With it as k and 0 as b, the BM25 weight of a term is how often it occurs.
COUNTING = 2.0**50

Fields = Mapping[str, Iterable[str]]  # texts of a product by the names of `FIELDS`


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
        self._settings = settings
        self._embedder = _embedder(settings)
        self._pieces = _Pieces(settings)
        # Of a term in a document, at most: as it occurs more often, BM25 approaches it.
        self.most_weight = settings.k + 1

    @staticmethod
    @lru_cache(8)
    def of(settings: WordSettings) -> "Words":
        """Return the embedder of some settings, the same one each time; threads may share it."""
        return Words(settings)

    def document(
        self, text: str, codes: Iterable[str] = (), brand: str = ""
    ) -> SparseVector | None:
        """Embed a document.

        Args:
            text: its words.
            codes: article numbers, each of them one term (`code_query`).
            brand: one more term, which a query has that is just this brand. By its words alone
                "Arrow" finds "Arrow Woman" first, and "AND" is a stop word.

        Returns:
            None when it has no code, no brand, and no word but stop words.
        """
        numbers = [number for _, found in self._pieces.of(text) for number in found]
        return next(self._weigh([(numbers, _own_terms(codes, brand))]))

    def documents(self, products: Iterable[Fields]) -> Iterator[tuple[SparseVector | None, str]]:
        """Embed some products, as `document` does, with the text in which their phrases are found.

        Args:
            products: of each its texts; those of "code" are its article numbers, that of "brand"
                is its brand. They are held in memory together.

        Yields:
            The vector, to which each field counts as the settings have it, and the terms of the
            texts as one text, which `split_fields` divides.
        """
        weights = self._settings.weights
        counted: list[tuple[list[int], set[int]]] = []
        written: list[str] = []
        for fields in products:
            numbers: list[int] = []
            terms: list[str] = []
            for name in FIELDS:
                pieces = self._pieces.of if name in RUNNING else self._pieces.whole
                texts = [pieces(text) for text in fields.get(name, ())]
                terms.append(f" {VALUE_END} ".join(map(_terms, texts)))
                if weight := weights.get(name):
                    found = [number for text in texts for _, each in text for number in each]
                    numbers += found * weight
            own = _own_terms(fields.get("code", ()), next(iter(fields.get("brand", ())), ""))
            counted.append((numbers, own))
            written.append(f" {FIELD_END} ".join(terms))
        yield from zip(self._weigh(counted), written, strict=True)

    def _weigh(
        self, products: Sequence[tuple[Sequence[int], set[int]]]
    ) -> Iterator[SparseVector | None]:
        """Make vectors of numbers of terms.

        Args:
            products: of each the terms of its words, each as often as it counts, and its own terms
                (`_own_terms`), which weigh 1 and have no part in its length.
        """
        lengths = np.array([len(words) for words, _ in products])
        sizes = lengths + [len(own) for _, own in products]
        terms = chain.from_iterable(chain(words, own) for words, own in products)
        numbers = np.fromiter(terms, np.uint64, int(sizes.sum()))
        # The product above the term: sorted, they are in the order of products, then of terms.
        owners = np.repeat(np.arange(len(products), dtype=np.uint64), sizes)
        found, counts = np.unique(owners << np.uint64(32) | numbers, return_counts=True)
        indices, owners = found.astype(np.uint32), (found >> np.uint64(32)).astype(np.intp)
        k, b = self._settings.k, self._settings.b
        share = b * lengths[owners] / self._settings.mean_length
        weights = counts * (k + 1) / (counts + k * (1 - b + share))
        values = np.where(indices < CODES, weights, 1).astype(np.float32)
        ends = np.searchsorted(owners, np.arange(len(products) + 1)).tolist()
        for start, end in pairwise(ends):
            yield SparseVector(indices[start:end], values[start:end]) if end > start else None

    def query(self, text: str, brand: str = "") -> SparseVector | None:
        """Embed a query.

        Args:
            text: its words.
            brand: what is also the query for a brand, if there is one of that name.

        Returns:
            None when it has neither a brand nor a word but stop words.
        """
        words = self._embedder.embed_query(_spaced(text))
        terms = _brand_terms(brand)
        return _sparse([*words.indices, *terms], [*words.values, *[1.0] * len(terms)])

    def has_words(self, text: str) -> bool:
        """Whether a text has a word other than stop words."""
        return bool(self._embedder.embed_query(_spaced(text)).indices)

    def terms(self, text: str) -> list[str]:
        """Return the terms of a text in their order, to compare word sequences.

        Returns:
            For each word what the vector has for it, in hexadecimal; a stop word itself. Runs of a
            script without blanks are cut into single characters: a part of a run is a sequence.
        """
        return _terms(self._pieces.of(text)).split()


# A text, or what stands between two blanks of it: the terms of its words in their order, a blank
# before each (`Words.terms`), and the numbers of its terms in a vector, each as often as it occurs.
# Such tuples, unlike other classes, cost the garbage collector nothing.
_Piece = tuple[str, tuple[int, ...]]


class _Pieces(dict[str, _Piece]):
    """The pieces of texts, kept; each by itself has the terms that it has in any text.

    Args:
        settings: their language is used.
    """

    def __init__(self, settings: WordSettings) -> None:
        super().__init__()
        self._counter = _embedder(replace(settings, k=COUNTING, b=0.0))

    def of(self, text: str) -> list[_Piece]:
        """Return the pieces of a text, in their order."""
        return list(map(self.__getitem__, visible(text).split(" ")))

    def whole(self, text: str) -> list[_Piece]:
        """Return a text as one piece: quick where the text repeats."""
        return [self[text]]

    def __missing__(self, written: str) -> _Piece:
        piece = self._make(written)
        if len(written) <= LONGEST_KEPT:
            if len(self) >= KEPT_PIECES:
                self.clear()
            self[written] = piece
        return piece

    def _make(self, written: str) -> _Piece:
        words = split_words(written)
        found = [self._counter.embed_query(word).indices for word in words]
        named = zip(words, found, strict=True)
        terms = [f" {each[0]:x}" if each else f" _{word}" for word, each in named]
        if written.isascii():  # what divides words is a rule of the engine's for other letters
            return "".join(terms), tuple(chain.from_iterable(found))
        counted = self._counter.embed_document(_spaced(written))
        counts = zip(counted.indices, counted.values, strict=True)
        numbers = [number for number, count in counts for _ in range(round(count))]
        return "".join(terms), tuple(numbers)


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


def split_fields(text: str) -> dict[str, str]:
    """Return the terms of each field, with a blank before and after each.

    Between two values of a field stands `VALUE_END`: no sequence of terms goes beyond one.

    Args:
        text: made by `Words.documents`; of another text nothing is returned.
    """
    fields = text.split(f" {FIELD_END} ")
    if len(fields) != len(FIELDS):
        return {}
    return {name: f" {field} " for name, field in zip(FIELDS, fields, strict=True)}


def split_words(text: str) -> list[str]:
    """Return the words of a text in lower case, and each character of scripts without blanks."""
    return (ASCII_WORD if text.isascii() else WORD).findall(visible(text).casefold())


def visible(text: str) -> str:
    """Return a text folded (`vitrine.text.fold`), without characters that are not seen."""
    return fold(text if text.isascii() else INVISIBLE.sub("", text))


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
        code: sum(count for word, count in frequent if not words.has_words(word))
        for code, words in embedders.items()
    }
    best = max(shares, key=lambda code: shares[code])
    clear = shares[best] > CLEAR * shares["en"]
    return best if clear and shares[best] > LEAST * len(text.split()) else "en"


def _spaced(text: str) -> str:
    """A text in which runs without blanks are written as their pairs of characters."""
    return WITHOUT_BLANKS.sub(lambda run: f" {_pairs(run[0])} ", visible(text))


def _pairs(run: str) -> str:
    return " ".join(run[i : i + 2] for i in range(max(len(run) - 1, 1)))


def _embedder(settings: WordSettings) -> qe.Bm25:
    return qe.Bm25(
        qe.Bm25Config(
            k=settings.k,
            b=settings.b,
            avg_len=settings.mean_length,
            language=LANGUAGES[settings.language],
            ascii_folding=True,
        )
    )


def _terms(pieces: Iterable["_Piece"]) -> str:
    return "".join([terms for terms, _ in pieces])[1:]


def _own_terms(codes: Iterable[str], brand: str = "") -> set[int]:
    """The terms of a product's article numbers, and of its brand as a whole."""
    return {_code_term(code) for code in map(normalize_code, codes) if code} | _brand_terms(brand)


def _code_term(code: str) -> int:
    digest = hashlib.blake2b(code.encode(), digest_size=4).digest()
    return CODES | int.from_bytes(digest)


def _brand_terms(brand: str) -> set[int]:
    code = normalize_code(brand)
    return {_code_term(f"brand {code}")} if code else set()


def _sparse(indices: Sequence[int], values: Sequence[float]) -> SparseVector | None:
    return sparse_vector(indices, values) if indices else None
