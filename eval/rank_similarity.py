"""How alike two rankings of the same products are.

Source: W. Webber, A. Moffat, J. Zobel, A similarity measure for indefinite rankings, ACM TOIS
28(4), 2010: rank-biased overlap, extrapolated (its equations 23 and, for rankings of unequal
length, 32).
"""

from collections.abc import Sequence

PERSISTENCE = 0.9  # the source's p: the first ten ranks have 86 % of the weight


def overlap(first: Sequence[str], second: Sequence[str], k: int) -> float:
    """The share of the first k that two rankings have in common, in any order.

    Args:
        first: ids, best first.
        second: ids of the other one.
        k: where both have fewer results, the longer one's length takes its place.

    Returns:
        0 to 1; 1 for two empty rankings.
    """
    firsts, seconds = set(first[:k]), set(second[:k])
    most = max(len(firsts), len(seconds))
    return len(firsts & seconds) / most if most else 1.0


def rank_biased_overlap(
    first: Sequence[str], second: Sequence[str], p: float = PERSISTENCE
) -> float:
    """Rank-biased overlap, extrapolated from what is there to rankings without an end.

    The overlap of the first d, averaged over all depths d with weights that fall by p a rank: what
    differs near the top counts most.

    Args:
        first: distinct ids, best first.
        second: those of the other one.
        p: the chance that a reader goes on to the next rank, between 0 and 1.

    Returns:
        0, nothing in common, to 1, the same ranking; 1 for two empty rankings.
    """
    shorter, longer = sorted((first, second), key=len)
    if not shorter:
        return float(not longer)
    in_common = _common(shorter, longer)
    least, most = len(shorter), len(longer)
    last = in_common[least - 1]
    weighted = sum(count / depth * p**depth for depth, count in enumerate(in_common, start=1))
    # Beyond the shorter one's end, its overlap is taken to go on as it was there.
    weighted += sum(
        last * (depth - least) / (least * depth) * p**depth for depth in range(least + 1, most + 1)
    )
    tail = (in_common[-1] - last) / most + last / least
    return (1 - p) / p * weighted + tail * p**most


def _common(shorter: Sequence[str], longer: Sequence[str]) -> list[int]:
    """How many products the first d of both have in common, for each d of the longer one."""
    seen: set[str] = set()
    count, counts = 0, []
    for depth, product in enumerate(longer):
        others = shorter[depth : depth + 1]
        for each in {product, *others}:
            count += each in seen
            seen.add(each)
        count += product in others
        counts.append(count)
    return counts
