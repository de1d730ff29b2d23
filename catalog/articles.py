"""Variants of one article: rows that stand together, and rows that refer to each other."""

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from catalog import values
from catalog.article_store import ArticleStore, inherit
from catalog.attribute_cells import DEFAULT_OPTION
from catalog.cells import Cells, size
from catalog.column_names import key
from catalog.columns import Fields
from catalog.conventions import References, Rows
from catalog.facts import named_facts
from catalog.formats import Record

# Characters of rows of one article that are held at a time; a longer article is read in parts, and
# pictures of a later part do not reach the earlier ones.
MAX_ARTICLE = 16 * 2**20
# Characters of the first rows of earlier articles, for rows that stand apart from theirs.
MAX_HEADS = 4 * 2**20

OPTION_KIND = re.compile(r"\[\w{1,5}\]")  # of BigCommerce: "[S]Size=40,[RT]Colour=Red"

Numbered = tuple[int, Record | str]


@dataclass(slots=True)
class Piece:
    """What becomes one product, or nothing.

    Attributes:
        row: The row's number.
        record: The record, or the reason why there is none; None where the row only adds to others.
        article: Which article it belongs to; equal in all its pieces.
        pictures: Cells with pictures of the article.
        parent: What names the article; empty where rows are not grouped.
        fallback: An id, where the record has none of its own.
    """

    row: int
    record: Record | str | None
    article: int = 0
    pictures: Cells = ()
    parent: str = ""
    fallback: str = ""


def single_rows(rows: Iterable[Numbered]) -> Iterator[Piece]:
    """Each row as a piece of its own."""
    for row, record in rows:
        yield Piece(row, record, article=row)


class RowGroups:
    """Rows that stand together as the pieces of their articles.

    A variant has the article's values in all columns but its own. The article's pictures reach all
    its variants, in order.
    """

    def __init__(self, layout: Rows, columns: Sequence[str]) -> None:
        by_key = {key(column): column for column in reversed(columns)}

        def found(written: str) -> list[str]:
            return [by_key[name] for name in written.replace("|", " ").split() if name in by_key]

        self._layout = layout
        self._article = next(iter(found(layout.article)), "")
        self._variant = found(layout.variant)
        self._pictures = next(iter(found(layout.pictures)), "")
        self._position = next(iter(found(layout.position)), "")
        self._kind = next(iter(found(layout.kind)), "")
        self._options = next(iter(found(layout.options)), "")
        self._named_by = next(iter(found(layout.named_by or layout.article)), "")
        self._own = {column for column in columns if key(column).startswith(layout.own)}
        self._heads: OrderedDict[str, Record] = OrderedDict()
        self._heads_size = 0

    def pieces(self, rows: Iterable[Numbered]) -> Iterator[Piece]:
        """The pieces of a file's rows, article by article."""
        group: list[tuple[int, Record]] = []
        name, held = "", 0
        head: Record = {}
        for row, record in rows:
            if isinstance(record, str):
                yield Piece(row, record, article=row)
                continue
            begins = self._begins(record, name)
            if group and (begins or held > MAX_ARTICLE):
                yield from self._grouped(group, name, head)
                group, held = [], 0
            if begins:
                name = values.identifier(record.get(self._article)) if self._article else str(row)
                head = self._heads.get(name, record)
                self._remember(name, head)
            group.append((row, record))
            held += size(record)
        if group:
            yield from self._grouped(group, name, head)

    def _begins(self, record: Record, name: str) -> bool:
        if self._article:
            written = values.identifier(record.get(self._article))
            return bool(written) and written != name
        return self._kind_of(record) in self._layout.heads or not name

    def _kind_of(self, record: Record) -> str:
        return values.text(record.get(self._kind)).casefold() if self._kind else ""

    def _remember(self, name: str, head: Record) -> None:
        if name in self._heads or not self._article:
            return
        self._heads[name] = head
        self._heads_size += size(head)
        while self._heads_size > MAX_HEADS and len(self._heads) > 1:
            _, forgotten = self._heads.popitem(last=False)
            self._heads_size -= size(forgotten)

    def _grouped(self, group: list[tuple[int, Record]], name: str, head: Record) -> Iterator[Piece]:
        article = group[0][0]
        pictures = self._ordered_pictures([record for _, record in group])
        variants = [row for row, record in group if self._is_variant(record)]
        if not variants:  # the article has no variants: its own row is the product
            variants = [group[0][0]]
        inherited = {column: cell for column, cell in head.items() if column not in self._own}
        parent = values.identifier(head.get(self._named_by)) or name
        for row, record in group:
            if row not in variants:
                yield Piece(row, None, article)
                continue
            filled = {
                column: cell
                for column, cell in record.items()
                if cell is not None
                and cell != ""
                and not (column == self._options and record is not head)
            }
            merged = {**record, **inherited, **filled, **self._chosen_options(record)}
            yield Piece(row, merged, article, pictures, parent, self._named(parent, merged))

    def _chosen_options(self, record: Record) -> Record:
        """Names and values of a variant's options that one column holds, as columns."""
        found: Record = {}
        written = values.text(record.get(self._options)) if self._options else ""
        facts = named_facts(OPTION_KIND.sub("", written), "") if "=" in written else {}
        for number, (name, fact) in enumerate(facts.items(), 1):
            found[f"Option{number} Name"], found[f"Option{number} Value"] = name, fact
        return found

    def _is_variant(self, record: Record) -> bool:
        if self._kind:
            return self._kind_of(record) in self._layout.kinds
        return any(values.text(record.get(column)) for column in self._variant)

    def _ordered_pictures(self, records: Sequence[Any]) -> Cells:
        found = [
            (self._number(record), record[self._pictures])
            for record in records
            if values.identifier(record.get(self._pictures))
        ]
        return [(self._pictures, cell) for _, cell in sorted(found, key=lambda each: each[0])]

    def _number(self, record: Record) -> float:
        position = values.number(record.get(self._position)) if self._position else None
        return float("inf") if position is None else position

    def _named(self, parent: str, record: Record) -> str:
        """An id from the article and what sets the variant apart."""
        own = [
            written
            for column in self._variant
            if "option" in key(column)
            and (written := values.text(record.get(column)))
            and written.casefold() != DEFAULT_OPTION
        ]
        return "-".join([parent, *own])


@dataclass(slots=True)
class Role:
    """What a row is to others: an article with its names and listed variants, or a variant."""

    is_article: bool = False
    names: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    is_variant: bool = False
    parent: str = ""


class Referred:
    """Rows that refer to each other: variants take from their article what they lack.

    Articles, and variants whose article has not been read yet, are kept in a temporary file.
    """

    def __init__(self, references: References, columns: Sequence[str]) -> None:
        by_key = {key(column): column for column in reversed(columns)}

        def column(written: str) -> str:
            return next((by_key[name] for name in written.split("|") if name in by_key), "")

        self._references = references
        self._kind = column(references.kind)
        self._parent = column(references.parent)
        self._listed = column(references.listed)
        self._names = [by_key[name] for name in references.names.split() if name in by_key]
        self._visibility = column("visibility")
        self._store = ArticleStore()

    @property
    def articles(self) -> int:
        """How many articles are no products, since their variants are."""
        return self._store.articles()

    def close(self) -> None:
        """Delete the temporary file."""
        self._store.close()

    def join(self, row: int, record: Record, fields: Fields) -> Iterator[tuple[int, Fields]]:
        """Fields that are complete after one more row: of this row, of earlier ones, or none."""
        role = self._role(record, fields)
        if role.is_article:
            yield from self._store.add_article(row, fields, role.names, role.listed)
        elif role.is_variant:
            article = self._store.article_of(role.parent, fields["id"])
            if article is not None:
                yield row, inherit(fields, article)
            elif role.parent or self._waits(record):
                self._store.wait(row, role.parent, fields)
            else:
                yield row, fields
        else:
            yield row, fields

    def rest(self) -> Iterator[tuple[int, Fields]]:
        """What is left at the end: articles without variants, variants without their article."""
        return self._store.rest()

    def _role(self, record: Record, fields: Fields) -> Role:
        wanted = self._references
        kind = values.text(record.get(self._kind)).casefold().split(",")[0].strip()
        parent = values.identifier(record.get(self._parent)) if self._parent else ""
        if self._kind:
            is_article, is_variant = kind in wanted.articles, kind in wanted.variants
        else:
            is_article, is_variant = not parent, bool(parent)
        if is_article:
            names = [fields["sku"], fields["id"]]
            names += [values.identifier(record.get(column)) for column in self._names]
            names += [f"id:{name}" for name in names if name]
            listed = values.text(record.get(self._listed)) if self._listed else ""
            known = tuple(filter(None, names))
            return Role(is_article=True, names=known, listed=_listed_skus(listed))
        return Role(is_variant=is_variant, parent=parent)

    def _waits(self, record: Record) -> bool:
        """Whether a variant that names no article is sold as a part of one only."""
        shown = values.text(record.get(self._visibility)).casefold() if self._visibility else ""
        return bool(self._listed) and shown.startswith("not visible")


def _listed_skus(written: str) -> tuple[str, ...]:
    """The variants that an article of Magento lists: "sku=A-S,size=S|sku=A-M,size=M"."""
    facts = (part.split(",") for part in written.split("|"))
    pairs = (fact.partition("=") for variant in facts for fact in variant)
    return tuple(value.strip() for name, _, value in pairs if name.strip() == "sku")
