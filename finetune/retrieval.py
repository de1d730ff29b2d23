"""How well titles find pictures and pictures find texts, on products that are held out.

A title is asked of pictures only and a picture of texts only: the words of a product's own title
stand in its text, so anything else would ask for what is given away. Right answers are the
product itself and those that share its title, picture or parent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from encoder.checkpoint import Checkpoint
from encoder.encoder import Encoder
from encoder.model import DualEncoder
from encoder.template import TEMPLATES
from encoder.tokenizer import Tokenizer
from encoder.variant import Manifest, Variant
from eval.measures import DECIDING, average_name, score
from finetune.errors import DataUnfit
from finetune.examples import Examples
from finetune.model import Model
from pictures.store import PictureStore

TITLE_TO_PICTURE, PICTURE_TO_TEXT = "title → picture", "picture → text"
DIRECTIONS = (TITLE_TO_PICTURE, PICTURE_TO_TEXT)

PROGRESS_MEASURES = ("Recall@10", DECIDING)  # of the measures, while training
DEPTH = 100  # answers of a query: beyond them MRR gains nothing that could be seen
NEAR = 5  # answers whose mean similarity the reference system reports
BLOCK = 512  # queries compared with the gallery at a time
GALLERY = 500  # products that can be found in a validation, at least, where there are so many

Scores = Mapping[str, np.ndarray]  # measure → score of each query (n,)


@dataclass(frozen=True)
class Vectors:
    """Unit vectors of all products, float32 (n, d) each, in the order of the examples.

    Rows that were not asked for are zero.
    """

    title: np.ndarray
    picture: np.ndarray
    text: np.ndarray


def embed(
    encoder: Encoder,
    examples: Examples,
    pictures: PictureStore,
    gallery: Sequence[int],
    queries: Sequence[int],
) -> Vectors:
    """Embed what a judgement needs.

    Args:
        encoder: a variant's, or a model's in training.
        examples: the products.
        pictures: where their pictures lie.
        gallery: rows that can be found.
        queries: rows that ask; all of them among the gallery.

    Raises:
        DataUnfit: a picture cannot be read.
    """
    rows = examples.rows
    made = Vectors(*(np.zeros((len(rows), encoder.dim), np.float32) for _ in range(3)))
    opened = encoder.stream_images(gallery, lambda row: pictures.open(rows[row].picture))
    for batch in opened:
        for row, error in batch.failed:
            raise DataUnfit(
                f"The stored picture of product {rows[row].id} cannot be read ({error}): delete "
                f"{pictures.path(rows[row].picture)} and run `vitrine ingest images`."
            ) from error
        made.picture[batch.keys] = batch.vectors
    made.text[list(gallery)] = encoder.encode_texts([rows[row].text for row in gallery])
    made.title[list(queries)] = encoder.encode_texts([rows[row].title for row in queries])
    return made


def score_directions(
    vectors: Vectors, examples: Examples, gallery: Sequence[int], queries: Sequence[int]
) -> dict[str, Scores]:
    """Score each query, each direction.

    Args:
        vectors: of the products.
        examples: the products.
        gallery: rows that can be found.
        queries: rows that ask.

    Returns:
        By direction, the measures of `eval.measures` and AvgMeanSimilarity@5 of each query, in the
        order of `queries`.
    """
    pairs = {
        TITLE_TO_PICTURE: (vectors.title, vectors.picture),
        PICTURE_TO_TEXT: (vectors.picture, vectors.text),
    }
    return {
        direction: _ranked(asked, found, examples, np.array(gallery), queries)
        for direction, (asked, found) in pairs.items()
    }


def means(scores: Mapping[str, Scores]) -> dict[str, float]:
    """The measures that are told while training: mean over queries, then over both directions."""
    return {
        name: float(np.mean([scores[direction][name].mean() for direction in DIRECTIONS]))
        for name in PROGRESS_MEASURES
    }


def _ranked(
    asked: np.ndarray,
    found: np.ndarray,
    examples: Examples,
    gallery: np.ndarray,
    queries: Sequence[int],
) -> Scores:
    ids = [examples.rows[row].id for row in gallery]
    ranked: dict[str, list[str]] = {}
    qrels: dict[str, dict[str, int]] = {}
    near = np.empty(len(queries))
    for start in range(0, len(queries), BLOCK):
        rows = list(queries[start : start + BLOCK])
        cosines = asked[rows] @ found[gallery].T
        positives = examples.positives(rows, gallery.tolist())
        for index, row in enumerate(rows):
            best = _best(cosines[index])
            name = examples.rows[row].id
            ranked[name] = [ids[at] for at in best]
            qrels[name] = {ids[at]: 1 for at in np.flatnonzero(positives[index])}
            near[start + index] = cosines[index][best[:NEAR]].mean()
    return MappingProxyType({**score(qrels, ranked), average_name(NEAR): near})


def _best(cosines: np.ndarray) -> np.ndarray:
    """The places of the highest cosines, best first, equals in the gallery's order."""
    few = np.arange(len(cosines))
    if len(cosines) > DEPTH:
        least = np.partition(cosines, -DEPTH)[-DEPTH]
        few = np.flatnonzero(cosines >= least)
    return few[np.argsort(-cosines[few], kind="stable")][:DEPTH]


def encoder_of(model: Model, batch_size: int) -> Encoder:
    """A model in training, to embed with as it is now; its dropout has to be off meanwhile."""
    checkpoint = model.checkpoint
    return Encoder(
        _provisional(checkpoint),
        DualEncoder(model.clip, checkpoint.processor),
        checkpoint.processor,
        Tokenizer(checkpoint.folder, checkpoint.max_tokens),
        batch_size,
    )


def _provisional(checkpoint: Checkpoint) -> Variant:
    """A variant that is on no disk: an encoder asks one for its dimension."""
    manifest = Manifest(
        name="training",
        base=checkpoint.base,
        revision=checkpoint.revision,
        tokenizer_hash=checkpoint.tokenizer_hash,
        processor_hash=checkpoint.processor.hash,
        template=TEMPLATES["title"],
        dim=checkpoint.dim,
        image_side=checkpoint.image_side,
        max_tokens=checkpoint.max_tokens,
        created="",
    )
    return Variant(manifest, checkpoint.folder)


class Validation:
    """Judges a model while it is trained, always on the same products.

    Among few products everything is found, so that nothing could be told of an epoch; where the
    held-out ones are few, some that are learnt from can be found too.

    Args:
        model: what is judged.
        examples: all products.
        pictures: where their pictures lie.
        queries: rows that ask.
        others: rows that can be found beside them, the first ones as far as need be.
        batch_size: pictures embedded at a time.
    """

    def __init__(
        self,
        model: Model,
        examples: Examples,
        pictures: PictureStore,
        queries: Sequence[int],
        others: Sequence[int],
        batch_size: int,
    ) -> None:
        self._model, self._examples, self._pictures = model, examples, pictures
        self._queries = sorted(queries)
        self._gallery = sorted([*queries, *others[: max(0, GALLERY - len(queries))]])
        self._encoder = encoder_of(model, batch_size)

    def __call__(self) -> dict[str, float]:
        """The means of `PROGRESS_MEASURES`, over both directions."""
        self._model.clip.eval()
        try:
            vectors = embed(
                self._encoder, self._examples, self._pictures, self._gallery, self._queries
            )
        finally:
            self._model.clip.train()
        return means(score_directions(vectors, self._examples, self._gallery, self._queries))
