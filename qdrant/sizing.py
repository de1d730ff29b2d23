"""What a server needs, computed: Qdrant's published formulas beside our own measurements.

Published, https://qdrant.tech/documentation/capacity-planning/: memory is vectors × dimensions ×
bytes of a number × 1.5, the half more for indexes, versions and what optimising needs;
payload on disk is its JSON × 1.5. Shards and nodes: https://qdrant.tech/documentation/guides/
distributed_deployment/ (at least two shards a node to grow by; three nodes and two replicas to
lose one without an outage).

Measured: 30,000 generated products of 3 × 512 numbers in the embedded engine, which writes the
files that the server writes (qdrant-edge-py 0.9.0, without its log).
"""

import math
from dataclasses import dataclass

from qdrant import layout

FLOAT, INT8 = 4, 1  # bytes of a number
PUBLISHED = 1.5
# Measured bytes a product: ids and versions; indexes of category, brand, price and rating.
IDS = 29
INDEXES = 153
# Measured bytes of an int8 copy beside its numbers, and the share of JSON that compression leaves.
INT8_EXTRA = 4
COMPRESSED = 0.6
# Bytes of the JSON of a product with title, brand, prices, link, picture and digests.
PAYLOAD = 450
# A build keeps the generation in use and the one before, and makes the next beside them.
KEPT, BUILDING = 2, 3
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
        memory: by Qdrant's formula: what to plan with.
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
        memory_building: the same while the next is built beside them.
        disk: of `int8`, for the generations kept.
        disk_building: the same while the next is built.
        nodes: machines that it takes.
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
    nodes = math.ceil(BUILDING * int8.memory / (node_memory * USABLE))
    nodes = max(nodes, SAFE_NODES if replicas > 1 else 1)
    shards = 1 if nodes == 1 and products <= SHARD else SHARDS_PER_NODE * nodes
    return Estimate(
        products=products,
        dim=dim,
        vectors=vectors,
        floats=floats,
        int8=int8,
        memory=KEPT * int8.memory,
        memory_building=BUILDING * int8.memory,
        disk=KEPT * int8.disk,
        disk_building=BUILDING * int8.disk,
        nodes=nodes,
        shards=shards,
        replicas=replicas,
    )


def _form(copies: int, dim: int, vectors: int, payload: int, bits: int, *, int8: bool) -> Form:
    graph = 2 * layout.HNSW_M * bits / 8  # the links of the lowest layer, were all of them used
    held = dim * INT8 + INT8_EXTRA if int8 else dim * FLOAT
    stored = dim * FLOAT + graph + (held if int8 else 0)
    number = INT8 if int8 else FLOAT
    return Form(
        memory=math.ceil(copies * vectors * dim * number * PUBLISHED),
        memory_measured=math.ceil(copies * (vectors * (held + graph) + IDS + INDEXES)),
        disk=math.ceil(copies * (vectors * stored + payload * COMPRESSED + IDS + INDEXES)),
    )
