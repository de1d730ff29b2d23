"""How far judges agree, and one set of grades from those of several judges.

Sources: J. Cohen, A coefficient of agreement for nominal scales, Educ. Psychol. Meas. 20(1), 1960;
J. Cohen, Weighted kappa, Psychol. Bull. 70(4), 1968.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median_low

import numpy as np

from eval.measures import Qrels


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two judges on the products that both have judged for the same query.

    Attributes:
        first: one judge.
        second: the other one.
        pairs: of a query and a product that both judged.
        equal: the share of them with the same grade; NaN without a pair.
        kappa: Cohen's; NaN where each has given one grade alone, the same, or there is no pair.
        weighted: the same where a difference of two grades counts twice one of one grade.
    """

    first: str
    second: str
    pairs: int
    equal: float
    kappa: float
    weighted: float


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A product that judges have given different grades.

    Attributes:
        query: its id.
        product: its id.
        grades: by judge.
    """

    query: str
    product: str
    grades: Mapping[str, int]

    @property
    def distance(self) -> int:
        """The highest grade less the lowest."""
        return max(self.grades.values()) - min(self.grades.values())


def cohen_kappa(first: Sequence[int], second: Sequence[int], *, weighted: bool = False) -> float:
    """Agreement beyond chance: 1 less the observed disagreement by that of independent judges.

    Args:
        first: grades of one judge.
        second: those of the other one, of the same items.
        weighted: a disagreement counts by the distance of the grades (linear weights), not once.

    Returns:
        At most 1; 0 is agreement by chance. NaN where chance alone agrees always, or without items.
    """
    if not first:
        return float("nan")
    levels = np.unique([*first, *second])
    apart = np.abs(levels[:, None] - levels[None, :]).astype(float)
    if not weighted:
        apart = (apart > 0).astype(float)
    rows, columns = np.searchsorted(levels, first), np.searchsorted(levels, second)
    shares = [np.bincount(each, minlength=len(levels)) / len(first) for each in (rows, columns)]
    expected = shares[0] @ apart @ shares[1]
    return float(1 - apart[rows, columns].mean() / expected) if expected else float("nan")


def measure_agreement(judgements: Mapping[str, Qrels]) -> list[Agreement]:
    """The agreement of every two judges.

    Args:
        judgements: grades by product by query, by judge.
    """
    found = []
    for first, second in combinations(judgements, 2):
        common = [
            (grade, judgements[second][query][product])
            for query, grades in judgements[first].items()
            for product, grade in grades.items()
            if product in judgements[second].get(query, {})
        ]
        ones, others = [one for one, _ in common], [other for _, other in common]
        equal = float(np.mean(np.equal(ones, others))) if common else float("nan")
        kappas = (cohen_kappa(ones, others, weighted=weighted) for weighted in (False, True))
        found.append(Agreement(first, second, len(common), equal, *kappas))
    return found


def list_disagreements(judgements: Mapping[str, Qrels]) -> list[Disagreement]:
    """What judges have given different grades, the most distant first."""
    found = [
        Disagreement(query, product, grades)
        for query, products in _by_pair(judgements).items()
        for product, grades in products.items()
        if len(set(grades.values())) > 1
    ]
    return sorted(found, key=lambda each: (-each.distance, each.query, each.product))


def merge_judgements(judgements: Mapping[str, Qrels]) -> dict[str, dict[str, int]]:
    """One grade of each product for each query: the median of its judges', of two the lower."""
    return {
        query: {product: median_low(grades.values()) for product, grades in products.items()}
        for query, products in _by_pair(judgements).items()
    }


def _by_pair(judgements: Mapping[str, Qrels]) -> dict[str, dict[str, dict[str, int]]]:
    """Grades by judge, by product, by query."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for judge, qrels in judgements.items():
        for query, grades in qrels.items():
            for product, grade in grades.items():
                found.setdefault(query, {}).setdefault(product, {})[judge] = grade
    return found
