"""What is asked and which products would be right."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from itertools import count as count_from

from eval.errors import NothingToMeasure


@dataclass(frozen=True, slots=True)
class LabelledQuery:
    """A query and its qrels.

    Attributes:
        id: unique within its set.
        text: what is typed.
        picture: an address: absolute path, `data:` or web.
        category: the department it belongs to; a search is limited to it only when asked.
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
        notes: what happened on the way, counted, in words for reports.
    """

    name: str
    queries: tuple[LabelledQuery, ...]
    notes: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.queries)

    def __iter__(self) -> Iterator[LabelledQuery]:
        return iter(self.queries)

    def of(self, categories: Collection[str]) -> "QuerySet":
        """The queries of some categories.

        Raises:
            NothingToMeasure: there are none.
        """
        kept = tuple(query for query in self if query.category in categories)
        if not kept:
            known = sorted({query.category for query in self if query.category})
            raise NothingToMeasure(
                f"No query of {self.name} has the category {' or '.join(sorted(categories))}; "
                + (f"they have {', '.join(known)}." if known else "they have none at all.")
            )
        return QuerySet(self.name, kept, self.notes)


def joined(sets: Sequence[QuerySet]) -> QuerySet:
    """One set of several; a query id that is taken already gets a number behind it."""
    if len(sets) == 1:
        return sets[0]
    notes: dict[str, int] = {}
    queries: dict[str, LabelledQuery] = {}
    for each in sets:
        for note, count in each.notes.items():
            notes[note] = notes.get(note, 0) + count
        for query in each:
            names = chain([query.id], (f"{query.id}#{number}" for number in count_from(2)))
            fresh = next(name for name in names if name not in queries)
            queries[fresh] = replace(query, id=fresh)
    return QuerySet(" + ".join(each.name for each in sets), tuple(queries.values()), notes)
