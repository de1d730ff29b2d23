"""Files of queries: JSON Lines, TREC topics with qrels, and the reference system's Excel.

A line of JSON Lines is `{"text": …, "image": …, "category": …, "relevant": …}`: text, picture
or both; `relevant` is a list of product ids, or grades by product id. `id`, `vector` and
`kind` are optional. A picture's path is relative to the file.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from catalog import values
from catalog.catalogue import Catalogue
from catalog.product import Product
from eval import EvalError
from eval.measures import MAX_GRADE
from eval.queries import LabelledQuery, QuerySet
from eval.reference_files import read_reference
from eval.trec import read_qrels, read_text, read_topics
from pictures.errors import shorten
from pictures.sources import is_local
from qdrant.model import VECTORS
from search.query import MAX_TEXT
from search.syntax import read_syntax
from vitrine.text import fold
from vitrine.whole_files import write_whole

JSON_LINES = (".jsonl", ".ndjson", ".json")
EXCEL = (".xlsx",)
TREC = (".tsv", ".txt", ".topics", ".trec", ".xml")


def read_queries(
    path: Path,
    catalogue: Catalogue,
    *,
    qrels: Path | None = None,
    reference_pictures: bool = False,
) -> QuerySet:
    """Read a file of labelled queries.

    Args:
        path: its suffix decides how it is read.
        catalogue: of the products that the reference's Excel files name.
        reference_pictures: give an Excel file's queries a picture too, as the reference does.
        qrels: TREC qrels for the file's query ids; they replace those of the file.

    Raises:
        EvalError: it cannot be read as the kind of file that its suffix names, or a query of it is
            none that can be searched.
    """
    suffix = path.suffix.lower()
    if suffix in EXCEL:
        return read_reference(path, catalogue, with_pictures=reference_pictures)
    if suffix in JSON_LINES:
        queries = _read_json_lines(path)
    elif suffix in TREC:
        if qrels is None:
            raise EvalError(f"{path} has topics without qrels; give these with --qrels FILE.")
        queries = [LabelledQuery(name, text) for name, text in read_topics(path).items()]
    elif not path.exists():
        raise EvalError(f"There is no file {path}.")
    else:
        raise EvalError(
            f"{path} has no known form; take {', '.join((*JSON_LINES, *TREC, *EXCEL))}."
        )
    return _labelled(path, queries, qrels)


def write_queries(path: Path, queries: Iterable[LabelledQuery]) -> None:
    """Write queries as JSON Lines, pictures below the file's folder relative to it."""
    folder = path.parent.resolve()
    write_json_lines(
        path, (as_row(query) | {"image": _relative(query.picture, folder)} for query in queries)
    )


def as_row(query: LabelledQuery) -> dict[str, Any]:
    """A query as a line has it."""
    return {
        "id": query.id,
        "text": query.text,
        "image": query.picture,
        "category": query.category,
        "kind": query.kind,
        "vector": query.vector,
        "relevant": _shortest(query.relevant),
    }


def write_products(path: Path, products: Iterable[Product]) -> None:
    """Write products as JSON Lines for `vitrine ingest products`."""
    write_json_lines(
        path,
        (
            {
                "id": product.id,
                "title": product.title,
                "category": product.category,
                "description": product.description,
                "link": product.link,
                "image": product.images[0] if product.images else "",
            }
            for product in products
        ),
    )


def write_json_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write an object a line; empty values are left out."""
    kept = ({name: value for name, value in row.items() if value} for row in rows)
    write_whole(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept))


def _check_texts(path: Path, queries: Iterable[LabelledQuery]) -> None:
    """Refuse texts that no search takes, before a model is loaded."""
    for query in queries:
        if not (query.picture or read_syntax(query.text).text):
            raise EvalError(
                f"{path}, query {query.id}: “{shorten(query.text)}” says nothing that could be "
                "found: give it words or an image, or leave the query out."
            )
        if len(query.text) > MAX_TEXT:
            raise EvalError(
                f"{path}, query {query.id}: its text has {len(query.text):,} characters; at most "
                f"{MAX_TEXT:,} are allowed: shorten it, or leave the query out."
            )


def _labelled(path: Path, queries: list[LabelledQuery], qrels: Path | None) -> QuerySet:
    _check_texts(path, queries)
    counts: dict[str, int] = {}
    if qrels is not None:
        grades = read_qrels(qrels)
        known = {query.id for query in queries}
        queries = [replace(query, relevant=grades.get(query.id, {})) for query in queries]
        unknown = len(grades.keys() - known)
        if unknown == len(grades):
            raise EvalError(f"No query id of {qrels} is in {path}; do the two belong together?")
        if unknown:
            counts["unknown_queries"] = unknown
    return QuerySet(path.stem, tuple(queries), counts)


def _read_json_lines(path: Path) -> list[LabelledQuery]:
    queries: dict[str, LabelledQuery] = {}
    # Not `splitlines`, which also ends a line at U+2028, allowed within a JSON string.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = json.loads(line)
            json.dumps(row, ensure_ascii=False).encode()  # a lone surrogate cannot be written
        except UnicodeEncodeError:
            raise EvalError(f"{where}, has a lone surrogate, which is no Unicode text.") from None
        except (ValueError, RecursionError):
            raise EvalError(f"{where}, is not JSON: write one object a line.") from None
        if not isinstance(row, dict):
            raise EvalError(f"{where}, is not an object with a text or an image.")
        query = _query(row, str(number), path.parent.resolve(), where)
        if query.id in queries:
            raise EvalError(f"{where}: the id “{query.id}” was there before; ids are unique.")
        queries[query.id] = query
    return list(queries.values())


def _query(row: dict[str, Any], number: str, folder: Path, where: str) -> LabelledQuery:
    texts = {
        name: _words(row.get(name), name, where) for name in ("text", "image", "category", "kind")
    }
    if not texts["text"] and not texts["image"]:
        raise EvalError(f"{where}, has neither a text nor an image.")
    name = number if row.get("id") is None else str(row["id"])
    if not name.strip():
        raise EvalError(f"{where}: its id is empty; give it one, or leave the id out.")
    vector = _words(row.get("vector"), "vector", where)
    if vector and vector not in VECTORS:
        raise EvalError(f"{where}: there is no vector “{vector}”; take {', '.join(VECTORS)}.")
    return LabelledQuery(
        id=name,
        text=fold(texts["text"]),
        picture=_address(texts["image"], folder),
        category=values.text(texts["category"]),
        relevant=_grades(row.get("relevant", []), where),
        vector=vector,
        kind=values.text(texts["kind"]),
    )


def _words(value: object, name: str, where: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise EvalError(f"{where}: its {name} is not text.")
    return value.strip()


def _grades(relevant: object, where: str) -> Mapping[str, int]:
    if isinstance(relevant, list):
        relevant = dict.fromkeys(map(str, relevant), 1)
    if not isinstance(relevant, dict):
        raise EvalError(f"{where}: “relevant” is a list of product ids, or grades by id.")
    for product, grade in relevant.items():
        if not product:
            raise EvalError(f"{where}: “relevant” has an empty product id.")
        whole = isinstance(grade, int) and not isinstance(grade, bool)
        if not whole or not 0 <= grade <= MAX_GRADE:
            raise EvalError(
                f"{where}: the grade of “{product}” is {shorten(repr(grade))}; take whole numbers "
                f"from 0 to {MAX_GRADE:,}."
            )
    return relevant


def _address(picture: str, folder: Path) -> str:
    return str(folder / picture) if picture and is_local(picture) else picture


def _relative(picture: str, folder: Path) -> str:
    if is_local(picture) and Path(picture).is_relative_to(folder):
        return str(Path(picture).relative_to(folder))
    return picture


def _shortest(relevant: Mapping[str, int]) -> list[str] | dict[str, int]:
    return list(relevant) if set(relevant.values()) <= {1} else dict(relevant)
