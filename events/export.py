"""The log as User Behavior Insights has it: JSON objects of queries and events, version 1.3.0.

Ids are exported as they are; what the log masks was never kept.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from events.database import Database


def export_records(home: Path) -> Iterator[dict[str, Any]]:
    """Every search, each followed by its events, oldest first.

    Raises:
        EventsError: there is no log, or it cannot be read.
    """
    with Database(home, create=False) as database, database.errors():
        execute = database.connection.execute
        execute("BEGIN")  # one state of the log, while others write
        searches = execute(
            "SELECT id, query_id, received, client_id, application, text, attributes, shown, "
            "variant, generation, first FROM search ORDER BY id"
        )
        events = execute(
            "SELECT event.search, event.action, search.query_id, event.client_id, "
            "coalesce(event.happened, event.received), event.product, event.position "
            "FROM event JOIN search ON search.id = event.search ORDER BY event.search, event.id"
        )
        event = next(events, None)
        for row in searches:
            yield _query(*row[1:])
            while event and event[0] == row[0]:
                yield _event(*event[1:])
                event = next(events, None)


def _query(
    query_id: str,
    received: int,
    client_id: str,
    application: str,
    text: str,
    attributes: str,
    shown: str,
    variant: str,
    generation: str,
    first: int,
) -> dict[str, Any]:
    return {
        "application": application,
        "query_id": query_id,
        "client_id": client_id,
        "timestamp": _time(received),
        "user_query": text,
        "query_attributes": {
            **json.loads(attributes),
            "variant": variant,
            "generation": generation,
            "first_position": first,
        },
        "object_id_field": "id",
        "query_response_object_ids": json.loads(shown),
    }


def _event(
    action: str, query_id: str, client_id: str, happened: int, product: str, position: int | None
) -> dict[str, Any]:
    attributes: dict[str, Any] = {"object": {"object_id": product, "object_id_field": "id"}}
    if position is not None:
        attributes["position"] = {"ordinal": position}
    return {
        "action_name": action,
        "query_id": query_id,
        "client_id": client_id,
        "timestamp": _time(happened),
        "event_attributes": attributes,
    }


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
