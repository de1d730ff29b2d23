"""Filters that nothing passes: a mistyped value is reported, a rare combination is not."""

from qdrant.model import PATHS, Filters
from qdrant.store import Store
from search.query import QueryError

EXAMPLES = 10  # values named where a filter's value does not exist


def check_values(store: Store, variant: str, filters: Filters) -> None:
    """Report a category or brand that no product has; else an empty result is right.

    Raises:
        QueryError: names the value, and the most frequent ones that there are.
    """
    for value in filters.categories:
        if not store.count(variant, Filters(categories=(value,))):
            raise _no_such_value(store, variant, "category", "categories", value)
    for value in filters.brands:
        if not store.count(variant, Filters(brands=(value,))):
            raise _no_such_value(store, variant, "brand", "brands", value)


def _no_such_value(store: Store, variant: str, field: str, plural: str, value: str) -> QueryError:
    """The error of a filter's value that no product has, with the most frequent values."""
    known = store.facet(variant, field, limit=EXAMPLES + 1)
    sentence = f"No product has the {field} “{value}”. {_examples(known, plural)}"
    if field == "category" and store.collection(variant).payload < PATHS:
        sentence += (
            " This collection has departments only: "
            f"`vitrine ingest vectors --variant {variant}` adds the deeper steps."
        )
    return QueryError(sentence)


def _examples(known: dict[str, int], plural: str) -> str:
    """Some of the values there are, most frequent first."""
    if not known:
        return f"This collection has no {plural}."
    first = ", ".join(list(known)[:EXAMPLES])
    return f"There are {first}{' and others' if len(known) > EXAMPLES else ''}."
