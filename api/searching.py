"""Answers to searches and counts, for the routes and the tools of agents."""

import asyncio
import logging
from dataclasses import replace

from api import metrics
from api.answers import FacetsAnswer, SearchAnswer
from api.query_picture import read_address, read_upload
from api.requests import FacetParameters, Page, SearchRequest
from api.search_queue import Answered
from api.service import Service
from events import EventsError
from events.records import Search
from pictures.limit import Busy
from search.facets import Facets
from search.query import Filters, Query
from search.recording import describe_search
from search.request import NAMED, read_filters, read_query
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
    image = None
    if upload:
        image = await read_upload(service, upload)
    elif request.picture:
        image = await read_address(service, request.picture)
    searched: Query | Filters
    facets = None
    options = request.options()
    if request.text.strip() or image or any(options.get(name) for name in NAMED):
        query = searched = read_query(request.text, image, options)
        answered = await service.search(request.variant, query)
        if request.facets:
            count = answered.engine.facets
            facets = await service.threads.run(
                lambda: count(query.filters, query, limit=request.facet_limit)
            )
    else:
        searched = read_filters(options)
        answered, facets = await service.threads.run(_browse, service, request, searched)
    if service.shop.log and request.log:
        answered = replace(answered, results=await _keep(service, request, searched, answered))
    return show_page(service, request, answered, facets)


def _browse(
    service: Service, request: SearchRequest, filters: Filters
) -> tuple[Answered, Facets | None]:
    """Products that pass the filters, where there is no query, and their facets."""
    engine = service.engine(request.variant)
    browsed = engine.browse(
        filters, request.k + 1, offset=request.offset, sort=request.sort, fold=request.fold
    )
    facets = engine.facets(filters, limit=request.facet_limit) if request.facets else None
    return Answered(engine, Results(browsed)), facets


async def _keep(
    service: Service, request: SearchRequest, searched: Query | Filters, answered: Answered
) -> Results:
    """The results with the id that the log keeps the search by; without one where it cannot."""
    assert service.shop.log  # noqa: S101 - for the type checker

    def describe() -> Search:
        return describe_search(
            answered.engine,
            searched,
            answered.results,
            k=request.k,
            first=request.offset + 1,
            sort=request.sort,
            fold=request.fold,
            client_id=request.client_id,
            application="api",
        )

    try:
        search = await service.threads.run(describe)
        kept = await asyncio.wrap_future(service.shop.log.add_search(search))
    except (EventsError, Busy) as error:
        metrics.UNLOGGED.inc()
        log.warning("%s", error)
        return answered.results
    return replace(answered.results, query_id=kept)


def show_page(
    service: Service, page: Page, answered: Answered, facets: Facets | None = None
) -> SearchAnswer:
    """A page of what was found: of one result more than it shows, where there is another page."""
    return SearchAnswer.of(
        answered.results,
        page,
        public_url=service.settings.public_url,
        variant=answered.engine.variant.name,
        facets=facets,
    )


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
