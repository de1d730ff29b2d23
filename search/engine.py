"""The engine: embeds a query, asks the store, and ranks what comes back."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from encoder.variant import Variant
from encoder.vectors import fuse
from qdrant.model import Filters, Hit
from qdrant.store import Store
from search.query import Query, QueryError, Result, Results, VariantMismatch, check_search

if TYPE_CHECKING:
    from encoder.encoder import Encoder  # brings torch along, which a shown page need not wait for

# Products that share a photo have equal scores. Asking for a few more than k shows where a
# run of equals ends, so that which of them make the cut is decided by id and not by chance.
SLACK = 16
# Scores are ordered at this many decimals: two engines agree on a cosine to about 1e-7.
DECIMALS = 6


class Engine:
    """Searches the collection of one variant.

    Args:
        variant: whose collection to search.
        store: where collections live.
        load_encoder: gives the variant's encoder; called when the first query needs it, since
            `more_like` and `facets` never do.

    Raises:
        CollectionMissing: the variant has no collection yet.
        VariantMismatch: its collection was built by another state of the variant.
    """

    def __init__(
        self, variant: Variant, store: Store, load_encoder: "Callable[[], Encoder]"
    ) -> None:
        self.variant = variant
        self.store = store
        self._load_encoder = load_encoder
        self._encoder: Encoder | None = None
        self._pictureless = ("", False)  # the generation it was counted in
        self._require_match()

    @property
    def encoder(self) -> "Encoder":
        """The variant's encoder, loaded once."""
        if self._encoder is None:
            self._encoder = self._load_encoder()
        return self._encoder

    def search(self, query: Query) -> Results:
        """The k best products for one query.

        Raises:
            QueryError: no product has the category or brand asked for.
            VariantMismatch: the collection was rebuilt by another state of the variant.
        """
        return self.search_batch([query])[0]

    def search_batch(self, queries: Sequence[Query]) -> list[Results]:
        """The k best products for each query, embedded and searched together.

        The times of each `Results` are its equal share of the batch.
        """
        if not queries:
            return []
        started = perf_counter()
        vectors = self._embed(queries)
        embedded = perf_counter()
        self._require_match()
        found: list[Results] = [Results(())] * len(queries)
        for rows in _alike(queries):
            first = queries[rows[0]]
            ranked = self._rank(vectors[rows], first.vector, first.k, first.filters)
            apart = self._rank_without_picture(vectors[rows], first.vector, first.k, first.filters)
            for row, results, others in zip(rows, ranked, apart, strict=True):
                found[row] = Results(results, others)
        done = perf_counter()
        share = 1 / len(queries)
        return [
            replace(
                results,
                encode_seconds=(embedded - started) * share,
                search_seconds=(done - embedded) * share,
            )
            for results in found
        ]

    def more_like(
        self,
        product_id: str,
        *,
        k: int = 10,
        vector: str = "fused",
        filters: Filters | None = None,
    ) -> Results:
        """The k products nearest to one of the collection, itself left out.

        A product without a picture is compared by its text.

        Raises:
            QueryError: the collection has no such product.
        """
        filters = filters or Filters()
        check_search(k, vector, filters)
        self._require_match()
        started = perf_counter()
        name = self.variant.name
        product = self.store.retrieve(name, [product_id], vectors=True).get(product_id)
        if product is None:
            raise QueryError(f"The collection of {name} has no product with the id “{product_id}”.")
        if vector not in product.vectors:
            vector = "text"
        others = replace(filters, exclude=(*filters.exclude, product_id))
        [results] = self._rank(product.vectors[vector][None], vector, k, others)
        [apart] = self._rank_without_picture(product.vectors["text"][None], vector, k, others)
        return Results(results, apart, search_seconds=perf_counter() - started)

    def facets(
        self, filters: Filters | None = None, *, limit: int = 30
    ) -> dict[str, dict[str, int]]:
        """How many products each category and each brand holds under the other filters.

        A facet leaves its own filter out, so that it shows what choosing differently gives.
        """
        filters = filters or Filters()
        name = self.variant.name
        return {
            "category": self.store.facet(
                name, "category", replace(filters, categories=()), limit=limit
            ),
            "brand": self.store.facet(name, "brand", replace(filters, brands=()), limit=limit),
        }

    def _embed(self, queries: Sequence[Query]) -> np.ndarray:
        """Query vectors, float32 unit of shape (n, d)."""
        words = list(dict.fromkeys(query.text for query in queries if query.text))
        pictures = {id(query.picture): query.picture for query in queries if query.picture}
        texts = dict(zip(words, self.encoder.encode_texts(words), strict=True))
        images = dict(
            zip(pictures, self.encoder.encode_images(list(pictures.values())), strict=True)
        )

        def vector(query: Query) -> np.ndarray:
            if not query.text:
                return images[id(query.picture)]
            if not query.picture:
                return texts[query.text]
            return fuse(texts[query.text], images[id(query.picture)], query.weight)

        return np.stack([vector(query) for query in queries])

    def _rank(
        self, vectors: np.ndarray, vector: str, k: int, filters: Filters
    ) -> list[tuple[Result, ...]]:
        ranked = [
            tuple(
                Result(rank, hit.id, hit.score, vector, hit.payload)
                for rank, hit in enumerate(hits, start=1)
            )
            for hits in self._best(vectors, vector, k, filters)
        ]
        if not all(ranked) and filters.has_picture is not False:
            self._explain_nothing(filters)
        return ranked

    def _best(self, vectors: np.ndarray, vector: str, k: int, filters: Filters) -> list[list[Hit]]:
        """The k best hits for each query vector, equals in ascending order of id."""
        asked = k + SLACK
        found = self.store.search(
            self.variant.name, vectors, vector=vector, k=asked, filters=filters
        )
        open_rows = [row for row, hits in enumerate(found) if _cut_inside_a_tie(hits, k, asked)]
        while open_rows:
            asked *= 4
            again = self.store.search(
                self.variant.name, vectors[open_rows], vector=vector, k=asked, filters=filters
            )
            for row, hits in zip(open_rows, again, strict=True):
                found[row] = hits
            open_rows = [row for row in open_rows if _cut_inside_a_tie(found[row], k, asked)]
        return [sorted(hits, key=_order)[:k] for hits in found]

    def _rank_without_picture(
        self, vectors: np.ndarray, vector: str, k: int, filters: Filters
    ) -> list[tuple[Result, ...]]:
        """Products that `image` and `fused` cannot find, by their text."""
        if vector == "text" or filters.has_picture is not None:
            return [()] * len(vectors)
        if not self._has_pictureless():
            return [()] * len(vectors)
        return self._rank(vectors, "text", k, replace(filters, has_picture=False))

    def _has_pictureless(self) -> bool:
        """Whether any product has no picture; counted once a generation."""
        generation = self.store.collection(self.variant.name).generation
        if self._pictureless[0] != generation:
            count = self.store.count(self.variant.name, Filters(has_picture=False))
            self._pictureless = (generation, count > 0)
        return self._pictureless[1]

    def _explain_nothing(self, filters: Filters) -> None:
        """An empty answer may be the truth, or a category or brand that nothing has."""
        name = self.variant.name
        for word, plural, chosen in (
            ("category", "categories", filters.categories),
            ("brand", "brands", filters.brands),
        ):
            known = self.store.facet(name, word, Filters(), limit=10_000) if chosen else {}
            for value in chosen:
                if value not in known:
                    raise QueryError(f"No product has the {word} “{value}”. {_some(known, plural)}")

    def _require_match(self) -> None:
        collection = self.store.collection(self.variant.name)
        if collection.fingerprint != self.variant.fingerprint:
            raise VariantMismatch(
                f"The collection of {self.variant.name} was built with fingerprint "
                f"{collection.fingerprint}, and the variant now has {self.variant.fingerprint}: "
                "their vectors cannot be compared. "
                f"Run `vitrine ingest vectors --variant {self.variant.name}`."
            )


def _alike(queries: Sequence[Query]) -> list[list[int]]:
    """Rows of queries that one call of the store can answer."""
    groups: dict[tuple[str, int, Filters], list[int]] = defaultdict(list)
    for row, query in enumerate(queries):
        groups[query.vector, query.k, query.filters].append(row)
    return list(groups.values())


def _cut_inside_a_tie(hits: list[Hit], k: int, asked: int) -> bool:
    """Whether products beyond those seen may equal the k-th."""
    full = len(hits) == asked
    return full and round(hits[k - 1].score, DECIMALS) == round(hits[-1].score, DECIMALS)


def _order(hit: Hit) -> tuple[float, str]:
    return -round(hit.score, DECIMALS), hit.id


def _some(known: dict[str, int], plural: str) -> str:
    """A few of the values there are, most frequent first."""
    if not known:
        return f"This collection has no {plural}."
    first = ", ".join(list(known)[:10])
    return f"There are {first}{' and others' if len(known) > 10 else ''}."
