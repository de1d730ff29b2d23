"""Rows of XML: the element that repeats is a row, its children are the columns.

The parser is expat itself, which streams. Declarations of a document type are refused and one
elsewhere is not loaded, so there are no entities to expand. Named characters of HTML (`&nbsp;`) and
control characters, which many shops write though XML has neither, are read.
"""

import codecs
import html
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from xml.parsers import expat

from catalog import CatalogError, formats
from catalog.formats import Feed, Record, Rows
from catalog.formats.category_list import CategoryList
from catalog.formats.contents import read_head

CHUNK = 2**16  # bytes
HEAD = 2**20  # bytes that the row element is looked for in
MAX_DEPTH = 500  # elements within each other
# Row elements by name, for a file with one row or with several lists.
ROW_NAMES = frozenset(
    {"item", "entry", "product", "offer", "article", "listing", "record", "row",
     "produkt", "artikel", "produit", "producto", "prodotto", "articulo", "articolo", "towar",
     "shopitem", "o"}
)  # fmt: skip
ADDRESSES = ("href", "url", "src")
# Attributes that say how a text is written, not what it says.
NOTATION = frozenset({"type", "isPermaLink", "space", "nil", "schemaLocation", "domain"})
MARKUP = frozenset(
    {"p", "br", "b", "i", "u", "em", "strong", "span", "div", "ul", "ol", "li", "a", "font",
     "h1", "h2", "h3", "h4", "h5", "h6", "table", "tbody", "tr", "td", "th", "img", "hr"}
)  # fmt: skip
DATA = frozenset({"name", "url"})  # attributes of elements that are not markup, as <a name="EAN">
CATEGORY = "category"
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
DAMAGED = "\ufdd0"  # in place of a damaged byte: a code point that is no character
codecs.register_error("damaged XML", lambda error: (DAMAGED, getattr(error, "end")))  # noqa: B009


def read_xml(source: Path, open_text: Callable[[], BufferedReader]) -> Feed:
    """Records of an XML text in UTF-8.

    Raises:
        CatalogError: It has declarations, or no element that could be a row; while its rows
            are read, it is not well formed.
    """
    survey = _Survey()
    with open_text() as data, _errors_of(source, lambda: 0):
        survey.parse(read_head(data, HEAD), last=False)
    row = survey.row_element()
    if not row:
        raise CatalogError(f"{source} is XML without an element that is repeated, as rows are.")
    rows = _rows(source, open_text(), row)
    return Feed(rows, facts={"format": "XML", "row element": row[-1]})


def _rows(source: Path, data: BufferedReader, row: tuple[str, ...]) -> Rows:
    number = 0
    parser = _Records(row)
    with data, _errors_of(source, lambda: number):
        while not parser.ended:
            chunk = data.read(CHUNK)
            parser.parse(chunk, last=not chunk)
            for record in parser.take():
                number += 1
                yield number, record


@contextmanager
def _errors_of(source: Path, number: Callable[[], int]) -> Iterator[None]:
    try:
        yield
    except expat.ExpatError as error:
        raise CatalogError(
            f"{source} is not well-formed XML after row {number():,}: {error}."
        ) from error
    except ValueError as error:
        raise CatalogError(f"{source} is refused: {error}.") from error


class _Parser:
    """Expat with namespaces, without declarations, in bounded memory.

    Raises:
        expat.ExpatError: The text is not well formed.
        ValueError: It has declarations, or tags that are too large or too deep.
    """

    def __init__(self) -> None:
        self.ended = False
        self.path: list[str] = []  # local names of the elements that are open
        self._fed = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("damaged XML")
        self._expat = expat.ParserCreate("utf-8", "}")  # a brace is in no address and no name
        self._expat.namespace_prefixes = True
        self._expat.buffer_text = True
        self._expat.UseForeignDTD(True)  # an unknown entity is skipped, not an error
        self._expat.StartDoctypeDeclHandler = self._refuse_declarations
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self.text
        self._expat.SkippedEntityHandler = lambda name, _: self.text(html.unescape(f"&{name};"))

    def parse(self, data: bytes, *, last: bool) -> None:
        """Parse the next bytes of the text."""
        text = CONTROLS.sub("", self._decoder.decode(data, last)).encode()
        self._expat.Parse(text, last)
        self.ended = last
        self._fed += len(text)
        if self._fed - self._expat.CurrentByteIndex > formats.MAX_ROW + CHUNK:
            raise ValueError("it has a tag or a comment of megabytes")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins; it is the last of the path already."""

    def end(self) -> None:
        """The last element of the path ends."""

    def text(self, text: str) -> None:
        """Text within the last element of the path."""

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.path) == MAX_DEPTH:
            raise ValueError(f"it has more than {MAX_DEPTH} elements within each other")
        self.path.append(_local(name))
        self.start(name, attributes)

    def _end(self, _: str) -> None:
        self.end()
        self.path.pop()

    def _refuse_declarations(self, *doctype: object) -> None:
        if doctype[-1]:
            raise ValueError("it has a document type with declarations (<!DOCTYPE … [ ]>)")


class _Survey(_Parser):
    """The elements at the beginning of a text, by their paths."""

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[tuple[str, ...], _Found] = defaultdict(_Found)
        self._starts: list[int] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        found = self._found[tuple(self.path)]
        found.count += 1
        found.columns |= len(attributes) > 1
        if len(self.path) > 1:
            self._found[tuple(self.path[:-1])].columns = True
        self._starts.append(self._expat.CurrentByteIndex)

    def end(self) -> None:
        size = self._expat.CurrentByteIndex - self._starts.pop()
        self._found[tuple(self.path)].size += size

    def row_element(self) -> tuple[str, ...]:
        """The path of the element that is a row; empty if there is none.

        It has columns, and takes the most bytes of those with a usual name, else of those that are
        repeated.
        """
        for start, depth in zip(self._starts, range(1, len(self._starts) + 1), strict=True):
            self._found[tuple(self.path[:depth])].size += self._fed - start
        rows = {path: each for path, each in self._found.items() if each.columns}
        named = [path for path in rows if path[-1].casefold() in ROW_NAMES]
        repeated = [path for path, each in rows.items() if each.count > 1]
        return max(named or repeated, key=lambda path: rows[path].size, default=())


@dataclass
class _Found:
    """The elements at one path: how many, of how many bytes, and whether they have columns."""

    count: int = 0
    size: int = 0
    columns: bool = False


@dataclass
class _Element:
    """An element of a record, as far as it has been read."""

    name: str
    attributes: dict[str, str]
    parts: list["str | _Element"] = field(default_factory=list)


class _Records(_Parser):
    """The elements at one path as records; categories beside them are kept for their names."""

    def __init__(self, row: tuple[str, ...]) -> None:
        super().__init__()
        self._row = list(row)
        self._categories = CategoryList()
        self._open: list[_Element] = []
        self._size = self._values = 0  # characters and values of the current record
        self._damaged = False
        self._done: list[Record | str] = []

    def take(self) -> list[Record | str]:
        """The records that have been read since the last call."""
        done, self._done = self._done, []
        return done

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._open or self.path == self._row or self.path[-1] == CATEGORY:
            self._values += 1 + len(attributes)
            self._size += sum(map(len, attributes.values()))
            self._damaged |= any(DAMAGED in value for value in attributes.values())
            self._open.append(_Element(name, attributes))
            if len(self._open) > 1 and not self._reason():
                self._open[-2].parts.append(self._open[-1])

    def end(self) -> None:
        if not self._open:
            return
        element = self._open.pop()
        if not self._open:
            if self.path == self._row:
                self._done.append(self._reason() or self._categories.resolve(_columns(element)))
            elif not self._reason():
                self._categories.add(_value(element))
            self._size = self._values = 0
            self._damaged = False

    def text(self, text: str) -> None:
        if self._open:
            self._size += len(text)
            self._damaged |= DAMAGED in text
            if not self._reason():
                self._open[-1].parts.append(text)

    def _reason(self) -> str:
        """Why the current record is dropped, if it is."""
        if self._size > formats.MAX_ROW:
            return "row too long"
        if self._values > formats.MAX_VALUES:
            return "too many values"
        return "unreadable row" if self._damaged else ""


def _columns(element: _Element) -> Record:
    """Attributes and children of an element by name; children of one name as a list."""
    columns: dict[str, list[object]] = {
        _local(name): [value] for name, value in element.attributes.items() if _is_fact(name)
    }
    spaces: dict[str, str] = {}  # local name → the namespace that has it
    for child in element.parts:
        if isinstance(child, str):
            continue
        space, local, prefix = _names(child.name)
        if spaces.setdefault(local, space) != space:
            local = f"{prefix or space}:{local}"
        columns.setdefault(local, []).append(_value(child))
    return {name: each[0] if len(each) == 1 else each for name, each in columns.items()}


def _value(element: _Element) -> object:
    """What an element holds: a text, an address, or its attributes and children by name."""
    children = [part for part in element.parts if not isinstance(part, str)]
    text = "".join(part for part in element.parts if isinstance(part, str)).strip()
    if children and (text or all(map(_is_markup, children))):
        return " ".join(_running_text(element).split())
    columns = _columns(element)
    if children or not columns:
        return columns or text
    if text:
        return {**columns, "value": text}
    return next((columns[name] for name in ADDRESSES if name in columns), columns)


def _is_markup(element: _Element) -> bool:
    return _local(element.name).casefold() in MARKUP and DATA.isdisjoint(element.attributes)


def _running_text(element: _Element) -> str:
    """The text of an element with markup in it; the markup separates words."""
    return " ".join(
        part if isinstance(part, str) else _running_text(part) for part in element.parts
    )


def _is_fact(attribute: str) -> bool:
    return _local(attribute) not in NOTATION


def _names(name: str) -> tuple[str, str, str]:
    """The namespace, the local name and the prefix of a name as expat gives it."""
    parts = name.split("}")
    if len(parts) == 1:
        return "", name, ""
    return parts[0], parts[1], parts[2] if len(parts) > 2 else ""


def _local(name: str) -> str:
    return _names(name)[1]
