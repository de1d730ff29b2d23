"""Exact matches: products whose code, title or brand is the query's text come first."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

from qdrant.words import normalize_code
from search.fusion import Candidate, PartScore
from search.query import Query

# The parts of products whose id, SKU or GTIN, whose title, or whose brand is the query's text.
CODE, TITLE, BRAND = "code", "title", "brand"
EXACT = {CODE, TITLE, BRAND}
CODE_FACTS = ("id", "sku", "gtin")
EXACT_FACTS = (TITLE, BRAND)
FOUND = PartScore(1, 1.0)
# What `letters` makes of each ASCII character, in one pass over a text.
_ASCII_LETTERS = {code: chr(code).lower() if chr(code).isalnum() else None for code in range(128)}


def put_exact_first(
    query: Query, codes: Sequence[Mapping[str, Any]], candidates: Sequence[Candidate]
) -> list[Candidate]:
    """Candidates in order: the query is their code, their title, their brand, or none of these.

    The words of a brand are in the titles of other products, too: "Arrow" in those of Arrow Woman.
    Titles and brands are compared by their letters and digits, without case and accents.

    Args:
        query: its text, and as it was typed.
        codes: facts of the products that have a code of the same hash as what was typed; of these,
            those whose code differs are none.
        candidates: best first.
    """
    texts = {text for text in (query.typed, query.text) if text}
    typed = normalize_code(query.typed or query.text)
    coded = [
        facts
        for facts in sorted(codes, key=itemgetter("id"))
        if typed in (normalize_code(str(facts.get(field, ""))) for field in CODE_FACTS)
    ]
    titled = _with_fact(TITLE, texts, candidates)
    branded = _with_fact(BRAND, texts, candidates)
    if not (coded or titled or branded):
        return list(candidates)
    others = {candidate.id: candidate for candidate in candidates}
    first: list[Candidate] = []
    for facts in coded:
        product = facts["id"]
        first.append(_exact(others.pop(product, Candidate(product, 1.0, {}, facts)), CODE, 1.0))
    for candidate in titled:
        if candidate.id in others:
            first.append(_exact(others.pop(candidate.id), TITLE, 1.0))
    best = max((candidate.score for candidate in others.values()), default=0.0)
    for candidate in branded:
        if candidate.id in others:
            first.append(_exact(others.pop(candidate.id), BRAND, best))
    return [*first, *others.values()]


def _exact(candidate: Candidate, part: str, score: float) -> Candidate:
    return replace(candidate, score=score, parts={**candidate.parts, part: FOUND})


def _with_fact(fact: str, texts: Iterable[str], candidates: Iterable[Candidate]) -> list[Candidate]:
    """The candidates of which a fact is one of the texts."""
    wanted = set(filter(None, map(letters, texts)))
    if not wanted:
        return []
    equal: dict[str, bool] = {}  # by value: brands repeat
    found = []
    for candidate in candidates:
        value = candidate.facts.get(fact, "")
        if value not in equal:
            equal[value] = letters(value) in wanted
        if equal[value]:
            found.append(candidate)
    return found


def letters(text: str) -> str:
    """Return the letters and digits of a text, without case, accents and all between them.

    Titles and brands are compared by these.
    """
    if text.isascii():
        return text.translate(_ASCII_LETTERS)
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(filter(str.isalnum, decomposed.casefold()))
