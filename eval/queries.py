"""Labelled queries, and the counts that are reported of them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from itertools import count as count_from
from types import MappingProxyType

from eval import EvalError

# Counts by the name that JSON has, with the words that people read.
COUNTS = MappingProxyType(
    {
        "queries": "queries in the file",
        "measured": "queries measured",
        "clusters": "clusters of them: of one text, picture or product group, and so dependent",
        "without_relevant": "queries excluded: no relevant product that could be found",
        "without_picture": "queries excluded: their picture cannot be read",
        "by_text_alone": "queries searched by their text alone: their picture cannot be read",
        "unknown_products": "product ids of the qrels that are in no collection",
        "hidden_products": "relevant products that cannot be found: without the searched vector, "
        "or of another category",
        "repeating": "queries that repeat the title or the picture of a relevant product in the "
        "vector that is searched",
        "unknown_queries": "queries of the qrels that the query file does not have",
        "products": "products",
        "found_by_asin": "products of the file, found in the catalogue by ASIN",
        "found_by_title": "products of the file, found in the catalogue by title",
        "not_found": "products of the file, not found in the catalogue",
    }
)


@dataclass(frozen=True, slots=True)
class LabelledQuery:
    """A query and its qrels.

    Attributes:
        id: unique within its set.
        text: what is typed.
        picture: an address: absolute path, `data:` or web.
        category: its department; a search is limited to it only by `--within-category`.
        relevant: grade by product id; a grade of 0 means judged, and not relevant.
        vector: the only vector that it may be scored against; empty leaves the choice.
        kind: what sort of query it is, for reports: “title → picture”.
    """

    id: str
    text: str = ""
    picture: str = ""
    category: str = ""
    relevant: Mapping[str, int] = field(default_factory=dict)
    vector: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class QuerySet:
    """Queries that are measured together.

    Attributes:
        name: for reports.
        queries: in their order, ids unique.
        counts: what was found while reading them, by a name of `COUNTS`.
    """

    name: str
    queries: tuple[LabelledQuery, ...]
    counts: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.queries)

    def __iter__(self) -> Iterator[LabelledQuery]:
        return iter(self.queries)

    def of(self, categories: Collection[str]) -> "QuerySet":
        """The queries of some categories.

        Raises:
            EvalError: there are none.
        """
        kept = tuple(query for query in self if query.category in categories)
        if not kept:
            known = sorted({query.category for query in self if query.category})
            raise EvalError(
                f"No query of {self.name} has the category {' or '.join(sorted(categories))}; "
                + (f"they have {', '.join(known)}." if known else "they have none at all.")
            )
        return QuerySet(self.name, kept, self.counts)


def join(sets: Sequence[QuerySet]) -> QuerySet:
    """One set of several; a query id that is taken already gets a number behind it."""
    if len(sets) == 1:
        return sets[0]
    counts: dict[str, int] = {}
    queries: dict[str, LabelledQuery] = {}
    for each in sets:
        for name, count in each.counts.items():
            counts[name] = counts.get(name, 0) + count
        for query in each:
            names = chain([query.id], (f"{query.id}#{number}" for number in count_from(2)))
            fresh = next(name for name in names if name not in queries)
            queries[fresh] = replace(query, id=fresh)
    return QuerySet(" + ".join(each.name for each in sets), tuple(queries.values()), counts)
