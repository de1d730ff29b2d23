"""Searches, counts and suggestions."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.answers import FacetsAnswer, SearchAnswer, SuggestAnswer
from api.forms import SearchForm, read_search
from api.query_picture import read_address, read_upload
from api.requests import MAX_SUGGESTIONS, FacetParameters, Text
from api.schema import SEARCH_BODY
from api.service import Served
from search import suggestions
from search.request import read_filters, read_query
from search.results import Results

router = APIRouter(tags=["search"])


@router.post("/search", openapi_extra=SEARCH_BODY)
async def search(
    form: Annotated[SearchForm, Depends(read_search)], service: Served
) -> SearchAnswer:
    """Search by words, a picture, both, or products to be like.

    Without any of them, varied products that pass the filters are returned. A picture is sent as a
    file of a form, or named in the JSON body.
    """
    request = form.search
    engine = await service.threads.run(service.engine, request.variant)
    variant = engine.variant.name
    image = None
    if form.upload:
        image = await read_upload(service, form.upload)
    elif request.picture:
        image = await read_address(service, request.picture)
    facets = None
    if request.text.strip() or image or request.like:
        query = read_query(request.text, image, request.options())
        found = await service.search(variant, query)
        if request.facets:
            facets = await service.threads.run(
                lambda: engine.facets(query.filters, query, limit=request.facet_limit)
            )
    else:
        filters = read_filters(request.options())
        last = request.offset + request.k + 1
        browsed = await service.threads.run(engine.browse, filters, last)
        found = Results(browsed[request.offset :])
        if request.facets:
            facets = await service.threads.run(
                lambda: engine.facets(filters, limit=request.facet_limit)
            )
    return SearchAnswer.of(
        found,
        k=request.k,
        next_offset=request.offset + request.k,
        pictures=service.pictures,
        variant=variant,
        facets=facets,
    )


@router.get("/facets")
async def facets(parameters: Annotated[FacetParameters, Query()], service: Served) -> FacetsAnswer:
    """Count the products that pass the filters, by category, brand, stock, price and attribute.

    Each facet leaves its own filter out, so that it shows what another choice would give.
    """
    filters = read_filters({**parameters.filter_options(), "where": parameters.where})
    query = read_query(parameters.text, None, {}) if parameters.text.strip() else None

    def count() -> FacetsAnswer:
        engine = service.engine(parameters.variant)
        counted = engine.facets(filters, query, limit=parameters.limit)
        return FacetsAnswer(variant=engine.variant.name, facets=counted)

    return await service.threads.run(count)


@router.get("/suggest")
async def suggest(
    service: Served,
    text: Annotated[Text, Query(description="What was typed so far.", examples=["red dr"])],
    k: Annotated[int, Query(ge=1, le=MAX_SUGGESTIONS, description="How many.")] = 8,
    variant: Annotated[str, Query(max_length=64, description="Whose collection.")] = "",
) -> SuggestAnswer:
    """Suggest words, brands, categories and titles for the beginning of a query."""
    found = await service.threads.run(
        lambda: suggestions.suggest(service.engine(variant).vocabulary, text, k)
    )
    return SuggestAnswer(text=text, suggestions=found)
