"""Validation: a model in training is evaluated after each epoch, always on the same products."""

from collections.abc import Sequence

from finetune.examples import Examples
from finetune.model import Model
from finetune.query_retrieval import QUERY_TO_PRODUCT, QueryTask
from finetune.retrieval import Scores, embed, encoder_of, means, score_directions

MIN_GALLERY = 250  # products of a validation, where there are so many


class Validation:
    """Evaluates a model in training, always on the same products.

    In a small gallery every product is found and all epochs score alike. So a few validation
    products are searched among some training products.

    Args:
        model: the model.
        examples: all products.
        queries: rows that are queries.
        others: rows that fill the gallery up to `MIN_GALLERY`, in this order.
        batch_size: pictures embedded at once.
        task: queries of people, which are a direction of their own; None: none.
        alone: only these queries count.
    """

    def __init__(
        self,
        model: Model,
        examples: Examples,
        queries: Sequence[int],
        others: Sequence[int],
        batch_size: int,
        task: QueryTask | None = None,
        *,
        alone: bool = False,
    ) -> None:
        self._model, self._examples = model, examples
        self._task, self._alone = task, alone and task is not None
        self._queries = sorted(queries)
        self._gallery = sorted([*queries, *others[: max(0, MIN_GALLERY - len(queries))]])
        self._encoder = encoder_of(model, batch_size)

    def __call__(self) -> dict[str, float]:
        """The means of `PROGRESS_MEASURES`, over the directions."""
        self._model.dual_encoder.eval()
        try:
            vectors = embed(self._encoder, self._examples, self._gallery, self._queries)
            scores: dict[str, Scores] = {}
            if not self._alone:
                scores |= score_directions(vectors, self._examples, self._gallery, self._queries)
            if self._task:
                scores[QUERY_TO_PRODUCT] = self._task.scores(
                    self._encoder, vectors, self._examples, self._gallery
                )
        finally:
            self._model.dual_encoder.train()
        return means(scores)
