"""Words of a whole catalogue, searched for some queries under any settings of words.

Word vectors are made when a collection is built, so that every other field weight, k or b would
need a collection of its own. Here the frequency of each query's terms in each field of each product
is counted once. Scores under any settings follow from that, and are those of the engine.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array

from catalog.product import Product
from catalog.searched_texts import searched_texts
from qdrant.model import Ranking, SparseVector
from qdrant.word_settings import WEIGHED, WordSettings
from qdrant.words import CODES, Words, count_words
from search.exact import BRAND, TITLE, letters

# With it and no discount of long texts, the BM25 weight of a term is how often it occurs.
COUNTING = 1e9
BATCH = 64  # queries scored together


class WordIndex:
    """The terms of some queries in the products of a catalogue.

    Args:
        products: of the catalogue.
        texts: of the queries, as they are searched for.
        language: of the words, a key of `qdrant.words.LANGUAGES`.

    Attributes:
        exact: of each query, the products whose title or brand it is, and which of both.
    """

    def __init__(self, products: Iterable[Product], texts: Sequence[str], language: str) -> None:
        self._counter = Words(WordSettings(language, k=COUNTING, b=0.0))
        terms = [self._terms(self._counter.query(text, brand=text)) for text in texts]
        distinct = sorted(set().union(*terms))
        self._columns = {term: column for column, term in enumerate(distinct)}
        self._queries = _Entries.of(
            (row, self._columns[term], 1.0) for row, each in enumerate(terms) for term in each
        ).matrix(len(texts), len(distinct))
        rows: dict[str, list[int]] = {}
        for row, text in enumerate(texts):
            rows.setdefault(letters(text), []).append(row)
        self.exact: list[dict[str, str]] = [{} for _ in texts]
        self._ids: list[str] = []
        self._lengths, self._counts = array("I"), array("I")
        entries = [_Entries() for _ in WEIGHED]
        brands = _Entries()
        for product in products:
            for kind, fact in ((BRAND, product.brand), (TITLE, product.title)):
                for row in rows.get(letters(fact), ()) if letters(fact) else ():
                    self.exact[row][product.id] = kind
            self._count(product, entries, brands)
        shape = len(distinct), len(self._ids)
        self._fields = [each.matrix(*shape) for each in entries]
        self._brands = brands.matrix(*shape)
        self._lengths_by_field = np.reshape(self._lengths, (-1, len(WEIGHED))).astype(float)
        self._counts_by_field = np.reshape(self._counts, (-1, len(WEIGHED))).astype(float)

    def measured(self, settings: WordSettings) -> WordSettings:
        """Settings with the mean length that the products have under them."""
        if not self._ids:
            return settings
        mean = float((self._counts_by_field @ _weights(settings)).mean())
        return replace(settings, mean_length=round(max(mean, 1.0), 1))

    def search(self, settings: WordSettings, depth: int) -> list[Ranking[str]]:
        """The best products of each query, best first, ties in the catalogue's order.

        Args:
            settings: of the words.
            depth: hits of a query, at most.
        """
        weights = self._term_weights(settings)
        return [
            hits
            for start in range(0, self._queries.shape[0], BATCH)
            for hits in self._best(csr_array(self._queries[start : start + BATCH] @ weights), depth)
        ]

    def _count(self, product: Product, entries: Sequence["_Entries"], brands: "_Entries") -> None:
        """Add a product: its terms, and the lengths of its fields."""
        number = len(self._ids)
        self._ids.append(product.id)
        for (field, texts), found in zip(searched_texts(product).items(), entries, strict=True):
            text = " ".join(texts)
            brand = product.brand if field == "brand" else ""
            counted = self._terms(self._counter.document(text, brand=brand))
            for term in counted.keys() & self._columns.keys():
                place = brands if term >= CODES else found
                place.add(self._columns[term], number, counted[term])
            self._lengths.append(sum(each for term, each in counted.items() if term < CODES))
            self._counts.append(count_words(text))

    @staticmethod
    def _terms(vector: SparseVector | None) -> dict[int, int]:
        """How often each term of a vector of `COUNTING` occurs."""
        if vector is None:
            return {}
        return dict(
            zip(vector.indices.tolist(), np.rint(vector.values).astype(int).tolist(), strict=True)
        )

    def _best(self, scores: csr_array, depth: int) -> list[Ranking[str]]:
        """The best products of each row, whose columns are products."""
        found = []
        for start, end in zip(scores.indptr, scores.indptr[1:], strict=False):
            products, values = scores.indices[start:end], scores.data[start:end]
            if len(values) > depth:  # all that reach the last score
                reach = values >= np.partition(values, -depth)[-depth]
                products, values = products[reach], values[reach]
            order = np.lexsort((products, -values))[:depth]
            ids = [self._ids[product] for product in products[order]]
            found.append(Ranking(ids, values[order].tolist()))
        return found

    def _term_weights(self, settings: WordSettings) -> csr_array:
        """The score of each term in each product: its BM25 weight times its IDF.

        The IDF is Qdrant's, ln(1 + (N − n + 0.5) / (n + 0.5)) of a term in n of N products.
        """
        weights = _weights(settings)
        found = csr_array(
            sum(each * weight for each, weight in zip(self._fields, weights, strict=True))
        )
        found.eliminate_zeros()
        lengths = self._lengths_by_field @ weights
        norms = settings.k * (1 - settings.b + settings.b * lengths / settings.mean_length)
        found.data *= (settings.k + 1) / (found.data + norms[found.indices])
        found = csr_array(found + self._brands)
        having = np.diff(found.indptr)
        idf = np.log1p((len(self._ids) - having + 0.5) / (having + 0.5))
        found.data *= np.repeat(idf, having)
        return found


def _weights(settings: WordSettings) -> np.ndarray:
    return np.array([float(settings.weights[name]) for name in WEIGHED])


class _Entries:
    """Entries of a sparse matrix, added one by one; 12 bytes each."""

    def __init__(self) -> None:
        self._rows, self._columns, self._values = array("I"), array("I"), array("f")

    @classmethod
    def of(cls, entries: Iterable[tuple[int, int, float]]) -> "_Entries":
        made = cls()
        for each in entries:
            made.add(*each)
        return made

    def add(self, row: int, column: int, value: float) -> None:
        self._rows.append(row)
        self._columns.append(column)
        self._values.append(value)

    def matrix(self, rows: int, columns: int) -> csr_array:
        values = np.array(self._values, np.float64)
        return csr_array((values, (np.array(self._rows), np.array(self._columns))), (rows, columns))
