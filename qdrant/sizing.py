"""What a collection needs, computed: in this process, and on a server.

Published, https://qdrant.tech/documentation/capacity-planning/: memory is vectors × dimensions ×
bytes of a number × 1.5, the half more for graphs, versions and what optimising needs. Shards and
nodes: https://qdrant.tech/documentation/guides/distributed_deployment/ (at least two shards a node
to grow by; three nodes and two replicas to lose one without an outage).

Measured, qdrant-edge-py 0.9.0, which writes the files that the server writes; without its log,
which takes some 60 MB however many products there are. Real shops: 19,406 electronics products
(1,011 bytes of payload, 33 terms) and 9,583 fashion products (2,078 bytes, 75 terms). Generated
ones: 100,000 products of 3 × 512 dimensions with attributes, and 100,000 of 3 × 64 with texts
alone. Vectors: `qdrant.storage`.
"""

import math
from dataclasses import dataclass

from qdrant import layout
from qdrant.storage import DEFAULT, STORAGES, Storage

FLOAT = 4  # bytes of a number
PUBLISHED = 1.5
# Bytes of a product, whatever its texts: ids and versions; indexes of attributes and other facts
# (442 and 542 in the real shops); the columns of facts (194 and 387 in the generated ones), which
# the embedded engine has alone.
IDS = 29
INDEXES = 500
COLUMNS = 400
# Bytes for each byte of a payload's JSON: itself, compressed (0.76 and 0.77); the index of phrases
# (0.56 and 0.58; of the embedded engine 0.26 and 0.27); the vectors `words` (0.35 and 0.33), and
# their index (0.38). On a server the first three are on disk alone.
COMPRESSED = 0.77
PHRASES, EMBEDDED_PHRASES = 0.58, 0.27
WORDS = 0.35
WORDS_INDEX = 0.40
# Bytes of the JSON of a product, its terms included: 981 to 2,101 in three shops.
PAYLOAD = 1_500
# Times the links of a graph's lowest layer: values of facts have links of their own. 135 to 152
# bytes a vector of 100,000 products.
LINKS = 2
# Own memory of a process that searches by the embedded engine, beside 60 MB: it had 63 MB with
# 100,000 products and 150 MB with 1,000,000. The rest of what it reads is the page cache, which
# processes share.
OWN = 100
# Peak of the own memory of the process that builds: what it received last (`embedded.shard`), and
# bytes a product. 100,000 products took 0.30 GB, and 1,000,000 took 1.34 GB.
RECEIVED, BUILDER = 256 << 20, 1070
# A build keeps the generation in use and the one before, and makes the next beside them.
KEPT = 2
# Peak of the next while a server builds it, as a multiple of what it takes at the end: graphs and
# the copies that are searched are written beside the points that arrived, then those are removed.
# 100,000 products of 3 × 512 that end at 0.83 GB of disk took 1.55 GB, and 0.29 GB of memory.
PEAK_DISK, PEAK_MEMORY = 1.9, 1.5
# Share of a machine's memory to plan with; the rest is for the system and for searches.
USABLE = 0.8
# Products per shard: its graphs are then built in some hours on 16 cores.
SHARD = 10_000_000
SHARDS_PER_NODE = 2
SAFE_NODES = 3


@dataclass(frozen=True)
class Form:
    """Bytes that one generation takes on a server, in one form of its vectors.

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
class Embedded:
    """Bytes that a collection takes on one machine that searches and builds by itself.

    Attributes:
        memory: of one process that searches, and of the files that searches read, in the page
            cache: with less, searches wait for the disk.
        memory_building: the same beside a process that builds the next generation.
        disk: of one generation.
        disk_building: of the generations kept and the next.
        holds: products that a machine of the given memory holds while it builds.
    """

    memory: int
    memory_building: int
    disk: int
    disk_building: int
    holds: int


@dataclass(frozen=True)
class Stored:
    """One way to store vectors (`qdrant.storage`): one machine, and one generation on a server."""

    embedded: Embedded
    server: Form


@dataclass(frozen=True)
class Estimate:
    """What a collection needs, bytes; on a server all copies counted.

    Attributes:
        products: how many.
        dim: numbers of a vector.
        vectors: vectors of a product.
        storage: how vectors are stored, a name of `STORAGES`.
        floats: one generation on a server with the original vectors in memory.
        int8: one generation on a server as `int8`.
        storages: each way to store vectors, by name.
        memory: of `storage` on a server, for the generations kept: the one in use and the one
            before.
        memory_building: the same at the peak of a build of the next beside them.
        disk: of `storage` on a server, for the generations kept.
        disk_building: the same at the peak of a build of the next.
        nodes: machines that it takes; no two copies of a shard share one.
        shards: QDRANT_SHARDS.
        replicas: QDRANT_REPLICAS.
    """

    products: int
    dim: int
    vectors: int
    storage: str
    floats: Form
    int8: Form
    storages: dict[str, Stored]
    memory: int
    memory_building: int
    disk: int
    disk_building: int
    nodes: int
    shards: int
    replicas: int

    def cost(self, memory: float, disk: float) -> dict[str, float]:
        """Return what the memory and the disk of a build's peak cost, embedded and on a server.

        Args:
            memory: price of a GB of memory.
            disk: price of a GB of disk.
        """
        one = self.storages[self.storage].embedded
        return {
            name: round((built * memory + stored * disk) / 10**9, 2)
            for name, built, stored in (
                ("embedded", one.memory_building, one.disk_building),
                ("server", self.memory_building, self.disk_building),
            )
        }


def estimate(
    products: int,
    dim: int,
    vectors: int,
    *,
    storage: str = DEFAULT,
    payload: int = PAYLOAD,
    replicas: int = 1,
    node_memory: int = 64 * 10**9,
) -> Estimate:
    """Return what a collection needs.

    Args:
        products: how many.
        dim: numbers of a vector.
        vectors: vectors of a product that have room (`Spec.stored`).
        storage: a name of `STORAGES`.
        payload: bytes of a product's payload as JSON.
        replicas: copies of every shard.
        node_memory: memory of one machine, bytes.
    """
    links = link_bytes(products)
    copies = products * replicas
    storages = {
        name: Stored(
            _embedded(products, dim, vectors, each, payload, links, node_memory),
            _form(copies, vectors, each.searched_bytes(dim), each.bytes(dim), links, payload),
        )
        for name, each in STORAGES.items()
    }
    floats = _form(copies, vectors, dim * FLOAT, dim * FLOAT, links, payload)
    chosen = storages[storage].server
    memory = KEPT * chosen.memory
    memory_building = memory + max(chosen.memory, math.ceil(PEAK_MEMORY * chosen.memory_measured))
    disk = KEPT * chosen.disk
    nodes = math.ceil(memory_building / (node_memory * USABLE))
    nodes = max(nodes, SAFE_NODES if replicas > 1 else 1, replicas)
    shards = 1 if nodes == 1 and products <= SHARD else SHARDS_PER_NODE * nodes
    return Estimate(
        products=products,
        dim=dim,
        vectors=vectors,
        storage=storage,
        floats=floats,
        int8=storages["int8"].server,
        storages=storages,
        memory=memory,
        memory_building=memory_building,
        disk=disk,
        disk_building=disk + math.ceil(PEAK_DISK * chosen.disk),
        nodes=nodes,
        shards=shards,
        replicas=replicas,
    )


def link_bytes(products: int) -> float:
    """Return the bytes of a vector's links in a graph of so many products."""
    bits = max(products, 2).bit_length()  # of a link
    return LINKS * 2 * layout.HNSW_M * bits / 8


def _form(
    copies: int, vectors: int, searched: int, stored: int, links: float, payload: int
) -> Form:
    """A generation on a server, from the bytes of a vector that are searched, and all of them."""
    facts = IDS + INDEXES + WORDS_INDEX * payload
    texts = (COMPRESSED + PHRASES + WORDS) * payload
    published = math.ceil(copies * (vectors * searched * PUBLISHED + facts))
    measured = math.ceil(copies * (vectors * (searched + links) + facts))
    return Form(
        memory=max(published, measured),
        memory_measured=measured,
        disk=math.ceil(copies * (vectors * (stored + links) + facts + texts)),
    )


def _embedded(
    products: int,
    dim: int,
    vectors: int,
    storage: Storage,
    payload: int,
    links: float,
    node_memory: int,
) -> Embedded:
    facts = IDS + INDEXES + COLUMNS + (EMBEDDED_PHRASES + WORDS_INDEX) * payload
    read = vectors * (storage.searched_bytes(dim) + links) + facts
    stored = vectors * (storage.bytes(dim) + links) + facts + (COMPRESSED + WORDS) * payload
    building = read + OWN + BUILDER
    return Embedded(
        memory=math.ceil(products * (read + OWN)),
        memory_building=math.ceil(products * building) + RECEIVED,
        disk=math.ceil(products * stored),
        disk_building=math.ceil(products * (KEPT + 1) * stored),
        holds=int(max(node_memory * USABLE - RECEIVED, 0) / building),
    )
