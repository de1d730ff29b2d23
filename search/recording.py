"""What the log of searches and events keeps of a search."""

import hashlib
import json
from dataclasses import asdict, fields
from typing import Any

from PIL.Image import Image

from events.records import Search
from qdrant.model import Filters
from search.engine import Engine
from search.query import Query
from search.results import Results

# Of a query: how it was searched, where it is not as by default.
HOW = ("vector", "sort", "like", "unlike", "without", "diverse", "fold")
DEFAULTS = {field.name: field.default for field in fields(Query)}
LARGEST = 16_384  # characters of the attributes; more than any person chooses


def describe_search(
    engine: Engine,
    query: Query | Filters,
    found: Results,
    *,
    k: int,
    first: int = 1,
    sort: str = "",
    fold: bool = True,
    client_id: str = "",
    application: str = "",
) -> Search:
    """A search as the log keeps it.

    Of a picture it keeps a hash of its pixels alone.

    Args:
        engine: which answered.
        query: what was searched for; the filters where products were shown without a query.
        found: the answer.
        k: results of the page; `found` may have more.
        first: position of the page's first result, counted from 1.
        sort: the order of products that were shown without a query; a query has its own.
        fold: whether variants of one article were one result of these.
        client_id: a random id of the client's session.
        application: what searched, such as `api`.
    """
    asked = query if isinstance(query, Query) else None
    filters = query.filters if isinstance(query, Query) else query
    chosen = {name: value for name, value in asdict(filters).items() if value not in (None, ())}
    attributes: dict[str, Any] = {"filters": chosen} if chosen else {}
    how = {name: getattr(asked, name) for name in HOW} if asked else {"sort": sort, "fold": fold}
    attributes |= {name: value for name, value in how.items() if value != DEFAULTS[name]}
    if asked:
        attributes["match"] = engine.match_of(asked)
        if asked.picture:
            attributes["picture"] = _hash_of(asked.picture)
    attributes |= {
        name: value
        for name in ("searched_for", "nothing_fits", "confidence")
        if (value := getattr(found, name))
    }
    if len(json.dumps(attributes)) > LARGEST:
        attributes = {"left_out": "more than the log keeps of a search"}
    shown = (*found.results[:k], *found.without_picture[:k])
    return Search(
        asked.text if asked else "",
        [result.id for result in shown],
        first=first,
        attributes=attributes,
        is_plain=is_plain(query),
        variant=engine.variant.name,
        generation=engine.collection().generation,
        client_id=client_id,
        application=application,
    )


def is_plain(query: Query | Filters) -> bool:
    """Whether a search was made by words alone, without filters, and ordered by score."""
    if isinstance(query, Filters):
        return False
    special = query.picture or query.like or query.unlike or query.without or query.sort
    return bool(query.text) and not special and query.filters == Filters()


def _hash_of(picture: Image) -> str:
    """SHA-256 of a picture's pixels."""
    digest = hashlib.sha256(f"{picture.mode} {picture.size} ".encode())
    digest.update(picture.tobytes())
    return digest.hexdigest()
