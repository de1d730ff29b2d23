"""A precision of inference beside float32, by labelled queries.

The trial of `vitrine ingest vectors` compares vectors. Here their rankings are compared: the
queries search a pool of products, the relevant ones among others, by exact cosines.
"""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from catalog.catalogue import Catalogue, Entry
from encoder.runtimes.converted import Converted
from encoder.runtimes.source import DualEncoderSource, Source, TextModelSource
from encoder.variant import Variant
from eval import EvalError
from eval.clusters import cluster_queries
from eval.groups import group_of
from eval.intervals import DIFFERENCES, SHARES, interval, sum_clusters
from eval.measures import CUT, DECIDING, score
from eval.queries import LabelledQuery
from vitrine.reservoir import Reservoir

if TYPE_CHECKING:
    from encoder.encoder import Encoder

POOL = 2_000  # products that are searched: two minutes of a ViT-B/32 in float32 on two cores


@dataclass(frozen=True)
class PrecisionResult:
    """The nDCG@10 of one vector in a precision and in float32.

    Attributes:
        vector: "image" or "text".
        precision: the one in question.
        queries: that were measured.
        products: that were searched.
        float32, low, high: the mean in float32, and its 95 % interval.
        mean: in the precision.
        difference: of the two means, with the ends of its 95 % interval.
    """

    vector: str
    precision: str
    queries: int
    products: int
    float32: float
    low: float
    high: float
    mean: float
    difference: tuple[float, float, float]

    @property
    def refused(self) -> bool:
        """Whether it is below float32's interval."""
        return self.mean < self.low


@dataclass(frozen=True)
class Pool:
    """Products to search, and the queries that have a relevant one among them."""

    entries: Sequence[Entry]
    queries: Sequence[LabelledQuery]

    @classmethod
    def draw(
        cls, catalogue: Catalogue, queries: Iterable[LabelledQuery], size: int, seed: int
    ) -> "Pool":
        """The relevant products, and others up to a size.

        Raises:
            EvalError: no query has a text and a relevant product of the catalogue.
        """
        texts = [query for query in queries if query.text]
        wanted = {name for query in texts for name, grade in query.relevant.items() if grade}
        relevant, others = list[Entry](), Reservoir[Entry](size, random.Random(seed))
        for entry in catalogue.entries():
            if entry.product.id in wanted:
                relevant.append(entry)
            else:
                others.add(entry)
        there = {entry.product.id for entry in relevant}
        kept = [query for query in texts if any(map(query.relevant.get, there))]
        if not kept:
            raise EvalError(
                "No query has a text and a relevant product of this catalogue: name labelled "
                "queries of this shop with --queries."
            )
        return cls([*relevant, *others.items[: max(size - len(relevant), 0)]], kept)


def sources_of(variant: Variant) -> dict[str, Source]:
    """The converted model behind each vector."""
    dual = DualEncoderSource(variant)
    return {
        "image": dual,
        "text": TextModelSource(variant) if variant.manifest.text_model else dual,
    }


def compare_precision(
    variant: Variant, catalogue: Catalogue, pool: Pool, *, resamples: int, seed: int
) -> Iterator[tuple[PrecisionResult, Converted]]:
    """Measure each vector in the precision that its model was converted to, and in float32.

    Yields:
        The result of a vector, and the converted model behind it; none for a vector whose model is
        not converted, or was in float32.

    Raises:
        EncoderError: the variant cannot be loaded.
    """
    from encoder.encoder import Encoder

    encoders: list[Encoder] = []
    clusters = {
        query.id: cluster
        for query, cluster in zip(
            pool.queries, cluster_queries(pool.queries, group_of(pool.entries)), strict=True
        )
    }
    for vector, source in sources_of(variant).items():
        found = Converted.find(source)
        if found is None or not found.has("auto") or found.facts.precision == "float32":
            continue
        encoders = encoders or [Encoder.load(variant, precision="float32"), Encoder.load(variant)]
        pairs = [_ranked(each, vector, variant, catalogue, pool) for each in encoders]
        qrels = _qrels(pool, pairs[0][0])
        if not qrels:
            continue
        plain, other = (score(qrels, ranked)[DECIDING] for _, ranked in pairs)
        sums = sum_clusters(
            np.stack([plain, other - plain], axis=1), np.array([clusters[name] for name in qrels])
        )
        shares = interval(sums, bounds=SHARES, resamples=resamples, seed=seed)
        changes = interval(sums, bounds=DIFFERENCES, resamples=resamples, seed=seed)
        yield (
            PrecisionResult(
                vector=vector,
                precision=found.facts.precision,
                queries=len(qrels),
                products=len(pairs[0][0]),
                float32=float(plain.mean()),
                low=float(shares[0][0]),
                high=float(shares[1][0]),
                mean=float(other.mean()),
                difference=(
                    float((other - plain).mean()),
                    float(changes[0][1]),
                    float(changes[1][1]),
                ),
            ),
            found,
        )


def _qrels(pool: Pool, products: Sequence[str]) -> dict[str, Mapping[str, int]]:
    """The grades of the queries that have a relevant product among those."""
    there = set(products)
    found = {
        query.id: {name: grade for name, grade in query.relevant.items() if name in there}
        for query in pool.queries
    }
    return {name: grades for name, grades in found.items() if any(grades.values())}


def _ranked(
    encoder: "Encoder", vector: str, variant: Variant, catalogue: Catalogue, pool: Pool
) -> tuple[list[str], dict[str, list[str]]]:
    """The products that have the vector, and the first of them for each query."""
    texts = [query.text for query in pool.queries]
    ids: list[str] = []
    rows: list[np.ndarray] = []
    if vector == "image":
        hashes = {entry.product.id: entry.picture for entry in pool.entries if entry.picture}
        for pictures in encoder.stream_images(
            hashes, lambda product: catalogue.pictures.open(hashes[product])
        ):
            ids += pictures.keys
            rows.append(pictures.vectors)
        searched = encoder.encode_texts(texts)
    else:
        documents = (
            (entry.product.id, variant.template.product_text(entry.product, entry.summary))
            for entry in pool.entries
        )
        for batch in encoder.stream_documents(documents):
            ids += batch.keys
            rows.append(batch.vectors)
        searched = encoder.encode_queries(texts)
    vectors = np.concatenate([*rows, np.empty((0, searched.shape[1]), np.float32)])
    order = np.argsort(-(searched @ vectors.T), axis=1, kind="stable")[:, :CUT]
    return ids, {
        query.id: [ids[place] for place in best]
        for query, best in zip(pool.queries, order, strict=True)
    }
