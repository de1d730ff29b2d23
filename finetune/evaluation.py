"""The evaluation of base and trained variant on the test split."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from encoder.encoder import Encoder
from encoder.variant import Variant
from eval.comparison import Difference, Estimate, compare_variants, estimate, holm
from eval.intervals import RESAMPLES
from eval.measures import DECIDING, MEASURES
from finetune.examples import Examples
from finetune.query_retrieval import QueryTask
from finetune.retrieval import DIRECTIONS, Scores, embed, score_directions

BASE, TUNED = "base", "tuned"
MIN_CATEGORY = 20  # test products of a category that is reported by itself
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
        by_category: the same of the test products of each category with `MIN_CATEGORY` or more.
        forgotten: the same of products of categories that were not trained on; None where all were.
        pairs: difference in nDCG@10 on held-out queries of people; None where there are none.
    """

    queries: int
    groups: int
    gallery: int
    estimates: Mapping[str, Mapping[str, Mapping[str, Estimate]]]
    differences: Mapping[str, Difference]
    gain: Difference
    by_category: Mapping[str, Difference] = field(default_factory=dict)
    forgotten: Difference | None = None
    pairs: Difference | None = None

    @property
    def recommended(self) -> bool:
        """Whether a gain is proven: a 95 % interval is above 0, and none is below.

        The gain is that on products or, where there are queries of people, on these.
        """
        gaps = [*self.differences.values(), *([self.pairs] if self.pairs else [])]
        gains = self.gain.low > 0 or (self.pairs is not None and self.pairs.low > 0)
        return gains and not any(gap.high < 0 for gap in gaps)

    def facts(self) -> dict[str, Any]:
        """The figures as JSON has them."""
        return {
            "queries": self.queries,
            "groups": self.groups,
            "gallery": self.gallery,
            "gain": asdict(self.gain),
            "by_category": {name: asdict(gap) for name, gap in self.by_category.items()},
            "forgotten": asdict(self.forgotten) if self.forgotten else None,
            "pairs": asdict(self.pairs) if self.pairs else None,
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
    others: Sequence[int] = (),
    task: QueryTask | None = None,
    device: str | None = None,
    seed: int = 0,
) -> Evaluation:
    """Search the whole catalogue with base and trained variant.

    Args:
        base: the variant without what was trained.
        tuned: with it, loaded as searches load it.
        examples: all products, which are the gallery.
        queries: rows of the test products.
        others: rows of products of categories that were not trained on, queries as well.
        task: held-out queries of people; None: none.
        device: torch's name of it.
        seed: of bootstrap and randomisation.
    """
    gallery, rows = range(len(examples)), [*queries, *others]
    scores: dict[str, dict[str, Scores]] = {}
    of_pairs: dict[str, Scores] = {}
    for name, variant in ((BASE, base), (TUNED, tuned)):
        encoder = Encoder.load(variant, precision="float32", device=device)
        vectors = embed(encoder, examples, gallery, rows)
        scores[name] = score_directions(vectors, examples, gallery, rows)
        if task:
            of_pairs[name] = task.scores(encoder, vectors, examples, gallery)
    compared = Compared(scores, [examples.groups[row] for row in rows], seed)
    test = range(len(queries))
    categories = [examples.rows[row].category for row in queries]
    counts = Counter(categories)
    named = sorted(name for name, count in counts.items() if name and count >= MIN_CATEGORY)
    return replace(
        compared.evaluation(test, gallery=len(examples)),
        by_category={
            name: compared.gain([row for row in test if categories[row] == name]) for name in named
        },
        forgotten=compared.gain(range(len(queries), len(rows))) if others else None,
        pairs=deciding_difference(of_pairs, task.clusters(examples), seed) if task else None,
    )


@dataclass(frozen=True)
class Compared:
    """Scores of base and trained variant, and their intervals and tests.

    Attributes:
        scores: of each query, by `base` and `tuned`, by direction.
        groups: the product group of each query.
        seed: of bootstrap and randomisation.
    """

    scores: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]]
    groups: Sequence[str]
    seed: int = 0

    def evaluation(self, rows: Sequence[int], *, gallery: int) -> Evaluation:
        """Compare some queries in each direction.

        Args:
            rows: of the queries.
            gallery: products that were searched.
        """
        groups = [self.groups[row] for row in rows]
        means, gaps = {}, {}
        for direction in DIRECTIONS:
            both = {
                name: {key: values[rows] for key, values in self.scores[name][direction].items()}
                for name in (BASE, TUNED)
            }
            means[direction] = estimate(both, resamples=RESAMPLES, seed=self.seed, clusters=groups)
            gaps[direction] = self._difference(both, groups)
        corrected = holm([gap.p for gap in gaps.values()])
        differences = {
            direction: replace(gap, p_holm=p)
            for (direction, gap), p in zip(gaps.items(), corrected, strict=True)
        }
        return Evaluation(
            len(groups), len(set(groups)), gallery, means, differences, self.gain(rows)
        )

    def gain(self, rows: Sequence[int]) -> Difference:
        """The difference in the mean over the directions, of some queries."""
        both = {
            name: {
                measure: np.mean([each[measure][rows] for each in by_direction.values()], axis=0)
                for measure in MEASURES
            }
            for name, by_direction in self.scores.items()
        }
        return self._difference(both, [self.groups[row] for row in rows])

    def _difference(self, both: Mapping[str, Scores], groups: Sequence[str]) -> Difference:
        return deciding_difference(both, groups, self.seed)


def deciding_difference(
    both: Mapping[str, Scores], clusters: Sequence[str] | np.ndarray, seed: int
) -> Difference:
    """The difference in `DECIDING` between base and trained variant."""
    tested = compare_variants(both, resamples=RESAMPLES, seed=seed, clusters=clusters)
    return next(each for each in tested if each.measure == DECIDING)
