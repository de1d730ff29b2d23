"""Bodies of `POST /v1/events`: one event or a list, in the shape of User Behavior Insights."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, ConfigDict, Field, StrictInt, StringConstraints, TypeAdapter
from pydantic import ValidationError as Invalid
from starlette.requests import ClientDisconnect

from api.documented import Documented
from api.forms import JSON
from api.problems import INVALID, TOO_LARGE, UNREADABLE, ProblemError
from api.requests import ClientId, Id
from events.records import ACTIONS, Event

MAX_EVENTS = 1_000
MAX_BODY = 2**20  # bytes: a thousand events with what collectors send beside them
AHEAD = timedelta(days=1)  # a clock may be wrong, and a time zone missing
MAX_POSITION = 1_000_000


def _action(value: str) -> str:
    if value not in ACTIONS:
        raise ValueError(f"There is no such action: take {', '.join(ACTIONS)}")
    return value


def _past(value: datetime | int) -> datetime | int:
    latest = datetime.now(UTC) + AHEAD
    if _milliseconds(value) > latest.timestamp() * 1000:
        raise ValueError("It lies in the future: correct the clock, or leave the time out")
    return value


Action = Annotated[str, AfterValidator(_action), Field(json_schema_extra={"enum": list(ACTIONS)})]
Short = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Time = Annotated[
    Annotated[datetime, Field(strict=True)] | Annotated[StrictInt, Field(ge=0, le=2**53)],
    AfterValidator(_past),
]
ObjectId = Id | StrictInt


class EventObject(Documented):
    """What was acted upon.

    Attributes:
        object_id: id of the product.
    """

    object_id: ObjectId


class EventPosition(Documented):
    """Where it stood.

    Attributes:
        ordinal: in the whole ranking, counted from 1: the `rank` of a result.
    """

    ordinal: Annotated[StrictInt | None, Field(ge=1, le=MAX_POSITION)] = None


class EventAttributes(Documented):
    """What an event is about.

    Attributes:
        object: the product.
        position: where it stood.
    """

    object: EventObject
    position: EventPosition | None = None


class EventRequest(Documented):
    """What a person did with a product that a search found; other fields of UBI are not kept.

    Attributes:
        action_name: impression, click, add_to_cart or purchase; other names of the same are taken.
        query_id: of the search's answer.
        event_attributes: the product, and where it stood.
        client_id: a random id of the session; no name and no address.
        timestamp: ISO 8601, or milliseconds since 1970; by default when it arrives.
        event_id: a unique id of the event, so that it counts once however often it is sent.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "action_name": "click",
                    "query_id": "0d7c5f0e7c0e4c6f9f3c1f6f7d0c2b1a",
                    "client_id": "b3a1f2c4",
                    "event_id": "7f9c0e52",
                    "timestamp": "2026-01-02T03:04:05Z",
                    "event_attributes": {
                        "object": {"object_id": "A-1024"},
                        "position": {"ordinal": 3},
                    },
                }
            ]
        }
    )

    action_name: Action
    query_id: Short
    event_attributes: EventAttributes
    client_id: ClientId = ""
    timestamp: Time | None = None
    event_id: Annotated[str, StringConstraints(max_length=100)] = ""

    def event(self) -> Event:
        """The event as the log keeps it."""
        about = self.event_attributes
        return Event(
            ACTIONS[self.action_name],
            self.query_id,
            str(about.object.object_id),
            about.position.ordinal if about.position else None,
            self.client_id,
            None if self.timestamp is None else _milliseconds(self.timestamp),
            self.event_id,
        )


Batch = Annotated[list[EventRequest], Field(min_length=1, max_length=MAX_EVENTS)]
_BODY: TypeAdapter[EventRequest | list[EventRequest]] = TypeAdapter(EventRequest | Batch)
_BATCH: TypeAdapter[list[EventRequest]] = TypeAdapter(Batch)


async def read_events(request: Request) -> list[Event]:
    """The events of a body.

    Raises:
        ProblemError: it is too large, of another type, or cut off.
        RequestValidationError: it does not have the form that is described.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON:
        raise ProblemError(UNREADABLE, f"Events are sent as {JSON}.")
    try:
        body = await request.body()
    except ClientDisconnect:
        raise ProblemError(INVALID, "The body was cut off.") from None
    if len(body) > MAX_BODY:
        raise ProblemError(
            TOO_LARGE,
            f"The body is larger than {MAX_BODY // 2**20} MiB: send fewer events at once.",
        )
    try:
        if body.lstrip()[:1] == b"[":
            sent = _BATCH.validate_json(body)
        else:
            sent = [EventRequest.model_validate_json(body)]
    except Invalid as error:
        raise RequestValidationError(error.errors(include_url=False, include_input=False)) from None
    return [each.event() for each in sent]


def _milliseconds(value: datetime | int) -> int:
    if isinstance(value, int):
        return value
    zoned = value if value.tzinfo else value.replace(tzinfo=UTC)
    return round(zoned.timestamp() * 1000)
