"""What a server needs, computed: Qdrant's published formulas beside our own measurements.

Published, https://qdrant.tech/documentation/capacity-planning/: memory is vectors × dimensions ×
bytes of a number × 1.5, the half more for graphs, versions and what optimising needs;
payload on disk is its JSON × 1.5. Shards and nodes: https://qdrant.tech/documentation/guides/
distributed_deployment/ (at least two shards a node to grow by; three nodes and two replicas to
lose one without an outage).

Measured: 30,000 generated products of 3 × 512 numbers in the embedded engine, which writes the
files that the server writes (qdrant-edge-py 0.9.0, without its log), and real products for what
depends on texts and attributes. The peak of a build: 100,000
such products on a server, which end at 0.83 GB of disk, took 1.55 GB and 0.29 GB of memory.
"""

import math
from dataclasses import dataclass

from qdrant import layout

FLOAT, INT8 = 4, 1  # bytes of a number
PUBLISHED = 1.5
# Measured bytes a product: ids and versions; indexes of attributes and other facts (442 and 542 in
# two shops: 19,406 electronics products of 33 terms, 9,583 fashion products of 75); of phrases,
# on disk alone (565 and 1,215); of the vector `words` (383 at 33 terms); and these vectors, on disk
# alone (358 and 693).
IDS = 29
INDEXES = 500
PHRASES = 900
WORDS_INDEX = 650
WORDS = 550
# Measured bytes of an int8 copy beside its numbers, and the share of JSON that compression leaves.
INT8_EXTRA = 4
COMPRESSED = 0.77
# Bytes of the JSON of a product, its terms included: 981 to 2,101 in three shops.
PAYLOAD = 1_500
# A build keeps the generation in use and the one before, and makes the next beside them.
KEPT = 2
# Peak of the next while it is built, as a multiple of what it takes at the end: the graphs and int8
# are written beside the points that arrived, then those are removed.
PEAK_DISK, PEAK_MEMORY = 1.9, 1.5
# Share of a node's memory to plan with; the rest is for the system and for searches.
USABLE = 0.8
# Products per shard: its graphs are then built in some hours on 16 cores.
SHARD = 10_000_000
SHARDS_PER_NODE = 2
SAFE_NODES = 3


@dataclass(frozen=True)
class Form:
    """Bytes that one generation takes, in one form of its vectors.

    Attributes:
        memory: by Qdrant's formula, with the indexes of facts and words as measured, at least
            what was measured in all: what to plan with.
        memory_measured: by our measurements, with nothing to spare.
        disk: by our measurements.
    """

    memory: int
    memory_measured: int
    disk: int


@dataclass(frozen=True)
class Estimate:
    """What a collection needs of a server, bytes; all copies counted.

    Attributes:
        products: how many.
        dim: numbers of a vector.
        vectors: vectors of a product.
        floats: one generation with the original vectors in memory.
        int8: one generation as we build it: int8 in memory, originals on disk.
        memory: of `int8`, for the generations kept: the one in use and the one before.
        memory_building: the same at the peak of a build of the next beside them.
        disk: of `int8`, for the generations kept.
        disk_building: the same at the peak of a build of the next.
        nodes: machines that it takes; no two copies of a shard share one.
        shards: QDRANT_SHARDS.
        replicas: QDRANT_REPLICAS.
    """

    products: int
    dim: int
    vectors: int
    floats: Form
    int8: Form
    memory: int
    memory_building: int
    disk: int
    disk_building: int
    nodes: int
    shards: int
    replicas: int


def estimate(
    products: int,
    dim: int,
    vectors: int,
    *,
    payload: int = PAYLOAD,
    replicas: int = 1,
    node_memory: int = 64 * 10**9,
) -> Estimate:
    """Return what a collection needs.

    Args:
        products: how many.
        dim: numbers of a vector.
        vectors: vectors of a product.
        payload: bytes of a product's payload as JSON.
        replicas: copies of every shard.
        node_memory: memory of one machine, bytes.
    """
    copies = products * replicas
    bits = max(products, 2).bit_length()  # of a link in a graph
    floats = _form(copies, dim, vectors, payload, bits, int8=False)
    int8 = _form(copies, dim, vectors, payload, bits, int8=True)
    memory = KEPT * int8.memory
    memory_building = memory + max(int8.memory, math.ceil(PEAK_MEMORY * int8.memory_measured))
    disk = KEPT * int8.disk
    nodes = math.ceil(memory_building / (node_memory * USABLE))
    nodes = max(nodes, SAFE_NODES if replicas > 1 else 1, replicas)
    shards = 1 if nodes == 1 and products <= SHARD else SHARDS_PER_NODE * nodes
    return Estimate(
        products=products,
        dim=dim,
        vectors=vectors,
        floats=floats,
        int8=int8,
        memory=memory,
        memory_building=memory_building,
        disk=disk,
        disk_building=disk + math.ceil(PEAK_DISK * int8.disk),
        nodes=nodes,
        shards=shards,
        replicas=replicas,
    )


def _form(copies: int, dim: int, vectors: int, payload: int, bits: int, *, int8: bool) -> Form:
    graph = 2 * layout.HNSW_M * bits / 8  # the links of the lowest layer, were all of them used
    held = dim * INT8 + INT8_EXTRA if int8 else dim * FLOAT
    stored = dim * FLOAT + graph + (held if int8 else 0)
    number = INT8 if int8 else FLOAT
    facts = IDS + INDEXES + WORDS_INDEX
    published = math.ceil(copies * (vectors * dim * number * PUBLISHED + facts))
    measured = math.ceil(copies * (vectors * (held + graph) + facts))
    return Form(
        memory=max(published, measured),
        memory_measured=measured,
        disk=math.ceil(
            copies * (vectors * stored + payload * COMPRESSED + facts + PHRASES + WORDS)
        ),
    )
