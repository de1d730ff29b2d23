"""Which words of a query occur in a product, and where."""

from collections.abc import Iterator, Mapping

from qdrant.words import WITHOUT_BLANKS, Words, split_fields


def query_words(text: str, words: Words) -> dict[str, str]:
    """The words of a query that are searched, with their terms, divided by blanks.

    Of a run of a script without blanks these are its pairs of characters.
    """
    found = {unit: " ".join(words.terms(unit)) for unit in _units(text) if words.has_words(unit)}
    return {unit: terms for unit, terms in found.items() if terms}


def matched_words(query: Mapping[str, str], terms: str) -> dict[str, tuple[str, ...]]:
    """The words of a query that a product has, by the field that has them.

    Args:
        query: from `query_words`.
        terms: the product's, as `Words.documents` returns them.

    Returns:
        Fields in the order of `qdrant.words.FIELDS`, those without such words left out.
    """
    matched = {
        name: tuple(word for word, wanted in query.items() if f" {wanted} " in values)
        for name, values in split_fields(terms).items()
    }
    return {name: found for name, found in matched.items() if found}


def _units(text: str) -> Iterator[str]:
    for token in text.split():
        start = 0
        for run in WITHOUT_BLANKS.finditer(token):
            yield token[start : run.start()]
            yield from (run[0][i : i + 2] for i in range(max(len(run[0]) - 1, 1)))
            start = run.end()
        yield token[start:]
