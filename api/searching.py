"""Answers to searches and counts, for the routes and the tools of agents."""

import asyncio
import logging
from dataclasses import replace

from api import metrics
from api.answers import FacetsAnswer, SearchAnswer
from api.query_picture import read_address, read_upload
from api.requests import FacetParameters, SearchRequest
from api.service import Service
from events import EventsError
from search.engine import Engine
from search.query import Filters, Query
from search.recording import describe_search
from search.request import read_filters, read_query
from search.results import Results

log = logging.getLogger("vitrine.api")


async def answer_search(
    service: Service, request: SearchRequest, upload: bytes = b""
) -> SearchAnswer:
    """Search by words, a picture, both, or products to be like; browse without any of them.

    Args:
        service: what answers.
        request: what to search for.
        upload: the bytes of the picture's file; empty where there is none.

    Raises:
        VitrineError, ProblemError: it cannot be answered.
    """
    engine = await service.threads.run(service.engine, request.variant)
    variant = engine.variant.name
    image = None
    if upload:
        image = await read_upload(service, upload)
    elif request.picture:
        image = await read_address(service, request.picture)
    facets = None
    asked: Query | Filters
    if request.text.strip() or image or request.like:
        query = asked = read_query(request.text, image, request.options())
        found = await service.search(variant, query)
        if request.facets:
            facets = await service.threads.run(
                lambda: engine.facets(query.filters, query, limit=request.facet_limit)
            )
    else:
        filters = asked = read_filters(request.options())
        last = request.offset + request.k + 1
        browsed = await service.threads.run(engine.browse, filters, last)
        found = Results(browsed[request.offset :])
        if request.facets:
            facets = await service.threads.run(
                lambda: engine.facets(filters, limit=request.facet_limit)
            )
    if service.shop.log and request.log:
        found = await _keep(service, request, engine, asked, found)
    return SearchAnswer.of(
        found,
        k=request.k,
        next_offset=request.offset + request.k,
        public_url=service.settings.public_url,
        variant=variant,
        facets=facets,
    )


async def _keep(
    service: Service, request: SearchRequest, engine: Engine, asked: Query | Filters, found: Results
) -> Results:
    """The results with the id that the log keeps the search by; without one where it cannot."""
    assert service.shop.log  # noqa: S101 - for the type checker
    try:
        search = describe_search(
            engine,
            asked,
            found,
            k=request.k,
            first=request.offset + 1,
            client_id=request.client_id,
            application="api",
        )
        kept = await asyncio.wrap_future(service.shop.log.add_search(search))
    except EventsError as error:
        metrics.UNLOGGED.inc()
        log.warning("%s", error)
        return found
    return replace(found, query_id=kept)


async def count_facets(service: Service, parameters: FacetParameters) -> FacetsAnswer:
    """Count the products that pass the filters.

    Raises:
        VitrineError, ProblemError: they cannot be counted.
    """
    filters = read_filters({**parameters.filter_options(), "where": parameters.where})
    query = read_query(parameters.text, None, {}) if parameters.text.strip() else None

    def count() -> FacetsAnswer:
        engine = service.engine(parameters.variant)
        counted = engine.facets(filters, query, limit=parameters.limit)
        return FacetsAnswer(variant=engine.variant.name, facets=counted)

    return await service.threads.run(count)
