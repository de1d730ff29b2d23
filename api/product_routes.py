"""Products by id, and the variants that search them."""

from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi import Path as InPath

from api.answers import ProductAnswer, ProductFacts, SearchAnswer, VariantFacts, VariantsAnswer
from api.problems import NOT_FOUND, ProblemError
from api.requests import SimilarParameters
from api.searching import show_page
from api.service import Served, Service
from catalog import CatalogError
from catalog.catalogue import Catalogue
from search.redaction import redact

router = APIRouter(tags=["products"])

ProductId = Annotated[
    str,
    InPath(max_length=512, description="The shop's key of the product.", examples=["A-1024"]),
]


@router.get("/products/{product_id:path}/similar")
async def similar(
    product_id: ProductId, parameters: Annotated[SimilarParameters, Query()], service: Served
) -> SearchAnswer:
    """Products similar to one, which is left out."""
    await service.threads.run(_payload, service, product_id, parameters.variant)
    answered = await service.search(parameters.variant, parameters.query(product_id))
    return show_page(service, parameters, answered)


@router.get("/products/{product_id:path}")
async def product(
    product_id: ProductId,
    service: Served,
    variant: Annotated[str, Query(max_length=64, description="Whose collection.")] = "",
) -> ProductAnswer:
    """One product, with its description and all its attributes."""
    return await service.threads.run(read_product, service, product_id, variant)


@router.get("/variants")
async def variants(service: Served) -> VariantsAnswer:
    """The shop's variants: named ways to embed, of which each can be searched."""
    return await service.threads.run(_variants, service)


def _payload(service: Service, product_id: str, variant: str) -> dict[str, Any]:
    found = service.engine(variant).product(product_id) if product_id else None
    if found is None:
        raise ProblemError(
            NOT_FOUND, f"There is no product with the id “{product_id[:80]}” in this shop."
        )
    return found


def read_product(service: Service, product_id: str, variant: str) -> ProductAnswer:
    """One product, with its description where the catalogue is there.

    Raises:
        ProblemError: there is none of that id, or the variant cannot be searched.
    """
    payload = _payload(service, product_id, variant)
    facts = ProductFacts.of(payload, service.settings.public_url)
    answer = ProductAnswer(**facts.model_dump())
    # A server may have the collection alone.
    with suppress(CatalogError), Catalogue(service.shop.home, create=False) as catalogue:
        if stored := catalogue.get([product_id]).get(product_id):
            answer.description = stored.description
            answer.features = stored.features
            answer.details = dict(stored.attributes)
    return answer


def _variants(service: Service) -> VariantsAnswer:
    default = service.readiness().variant
    return VariantsAnswer(
        variants=[
            VariantFacts(
                name=status.name,
                default=status.name == default,
                products=status.collection.points if status.collection else 0,
                generation=status.collection.generation if status.collection else "",
                created=status.collection.created if status.collection else "",
                vectors=list(status.collection.vectors) if status.collection else [],
                problem=redact(status.problem),
            )
            for status in service.shop.statuses()
        ]
    )
