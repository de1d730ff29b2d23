"""Exact matches: products whose code or title is the query's text come first."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from qdrant.model import Hit
from qdrant.words import normalize_code
from search.fusion import Candidate, PartScore
from search.query import Query
from vitrine.text import fold

# The parts of products whose id, SKU or GTIN, or whose title, is the query's text.
CODE = "code"
TITLE = "title"
EXACT = {CODE, TITLE}
CODE_FACTS = ("id", "sku", "gtin")
FOUND = PartScore(1, 1.0)


def put_exact_first(
    query: Query, hits: Sequence[Hit], candidates: Sequence[Candidate]
) -> Iterator[Candidate]:
    """Candidates, those with a text as their code first, then those with it as their title.

    Args:
        query: its text, and as it was typed.
        hits: products that have a code of the same hash as what was typed; of these, those whose
            code differs are none.
        candidates: best first.
    """
    code = normalize_code(query.typed or query.text)
    others = {candidate.id: candidate for candidate in candidates}
    for hit in sorted(hits, key=lambda hit: hit.id):
        codes = (str(hit.payload.get(field, "")) for field in CODE_FACTS)
        if code in map(normalize_code, codes):
            found = others.pop(hit.id, Candidate(hit.id, 1.0, {}, hit.payload))
            yield _exact(found, CODE)
    titles = {_words(text) for text in (query.typed, query.text) if text}
    titled = [each for each in others.values() if _words(each.facts.get("title", "")) in titles]
    for candidate in titled:
        del others[candidate.id]
        yield _exact(candidate, TITLE)
    yield from others.values()


def _exact(candidate: Candidate, part: str) -> Candidate:
    return replace(candidate, score=1.0, parts={**candidate.parts, part: FOUND})


def _words(title: str) -> str:
    return fold(title).casefold()
