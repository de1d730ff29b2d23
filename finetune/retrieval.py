"""Retrieval between titles, pictures and texts, measured on held-out products.

The directions are title → picture and picture → text. Title → text is left out: a product's text
contains its title. Relevant are the product itself and those that share its title or picture.
Others of its parent, such as shades of a lipstick, are left out of its results: neither right nor
wrong.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from encoder.checkpoint import Checkpoint
from encoder.encoder import Encoder
from encoder.model import DualEncoder
from encoder.template import TEMPLATES
from encoder.variant import Manifest, Variant
from eval.indexes import ExactIndex
from eval.measures import DECIDING, average_name, score
from finetune.examples import PARENT, PICTURE, TITLE, Examples
from finetune.model import Model

TITLE_TO_PICTURE, PICTURE_TO_TEXT = "title → picture", "picture → text"
DIRECTIONS = (TITLE_TO_PICTURE, PICTURE_TO_TEXT)

PROGRESS_MEASURES = ("Recall@10", DECIDING)
DEPTH = 100  # results of a query: deeper ones would change MRR by less than 0.01
SIMILARITY_DEPTH = 5  # k of the reference system's AvgMeanSimilarity@k

Scores = Mapping[str, np.ndarray]  # measure → score of each query (n,)


@dataclass(frozen=True)
class Vectors:
    """Unit vectors of all products, float32 (n, d) each, in the order of the examples.

    Rows outside gallery and queries are zero.
    """

    title: np.ndarray
    picture: np.ndarray
    text: np.ndarray


def embed(
    encoder: Encoder,
    examples: Examples,
    gallery: Sequence[int],
    queries: Sequence[int],
) -> Vectors:
    """Embed the products of an evaluation.

    Args:
        encoder: a variant's, or of a model in training.
        examples: the products.
        gallery: rows that are searched.
        queries: rows that are queries; each is in the gallery.

    Raises:
        FinetuneError: a picture cannot be read.
    """
    rows = examples.rows
    vectors = Vectors(*(np.zeros((len(rows), encoder.dim), np.float32) for _ in range(3)))
    for batch in encoder.stream_images(gallery, lambda row: examples.open(rows[row])):
        for _, error in batch.failed:
            raise error
        vectors.picture[batch.keys] = batch.vectors
    vectors.text[list(gallery)] = encoder.encode_texts([rows[row].text for row in gallery])
    vectors.title[list(queries)] = encoder.encode_texts([rows[row].title for row in queries])
    return vectors


def score_directions(
    vectors: Vectors, examples: Examples, gallery: Sequence[int], queries: Sequence[int]
) -> dict[str, Scores]:
    """Score each query in each direction.

    Args:
        vectors: of the products.
        examples: the products.
        gallery: rows that are searched.
        queries: rows that are queries.

    Returns:
        By direction, the measures of `eval.measures` and AvgMeanSimilarity@5 of each query, in the
        order of `queries`.
    """
    pairs = {
        TITLE_TO_PICTURE: (vectors.title, vectors.picture),
        PICTURE_TO_TEXT: (vectors.picture, vectors.text),
    }
    return {
        direction: _scores(query_vectors, searched, examples, gallery, queries)
        for direction, (query_vectors, searched) in pairs.items()
    }


def means(scores: Mapping[str, Scores]) -> dict[str, float]:
    """The measures shown while training: means over queries, then over directions."""
    return {
        name: float(np.mean([each[name].mean() for each in scores.values()]))
        for name in PROGRESS_MEASURES
    }


def _scores(
    query_vectors: np.ndarray,
    searched: np.ndarray,
    examples: Examples,
    gallery: Sequence[int],
    queries: Sequence[int],
) -> Scores:
    names = [example.id for example in examples.rows]
    keys = [tuple(enumerate(codes)) for codes in examples.codes.tolist()]
    having: dict[tuple[int, int], set[str]] = defaultdict(set)
    for row in gallery:
        for key in keys[row]:
            having[key].add(names[row])
    relevant = {row: having[keys[row][TITLE]] | having[keys[row][PICTURE]] for row in queries}
    ignored = {row: having[keys[row][PARENT]] - relevant[row] for row in queries}
    depth = min(DEPTH + max(map(len, ignored.values())), len(gallery))
    cosines, columns = ExactIndex(searched[gallery]).search(query_vectors[list(queries)], depth)
    ranked = {
        names[row]: [
            name for name in (names[gallery[column]] for column in best) if name not in ignored[row]
        ][:DEPTH]
        for row, best in zip(queries, columns, strict=True)
    }
    qrels = {names[row]: dict.fromkeys(relevant[row], 1) for row in queries}
    similarities = cosines[:, :SIMILARITY_DEPTH].mean(axis=1, dtype=float)
    return MappingProxyType({**score(qrels, ranked), average_name(SIMILARITY_DEPTH): similarities})


def encoder_of(model: Model, batch_size: int) -> Encoder:
    """An encoder over a model in training, which has to be in evaluation mode when it is used."""
    checkpoint = model.checkpoint
    return Encoder(
        _unsaved_variant(checkpoint),
        DualEncoder(model.dual_encoder, checkpoint),
        checkpoint.tokenizer(),
        batch_size,
    )


def _unsaved_variant(checkpoint: Checkpoint) -> Variant:
    """A variant without a file, which gives an encoder its dimension."""
    manifest = Manifest(
        name="training",
        base=checkpoint.base,
        revision=checkpoint.revision,
        tokenizer_hash=checkpoint.tokenizer_hash,
        processor_hash=checkpoint.processor_hash,
        template=TEMPLATES["title"],
        dim=checkpoint.dim,
        image_side=checkpoint.image_side,
        max_tokens=checkpoint.max_tokens,
        created="",
    )
    return Variant(manifest, checkpoint.folder)
