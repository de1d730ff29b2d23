"""Chance that can be repeated: each draw depends on what it is for, and on nothing before it.

So neither the number of workers nor a stop half-way changes what is drawn.
"""

import hashlib
from collections.abc import Iterable
from random import Random


def seed_of(*what: object) -> int:
    """A fixed number below 2⁶³ for a purpose, such as (seed, "order", epoch, product id)."""
    # The length of each part goes in as well, so that ("ab", "c") is not ("a", "bc").
    parts = [str(part).encode("utf-8", "surrogatepass") for part in what]
    digest = hashlib.blake2b(
        b"".join(b"%d:%b" % (len(part), part) for part in parts), digest_size=8
    )
    return int.from_bytes(digest.digest(), "big") >> 1  # torch's seeds are signed


def rng_of(*what: object) -> Random:
    """A generator for a purpose."""
    return Random(seed_of(*what))


def shuffled(ids: Iterable[str], *what: object) -> list[str]:
    """The ids in an order drawn for a purpose, whatever order they came in."""
    return sorted(ids, key=lambda name: (seed_of(*what, name), name))
