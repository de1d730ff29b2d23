"""Searches, counts and suggestions."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.answers import FacetsAnswer, SearchAnswer, SuggestAnswer
from api.forms import SearchForm, read_search
from api.requests import MAX_SUGGESTIONS, FacetParameters, Text
from api.schema import SEARCH_BODY
from api.searching import answer_search, count_facets
from api.service import Served
from search import suggestions

router = APIRouter(tags=["search"])


@router.post("/search", openapi_extra=SEARCH_BODY)
async def search(
    form: Annotated[SearchForm, Depends(read_search)], service: Served
) -> SearchAnswer:
    """Search by words, a picture, both, or products to be like.

    Without any of them, varied products that pass the filters are returned. A picture is sent as a
    file of a form, or named in the JSON body.
    """
    return await answer_search(service, form.search, form.upload)


@router.get("/facets")
async def facets(parameters: Annotated[FacetParameters, Query()], service: Served) -> FacetsAnswer:
    """Count the products that pass the filters, by category, brand, stock, price and attribute.

    Each facet leaves its own filter out, so that it shows what another choice would give.
    """
    return await count_facets(service, parameters)


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
