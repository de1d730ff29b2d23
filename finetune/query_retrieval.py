"""Retrieval for held-out queries: words of people, and the products that these were found to fit.

What is searched is the unit sum of a product's picture and text vectors, as searches by vectors do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from encoder.encoder import Encoder
from encoder.vectors import normalize
from eval.clusters import cluster_queries
from eval.indexes import ExactIndex
from eval.measures import score
from eval.queries import LabelledQuery
from finetune.examples import Examples
from finetune.pairs import Products, SplitPairs
from finetune.retrieval import DEPTH, Scores, Vectors

QUERY_TO_PRODUCT = "query → product"


@dataclass(frozen=True)
class QueryTask:
    """Held-out queries.

    Attributes:
        relevant: products of the same part, by query.
        ignored: products of the query in other parts, which are left out of its results.
    """

    relevant: Products
    ignored: Products

    @classmethod
    def of(cls, pairs: SplitPairs | None, part: str) -> "QueryTask | None":
        """The queries of a part; None where there are fewer than two."""
        if pairs is None or len(pairs.parts[part]) < 2:
            return None
        relevant = pairs.parts[part]
        return cls(relevant, {text: pairs.every[text] - relevant[text] for text in relevant})

    def scores(
        self, encoder: Encoder, vectors: Vectors, examples: Examples, gallery: Sequence[int]
    ) -> Scores:
        """The measures of `eval.measures` of each query, in the order of `relevant`.

        Args:
            encoder: encodes the queries.
            vectors: of the products.
            examples: the products.
            gallery: rows that are searched.
        """
        texts = list(self.relevant)
        rows = list(gallery)
        names = [examples.rows[row].id for row in rows]
        searched = normalize(vectors.picture[rows] + vectors.text[rows])
        depth = min(DEPTH + max(map(len, self.ignored.values())), len(rows))
        _, columns = ExactIndex(searched).search(encoder.encode_texts(texts), depth)
        ranked = {
            text: [name for name in map(names.__getitem__, best) if name not in self.ignored[text]][
                :DEPTH
            ]
            for text, best in zip(texts, columns, strict=True)
        }
        qrels: Mapping[str, dict[str, int]] = {
            text: dict.fromkeys(self.relevant[text], 1) for text in texts
        }
        return score(qrels, ranked)

    def clusters(self, examples: Examples) -> np.ndarray:
        """The cluster of each query: those of the same product groups are dependent."""
        ids = (row.id for row in examples.rows)
        groups = dict(zip(ids, examples.groups, strict=True))
        queries = [
            LabelledQuery(text, text, relevant=dict.fromkeys(products, 1))
            for text, products in self.relevant.items()
        ]
        return cluster_queries(queries, groups)
