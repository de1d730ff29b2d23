"""POST /v1/events: what people did with the results of searches."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends

from api import metrics
from api.answers import EventsAnswer
from api.event_requests import read_events
from api.problems import INVALID, LOG_OFF, ProblemError
from api.schema import EVENTS_BODY
from api.service import Served
from events.records import Event
from events.settings import ENABLED

router = APIRouter(tags=["events"])


@router.post("/events", openapi_extra=EVENTS_BODY)
async def events(
    sent: Annotated[list[Event], Depends(read_events)], service: Served
) -> EventsAnswer:
    """Keep what people did with the products that searches found: one event, or a list.

    The answer comes when the events are on the disk. An event that is sent again with its
    `event_id` is kept once, so that a request without an answer can be repeated.
    """
    if service.shop.log is None:
        raise ProblemError(
            LOG_OFF, f"This server keeps no events: start it with --events, or {ENABLED}=1."
        )
    kept = await asyncio.wrap_future(service.shop.log.add_events(sent))
    metrics.EVENTS.labels("kept").inc(kept.kept)
    metrics.EVENTS.labels("repeated").inc(kept.repeated)
    metrics.EVENTS.labels("unknown").inc(len(sent) - kept.kept - kept.repeated)
    if kept.unknown and not (kept.kept or kept.repeated):
        raise ProblemError(
            INVALID,
            f"The log has no search with the query_id “{kept.unknown[0]}”: send the `query_id` of "
            "a search’s answer.",
        )
    return EventsAnswer(kept=kept.kept, repeated=kept.repeated, unknown=list(kept.unknown))
