"""Prices in steps, which an engine can count: it counts equal values, and prices all differ.

Steps are numbered: step 0 begins at 1, step 10 at 10, step 20 at 100.
"""

import math
from functools import cache

# Within a decade: round numbers, each about a quarter above the one before.
EDGES = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
LEAST = -20  # the step of every price below 0.012, and of free products


def step_of(price: float) -> int:
    """Return the number of the step that a price of 0 or more is in."""
    if price < edge_of(LEAST + 1):
        return LEAST
    step = len(EDGES) * math.floor(math.log10(price))  # of the decade, but for rounding
    while price < edge_of(step):
        step -= 1
    while price >= edge_of(step + 1):
        step += 1
    return step


@cache
def edge_of(step: int) -> float:
    """Return the least price of a step."""
    if step <= LEAST:
        return 0.0
    decade, number = divmod(step, len(EDGES))
    return float(f"{EDGES[number]}e{decade}")  # the double nearest to the decimal edge
