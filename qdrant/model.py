"""The dataclasses at the vector store's interface; nothing here imports an engine."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Generic, TypeVar

import numpy as np

from qdrant.errors import StoreError
from qdrant.storage import DEFAULT, STORAGES, Storage
from qdrant.word_settings import WordSettings

# `Spec.payload` with category paths, with `pictured`, with `layout.PHRASE_INDEX`, and with
# indexes of attributes.
PATHS, PICTURED, TERMS, ATTRIBUTES = 2, 3, 4, 5
PAYLOAD = ATTRIBUTES  # the newest
VECTORS = ("image", "text", "fused")  # dense
WORDS = "words"  # sparse
Id = TypeVar("Id", int, str)
# A variant names a folder and a server collection, so no other characters are allowed.
_VARIANT = re.compile(r"[a-z0-9_]{1,64}")


@dataclass(frozen=True, slots=True)
class SparseVector:
    """A vector of which only the numbers other than zero are stored.

    Attributes:
        indices: uint32 (n,), each once; of the vector `words`, hashes of terms.
        values: float32 (n,).
    """

    indices: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, slots=True)
class Point:
    """One product in a collection.

    Attributes:
        id: product id.
        payload: plain JSON facts; the store adds the product id as `payload["id"]`.
        vectors: float32 unit vectors of shape (d,), by name; a product without a picture has
            only `text`.
        sparse: sparse vectors by name.
    """

    id: str
    payload: dict[str, Any]
    vectors: Mapping[str, np.ndarray] = field(default_factory=dict)
    sparse: Mapping[str, SparseVector] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hit:
    """One product found.

    Attributes:
        id: product id.
        score: cosine of the query and the searched vector, exact where `Storage.exact`; of a
            sparse vector their dot product, each term weighted by its IDF.
        payload: the point's; its id alone where no more was requested.
    """

    id: str
    score: float
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ranking(Generic[Id]):
    """What a search finds, best first, as columns: an object for each of hundreds is slow.

    Attributes:
        ids: product ids, or the numbers of point ids (`points.point_id`).
        scores: of each, as of a `Hit`.
    """

    ids: Sequence[Id] = ()
    scores: Sequence[float] = ()

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Spec:
    """What a collection is built from.

    Attributes:
        variant: name of the variant, `[a-z0-9_]{1,64}`.
        fingerprint: fingerprint of the variant's manifest.
        dim: dimensions of the vectors.
        base: base checkpoint of the variant, for people to read.
        source: digest of what the points were made from; opaque to the store.
        vectors: names of the dense vectors that points may carry.
        dims: dimensions by name, of the vectors where they are not `dim`.
        words: how the sparse vector `words` is made; None where points carry none.
        payload: version of what payloads hold and which indexes there are: from `PATHS` on
            `categories`, by which products are filtered; from `PICTURED` on whether there is a
            picture; from `TERMS` on `terms`, in which phrases are found; from `ATTRIBUTES` on
            attributes, and all of `qdrant.filters.FIELDS`.
        numbers: names of the attributes that are numbers, ascending: each has an index for ranges.
        precision: that the newest vectors were computed in, for people to read; empty where it
            is not known.
        text_precision: the same of a text model; empty where the variant has none too.
        storage: how the dense vectors are stored, a name of `qdrant.storage.STORAGES`.
        unused: those of `vectors` that no point carries: there is no room for them, and a search
            by one finds nothing.
    """

    variant: str
    fingerprint: str
    dim: int
    base: str = ""
    source: str = ""
    vectors: tuple[str, ...] = VECTORS
    dims: Mapping[str, int] = field(default_factory=dict)
    words: WordSettings | None = None
    payload: int = 1
    numbers: tuple[str, ...] = ()
    precision: str = ""
    text_precision: str = ""
    storage: str = DEFAULT
    unused: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_variant(self.variant)
        least = min([self.dim, *self.dims.values()])
        if least < 1:
            raise StoreError(f"Variant '{self.variant}' has vectors of {least} dimensions.")
        object.__setattr__(self, "vectors", tuple(self.vectors))  # JSON has lists only
        object.__setattr__(self, "numbers", tuple(self.numbers))
        object.__setattr__(self, "unused", tuple(self.unused))
        if isinstance(self.words, Mapping):
            object.__setattr__(self, "words", WordSettings(**self.words))
        if not self.vectors or len(set(self.vectors)) != len(self.vectors):
            raise StoreError(f"Variant '{self.variant}' needs vector names that differ.")
        if self.storage not in STORAGES:
            raise StoreError(
                f"Variant '{self.variant}' cannot store vectors as '{self.storage}'; take "
                f"{', '.join(STORAGES)}."
            )

    @property
    def sparse(self) -> tuple[str, ...]:
        """Names of the sparse vectors that points may carry.

        Scores weight each term by its inverse document frequency (IDF), which the engine computes
        over the collection.
        """
        return (WORDS,) if self.words else ()

    @property
    def stored(self) -> tuple[str, ...]:
        """Names of the dense vectors that there is room for."""
        return tuple(name for name in self.vectors if name not in self.unused)

    @property
    def stored_as(self) -> Storage:
        """How the dense vectors are stored."""
        return STORAGES[self.storage]

    def dim_of(self, vector: str) -> int:
        """Return the dimensions of a dense vector."""
        return self.dims.get(vector, self.dim)

    def facts(self) -> dict[str, Any]:
        """Return the fields of a Spec by name, also of a Collection; JSON but for tuples."""
        whole = asdict(self)
        return {part.name: whole[part.name] for part in fields(Spec)}


@dataclass(frozen=True, slots=True)
class GraphSearch:
    """How a dense vector of a collection is searched (`qdrant.recall`).

    Attributes:
        ef: candidates that the graph search keeps; None compares with every product.
        recall: measured share of the exact ten nearest that is found, 0 to 1.
    """

    ef: int | None
    recall: float


@dataclass(frozen=True)
class Collection(Spec):
    """A published generation of a variant's vectors.

    Attributes:
        generation: name of the build, made of its time.
        points: products in it.
        created: UTC time of the build, ISO 8601.
        graphs: by dense vector, how it is searched; none for vectors that are always scanned, nor
            in collections of earlier versions.
        changed: products written or deleted since `graphs` was measured.
    """

    generation: str = ""
    points: int = 0
    created: str = ""
    graphs: Mapping[str, GraphSearch] = field(default_factory=dict)
    changed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        graphs = {
            name: GraphSearch(**graph) if isinstance(graph, Mapping) else graph
            for name, graph in self.graphs.items()
        }
        object.__setattr__(self, "graphs", graphs)


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a number, or of a date as ISO 8601 text; None is no bound.

    Attributes:
        gt, gte: above this; at least this.
        lt, lte: below this; at most this.
    """

    gt: float | str | None = None
    gte: float | str | None = None
    lt: float | str | None = None
    lte: float | str | None = None

    @property
    def bounds(self) -> tuple[float | str, ...]:
        """The bounds there are."""
        return tuple(b for b in (self.gt, self.gte, self.lt, self.lte) if b is not None)


@dataclass(frozen=True, slots=True)
class Where:
    """A condition on one attribute, or on a field of `qdrant.filters.FIELDS`.

    Attributes:
        name: of the attribute or field.
        values: the product has one of these,
        ranges: or a number or date in one of these.
        negated: it has none of them; a product without the attribute then matches.
    """

    name: str
    values: tuple[str, ...] = ()
    ranges: tuple[Range, ...] = ()
    negated: bool = False


@dataclass(frozen=True)
class Filters:
    """Which products may be found; every part given must hold.

    Attributes:
        categories: one of these: a department, a deeper step, or a path as "Kitchen > Kettles".
        brands: one of these.
        price_min: price at least this; a product without a price never matches.
        price_max: price at most this.
        rating_min: rating at least this.
        has_picture: True: only products with a picture, or an `image` vector; False: the others.
        exclude: not these product ids.
        ids: only these product ids; empty means all.
        phrases: each of these sequences of terms, divided by blanks (`words.Words.terms`), occurs
            in the product's searched text.
        not_phrases: none of these does.
        in_stock: True: only products in stock; False: only those that are not. Those of which
            nothing is known never match.
        where: conditions on attributes and fields.
    """

    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    price_min: float | None = None
    price_max: float | None = None
    rating_min: float | None = None
    has_picture: bool | None = None
    exclude: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    not_phrases: tuple[str, ...] = ()
    in_stock: bool | None = None
    where: tuple[Where, ...] = ()


NO_FILTERS = Filters()


@dataclass(frozen=True, slots=True)
class VectorQuery:
    """One query of a batch, each by a vector of its own.

    Attributes:
        vector: which vector of the products; products without it are not found.
        query: what it is compared with: (d,) of any length or, for a sparse vector, terms.
        k: how many products, from 1 to `layout.MAX_RESULTS`.
        filters: which products may be found.
        exact: compare with every product instead of using the graph.
        ef: candidates that the graph search keeps; None takes what was measured (`Collection`).
        payload: names of the facts that the hits have besides the id; None reads all of them.
        ties: whether ids decide among equal scores; else the engine does, which is faster.
    """

    vector: str
    query: np.ndarray | SparseVector
    k: int = 10
    filters: Filters = NO_FILTERS
    exact: bool = False
    ef: int | None = None
    payload: tuple[str, ...] | None = None
    ties: bool = True


def check_variant(variant: str) -> str:
    """Return the name when it can name a collection.

    Raises:
        StoreError: it cannot.
    """
    if not _VARIANT.fullmatch(variant):
        raise StoreError(
            f"'{variant}' cannot name a variant: use 1 to 64 of a-z, 0-9 and the underscore."
        )
    return variant
