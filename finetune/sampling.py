"""Repeatable random numbers: each depends on its purpose alone, never on those before it.

So neither the number of workers nor a resumed run changes what is drawn.
"""

import hashlib
from collections.abc import Iterable
from random import Random


def seed_of(*purpose: object) -> int:
    """A seed in [0, 2⁶³) for a purpose, such as (seed, "order", epoch, product id)."""
    # Each part goes in with its length, so that ("ab", "c") is not ("a", "bc").
    parts = [str(part).encode("utf-8", "surrogatepass") for part in purpose]
    digest = hashlib.blake2b(
        b"".join(b"%d:%b" % (len(part), part) for part in parts), digest_size=8
    )
    return int.from_bytes(digest.digest(), "big") >> 1  # torch's seeds are signed


def rng_of(*purpose: object) -> Random:
    """A random number generator for a purpose."""
    return Random(seed_of(*purpose))


def shuffled(ids: Iterable[str], *purpose: object) -> list[str]:
    """The ids in random order, which does not depend on the order they came in."""
    return sorted(ids, key=lambda name: (seed_of(*purpose, name), name))
