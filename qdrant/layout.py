"""Index parameters of a collection and of its searches, the same for both engines.

Measured with qdrant-edge-py 0.9.0 on 2 cores at 100k points of 512 dimensions, k = 10, unless a
comment says otherwise; `python -m benchmarks search` measures it again.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from qdrant import index_fields
from qdrant.model import Spec

Kind = Literal["keyword", "float", "integer", "date", "phrases"]  # of a payload's index

# Qdrant's own defaults: with int8 and rescoring they give recall 0.998 in 0.4 ms.
HNSW_M = 16
HNSW_EF_CONSTRUCT = 100
# KiB of original vectors up to which comparing with all of them is faster than the graph: 5,000
# points of 512 dimensions take 0.5 ms, and nothing is missed. Qdrant's default.
FULL_SCAN_KIB = 10_000
# The same of the vectors that pass a filter. A graph search under a filter looks at the neighbours
# of those that do not pass, too: of 100,000 products of 512 dimensions it takes 14 times as long
# as to compare with all that pass where these are 10,000, and 1.1 to 3 times where they are 30,000
# to 66,000. It takes as long for short vectors, of which a comparison takes longer than their bytes
# suggest: 0.27 us of 512 dimensions and 0.1 us of 64, as if there were POINT_BYTES more of each. Of
# a million products of 64 dimensions, 100,000 that pass are compared in 10 ms, 200,000 in 19 and
# 500,000 in 46, and the graph takes 9 to 14 ms with an ef of 256 and 20 to 32 with 1,024. A server
# takes its value for searches without a filter as well, and counts vectors alone, so it is lower.
FILTERED_SCAN_KIB, SERVER_FILTERED_SCAN_KIB = 173_000, 32_000
POINT_BYTES = 720
# Int8 quarters what a search reads. Alone it loses 5 points of recall, and 4 bits more. `rescore`
# computes twice as many candidates again from the kept vectors: the recall is back, and the score
# is the cosine of the kept vector.
OVERSAMPLING = 2.0
# Of many, most are far from the boundary that int8 blurs: of 200, a quarter more is enough for a
# recall of 0.999, and takes three quarters of the time.
MARGIN, LEAST_OVERSAMPLING = 26, 1.25
# Candidates that the graph search keeps, where the number was not measured (`qdrant.recall`).
EF = 128
# The least under a filter. What passes lies scattered, or far from where a search begins: with
# ACORN, a category of 56 % of 28,749 products had recall@10 .961 with an ef of 32, .990 with 128
# and .998 with 256.
FILTERED_EF = 256
# Share of a collection's products that may change before it is measured again.
DRIFT = 0.1
# Results that one search may ask for: a server's strict mode refuses more.
MAX_RESULTS = 10_000
# Without an index a filter costs 26 ms and a facet fails. Keyword values get links of their own in
# the graph; links for every range of prices would cost build time and help no exact value.
# A product's terms in their order (`words.Words.terms`), in which phrases are found.
PHRASE_INDEX = "terms"
INDEXES: Mapping[str, Kind] = {
    "category": "keyword",
    "categories": "keyword",
    "brand": "keyword",
    "facets": "keyword",
    "currency": "keyword",
    index_fields.STOCK: "keyword",
    index_fields.PICTURED: "keyword",
    "price": "float",
    "list_price": "float",
    "rating": "float",
    index_fields.PRICE_STEP: "integer",
    "released": "date",
    PHRASE_INDEX: "phrases",
}
# What the stages of a search read of each of hundreds of candidates, besides the product's id.
RANKED_FACTS = (
    *("title", "brand", "parent", "picture", "sku", "gtin"),
    *("price", "rating", "rating_count", "in_stock", "released"),
)
COUNTED = tuple(field for field, kind in INDEXES.items() if kind in ("keyword", "integer"))


def indexes(numbers: Iterable[str]) -> dict[str, Kind]:
    """Return the kind of index of each indexed field of a payload.

    Args:
        numbers: `Spec.numbers`.
    """
    return {**INDEXES, **dict.fromkeys(map(index_fields.number_field, numbers), "float")}


def scan_all(points: int, dim: int) -> bool:
    """Whether a collection is so small that its searches compare with every vector."""
    return points * dim * 4 <= FULL_SCAN_KIB * 1024


def scan_filtered(passing: int, dim: int) -> bool:
    """Whether a search compares with every vector that passes its filter.

    Where they are few the engine does so by itself.
    """
    return not scan_all(passing, dim) and passing * (4 * dim + POINT_BYTES) <= (
        FILTERED_SCAN_KIB * 1024
    )


def stored_kib(kib: int, spec: Spec) -> int:
    """Return KiB of float32 vectors as those of the kept copies, of which an engine counts."""
    return max(kib * spec.stored_as.kept_bytes(spec.dim) // (4 * spec.dim), 1)


def oversampling(limit: int) -> float:
    """How many times the number of hits is rescored."""
    return max(min(1 + MARGIN / limit, OVERSAMPLING), LEAST_OVERSAMPLING)
