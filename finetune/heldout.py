"""The last look: base and trained variant on products that played no part in training."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from encoder.encoder import Encoder
from encoder.variant import Variant
from eval.comparison import RESAMPLES, Difference, Estimate, differences, estimates, holm
from eval.measures import DECIDING
from finetune.examples import Examples
from finetune.retrieval import WAYS, Scores, embed, judge
from pictures.store import PictureStore

BASE, TUNED = "base", "tuned"
SHOWN = (DECIDING, "MRR", "Recall@1", "Recall@10")


@dataclass(frozen=True)
class HeldOut:
    """How both did.

    Attributes:
        queries: products that asked, each way.
        gallery: products that could be found.
        estimates: by way, by `base` and `tuned`, by measure.
        differences: in nDCG@10 by way, corrected for there being two ways.
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
                way: {
                    name: {measure: asdict(told[measure]) for measure in SHOWN}
                    for name, told in both.items()
                }
                | {"difference": asdict(self.differences[way])}
                for way, both in self.estimates.items()
            },
        }


def look(
    base: Variant,
    tuned: Variant,
    examples: Examples,
    pictures: PictureStore,
    queries: Sequence[int],
    *,
    device: str | None = None,
    seed: int = 0,
) -> HeldOut:
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
        scores[name] = judge(vectors, examples, gallery, queries)
    return compared(scores, queries=len(queries), gallery=len(examples), seed=seed)


def compared(
    scores: Mapping[str, Mapping[str, Scores]], *, queries: int, gallery: int, seed: int = 0
) -> HeldOut:
    """Put intervals and tests to the scores of both."""
    by_way = {way: {name: scores[name][way] for name in (BASE, TUNED)} for way in WAYS}
    told = {way: estimates(both, resamples=RESAMPLES, seed=seed) for way, both in by_way.items()}
    gaps = {
        way: next(
            each
            for each in differences(both, resamples=RESAMPLES, seed=seed)
            if each.measure == DECIDING
        )
        for way, both in by_way.items()
    }
    corrected = holm([gap.p for gap in gaps.values()])
    return HeldOut(
        queries,
        gallery,
        told,
        {
            way: Difference(**{**asdict(gap), "p_holm": p})
            for (way, gap), p in zip(gaps.items(), corrected, strict=True)
        },
    )
