"""The last look: base and trained variant on products that played no part in training."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from encoder.encoder import Encoder
from encoder.variant import Variant
from eval.comparison import RESAMPLES, Difference, Estimate, differences, estimates, holm
from eval.measures import DECIDING
from finetune.examples import Examples
from finetune.retrieval import DIRECTIONS, Scores, embed, score_directions
from pictures.store import PictureStore

BASE, TUNED = "base", "tuned"
SHOWN = (DECIDING, "MRR", "Recall@1", "Recall@10")


@dataclass(frozen=True)
class Evaluation:
    """How both did.

    Attributes:
        queries: products that asked, each direction.
        gallery: products that could be found.
        estimates: by direction, by `base` and `tuned`, by measure.
        differences: in nDCG@10 by direction, corrected for there being two directions.
    """

    queries: int
    gallery: int
    estimates: Mapping[str, Mapping[str, Mapping[str, Estimate]]]
    differences: Mapping[str, Difference]

    def facts(self) -> dict[str, Any]:
        """The figures as JSON has them."""
        return {
            "queries": self.queries,
            "gallery": self.gallery,
            "ways": {
                direction: {
                    name: {measure: asdict(told[measure]) for measure in SHOWN}
                    for name, told in both.items()
                }
                | {"difference": asdict(self.differences[direction])}
                for direction, both in self.estimates.items()
            },
        }


def evaluate(
    base: Variant,
    tuned: Variant,
    examples: Examples,
    pictures: PictureStore,
    queries: Sequence[int],
    *,
    device: str | None = None,
    seed: int = 0,
) -> Evaluation:
    """Ask base and trained variant the same, over the whole catalogue.

    Args:
        base: the variant without what was trained.
        tuned: with it, loaded as searches load it.
        examples: all products; each can be found.
        pictures: where their pictures lie.
        queries: rows of the held-out products.
        device: torch's name of it.
        seed: of resamples and signs.
    """
    gallery = range(len(examples))
    scores: dict[str, dict[str, Scores]] = {}
    for name, variant in ((BASE, base), (TUNED, tuned)):
        encoder = Encoder.load(variant, precision="float32", device=device)
        vectors = embed(encoder, examples, pictures, gallery, queries)
        scores[name] = score_directions(vectors, examples, gallery, queries)
    return compare(scores, queries=len(queries), gallery=len(examples), seed=seed)


def compare(
    scores: Mapping[str, Mapping[str, Scores]], *, queries: int, gallery: int, seed: int = 0
) -> Evaluation:
    """Put intervals and tests to the scores of both."""
    by_direction = {
        direction: {name: scores[name][direction] for name in (BASE, TUNED)}
        for direction in DIRECTIONS
    }
    told = {
        direction: estimates(both, resamples=RESAMPLES, seed=seed)
        for direction, both in by_direction.items()
    }
    gaps = {
        direction: next(
            each
            for each in differences(both, resamples=RESAMPLES, seed=seed)
            if each.measure == DECIDING
        )
        for direction, both in by_direction.items()
    }
    corrected = holm([gap.p for gap in gaps.values()])
    return Evaluation(
        queries,
        gallery,
        told,
        {
            direction: Difference(**{**asdict(gap), "p_holm": p})
            for (direction, gap), p in zip(gaps.items(), corrected, strict=True)
        },
    )
