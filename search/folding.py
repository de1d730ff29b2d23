"""Folding: variants of one article, and near-duplicates, become one result."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from search.fusion import Candidate
from vitrine.text import fold

KEPT = 10_000  # titles and brands, which come again with other queries
# The facts that folding needs.
FOLD_FACTS = ("title", "brand", "parent", "picture")


@dataclass(frozen=True, slots=True)
class Group:
    """A result: the best candidate, and those that are shown together with it.

    Attributes:
        best: the candidate that is shown.
        others: the candidates that it stands for, best first.
    """

    best: Candidate
    others: tuple[Candidate, ...] = ()


def fold_variants(candidates: Iterable[Candidate]) -> list[Group]:
    """Group candidates, in the order of the best of each group.

    A candidate joins the first group whose best one is a variant of the same article (`parent`),
    has the same title and brand, or has the same picture and most of the title's words. It is
    compared with the best one alone: across a chain of pairs, products that differ would meet.
    A picture alone is not enough, since many products may have one placeholder.
    """
    groups: list[tuple[Candidate, list[Candidate]]] = []
    joined: dict[tuple[str, ...], int] = {}  # key → number of the group
    for candidate in candidates:
        keys = _keys(candidate.facts)
        number = _group_of(candidate, keys, joined, groups)
        if number is not None:
            groups[number][1].append(candidate)
            continue
        for key in keys:
            joined.setdefault(key, len(groups))
        groups.append((candidate, []))
    return [Group(best, tuple(others)) for best, others in groups]


def _group_of(
    candidate: Candidate,
    keys: Sequence[tuple[str, ...]],
    joined: Mapping[tuple[str, ...], int],
    groups: Sequence[tuple[Candidate, list[Candidate]]],
) -> int | None:
    """The number of the group that a candidate joins."""
    for key in keys:
        number = joined.get(key)
        if number is None:
            continue
        if key[0] != "picture" or _alike(groups[number][0].facts, candidate.facts):
            return number
    return None


def _keys(facts: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """What a product may have in common with another one, by kind."""
    keys = [(kind, facts[kind]) for kind in ("parent", "picture") if facts.get(kind)]
    return [*keys, _title_key(facts.get("title", ""), facts.get("brand", ""))]


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether more than half of the shorter title's words are in the other title."""
    first, second = (set(_fold(str(facts.get("title", ""))).split()) for facts in (one, other))
    return 2 * len(first & second) > min(len(first), len(second))


@lru_cache(KEPT)
def _title_key(title: object, brand: object) -> tuple[str, ...]:
    return "title", _fold(str(title)), _fold(str(brand))


def _fold(text: str) -> str:
    return fold(text).casefold()
