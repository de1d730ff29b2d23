"""The evaluation of base and trained variant on the test split."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from encoder.encoder import Encoder
from encoder.variant import Variant
from eval.comparison import Difference, Estimate, compare_variants, estimate, holm
from eval.intervals import RESAMPLES
from eval.measures import DECIDING, MEASURES
from finetune.examples import Examples
from finetune.retrieval import DIRECTIONS, Scores, embed, score_directions

BASE, TUNED = "base", "tuned"
SHOWN = (DECIDING, "MRR", "Recall@1", "Recall@10")


@dataclass(frozen=True)
class Evaluation:
    """The result.

    Attributes:
        queries: test products, each a query in each direction.
        groups: their product groups: the queries of one are dependent, and one cluster.
        gallery: products that were searched.
        estimates: by direction, by `base` and `tuned`, by measure.
        differences: of nDCG@10 by direction; p is corrected for the two directions.
        gain: of each product's mean nDCG@10 over the directions, which decides.
    """

    queries: int
    groups: int
    gallery: int
    estimates: Mapping[str, Mapping[str, Mapping[str, Estimate]]]
    differences: Mapping[str, Difference]
    gain: Difference

    @property
    def recommended(self) -> bool:
        """Whether a gain is proven: its 95 % interval is above 0, and no direction's is below."""
        return self.gain.low > 0 and not any(gap.high < 0 for gap in self.differences.values())

    def facts(self) -> dict[str, Any]:
        """The figures as JSON has them."""
        return {
            "queries": self.queries,
            "groups": self.groups,
            "gallery": self.gallery,
            "gain": asdict(self.gain),
            "ways": {
                direction: {
                    **{
                        name: {measure: asdict(measures[measure]) for measure in SHOWN}
                        for name, measures in both.items()
                    },
                    "difference": asdict(self.differences[direction]),
                }
                for direction, both in self.estimates.items()
            },
        }


def evaluate(
    base: Variant,
    tuned: Variant,
    examples: Examples,
    queries: Sequence[int],
    *,
    device: str | None = None,
    seed: int = 0,
) -> Evaluation:
    """Search the whole catalogue with base and trained variant.

    Args:
        base: the variant without what was trained.
        tuned: with it, loaded as searches load it.
        examples: all products, which are the gallery.
        queries: rows of the test products.
        device: torch's name of it.
        seed: of bootstrap and randomisation.
    """
    gallery = range(len(examples))
    scores: dict[str, dict[str, Scores]] = {}
    for name, variant in ((BASE, base), (TUNED, tuned)):
        encoder = Encoder.load(variant, precision="float32", device=device)
        vectors = embed(encoder, examples, gallery, queries)
        scores[name] = score_directions(vectors, examples, gallery, queries)
    groups = [examples.groups[row] for row in queries]
    return compare(scores, groups, gallery=len(examples), seed=seed)


def compare(
    scores: Mapping[str, Mapping[str, Scores]],
    groups: Sequence[str],
    *,
    gallery: int,
    seed: int = 0,
) -> Evaluation:
    """Intervals and tests of the scores of base and trained variant, by direction and measure.

    Args:
        scores: of each query, by `base` and `tuned`, by direction.
        groups: the product group of each query.
        gallery: products that were searched.
        seed: of bootstrap and randomisation.
    """
    means, gaps = {}, {}
    for direction in DIRECTIONS:
        both = {name: scores[name][direction] for name in (BASE, TUNED)}
        means[direction] = estimate(both, resamples=RESAMPLES, seed=seed, clusters=groups)
        gaps[direction] = _difference(both, groups, seed)
    corrected = holm([gap.p for gap in gaps.values()])
    overall = {
        name: {
            measure: np.mean([scores[name][direction][measure] for direction in DIRECTIONS], axis=0)
            for measure in MEASURES
        }
        for name in (BASE, TUNED)
    }
    return Evaluation(
        len(groups),
        len(set(groups)),
        gallery,
        means,
        {
            direction: replace(gap, p_holm=p)
            for (direction, gap), p in zip(gaps.items(), corrected, strict=True)
        },
        _difference(overall, groups, seed),
    )


def _difference(both: Mapping[str, Scores], groups: Sequence[str], seed: int) -> Difference:
    tested = compare_variants(both, resamples=RESAMPLES, seed=seed, clusters=groups)
    return next(each for each in tested if each.measure == DECIDING)
