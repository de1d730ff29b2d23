"""Tools for agents over the Model Context Protocol (MCP): search, one product, facets, pictures.

Answers are short, since a model reads every word of them: what is found has its title, price and
links, and `get_product` has the rest.
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError
from pydantic import Field, ValidationError

from api.answers import FacetsAnswer, Found, ProductAnswer
from api.brief import Answer, brief
from api.documented import Documented
from api.problems import ProblemError, field_problems, shorten
from api.product_routes import read_product
from api.renditions import DEFAULT_WIDTH
from api.requests import FacetParameters, SearchRequest
from api.searching import answer_search, count_facets
from api.service import Service
from search.redaction import redact_error
from vitrine import VitrineError

PATH = "/mcp"
ROUTE = "mcp"  # of the log and the metrics
WEBP = "image/webp"
MOST_FOUND = 20  # products of an answer
INSTRUCTIONS = (
    "Search a shop's catalogue. Begin with search_catalog; list_facets shows which brands, "
    "categories and attributes there are to filter by; get_product has a product's description "
    "and all its attributes. Show people a product's title, price and link."
)

Text = Annotated[str, Field(description="Words, as a person would type them.")]
Picture = Annotated[str, Field(description="A picture's https: or data: address, to search by.")]
Similar = Annotated[list[str], Field(description="Ids of products to find similar ones of.")]
Categories = Annotated[list[str], Field(description='One of these, as "Kitchen > Kettles".')]
Brands = Annotated[list[str], Field(description="One of these.")]
Where = Annotated[
    list[str], Field(description="Conditions on attributes, as colour=Red,Blue or weight<2 kg.")
]
Amount = Annotated[float | None, Field(description="In the shop's currency.")]


class Hit(Documented):
    """A product that was found.

    Attributes:
        id: for `get_product` and for `similar_to`.
        title: its name.
        brand: who makes it.
        category: the department.
        price: in `currency`.
        currency: ISO 4217 code.
        in_stock: whether it can be bought now; null where that is not known.
        link: its page in the shop.
        image_url: its picture.
        variants: how many variants of it are not listed.
    """

    id: str
    title: str
    brand: str
    category: str
    price: float | None
    currency: str
    in_stock: bool | None
    link: str
    image_url: str
    variants: int


class Hits(Documented):
    """What a search found.

    Attributes:
        products: best first.
        next_offset: the `offset` of more; null where there are none.
        notice: what was searched for instead, or that probably nothing fits.
    """

    products: list[Hit]
    next_offset: int | None
    notice: str


def make_server(service: Callable[[], Service]) -> MCPServer:
    """The tools and resources over a service.

    Args:
        service: the one that is open while requests are answered.
    """
    server = MCPServer("vitrine", title="Vitrine", instructions=INSTRUCTIONS, log_level="WARNING")

    @server.tool()
    async def search_catalog(
        text: Text = "",
        picture: Picture = "",
        similar_to: Similar = [],  # noqa: B006 - never changed; it is the schema's default
        categories: Categories = [],  # noqa: B006
        brands: Brands = [],  # noqa: B006
        price_min: Amount = None,
        price_max: Amount = None,
        in_stock: Annotated[bool | None, Field(description="Only what can be bought now.")] = None,
        where: Where = [],  # noqa: B006
        sort: Annotated[str, Field(description="price, -price, rating or newest.")] = "",
        k: Annotated[int, Field(ge=1, le=MOST_FOUND, description="How many products.")] = 8,
        offset: Annotated[int, Field(ge=0, description="Products left out before them.")] = 0,
    ) -> Hits:
        """Find products by words, by a picture, by both, or similar to others, under filters."""
        options = {
            "text": text,
            "picture": picture,
            "like": similar_to,
            "categories": categories,
            "brands": brands,
            "price_min": price_min,
            "price_max": price_max,
            "in_stock": in_stock,
            "where": where,
            "sort": sort,
            "k": k,
            "offset": offset,
            "log": False,  # an agent acts on what it reads, and not on what stands first
        }
        return await _reported(_search(service(), options))

    @server.tool()
    async def get_product(
        product_id: Annotated[str, Field(description="Its id.")],
    ) -> ProductAnswer:
        """Everything that is known of one product."""
        opened = service()
        return await _reported(opened.threads.run(read_product, opened, product_id, ""))

    @server.tool()
    async def list_facets(
        text: Text = "",
        categories: Categories = [],  # noqa: B006
        brands: Brands = [],  # noqa: B006
        where: Where = [],  # noqa: B006
        limit: Annotated[int, Field(ge=1, le=50, description="Values of each facet.")] = 8,
    ) -> FacetsAnswer:
        """Count products by category, brand, price and attribute: what there is to filter by."""
        parameters = {
            "text": text,
            "categories": categories,
            "brands": brands,
            "where": where,
            "limit": limit,
        }
        return await _reported(_count(service(), parameters))

    @server.resource("vitrine://pictures/{digest}", mime_type=WEBP)
    async def product_picture(digest: str) -> bytes:
        """The picture of a product, by the hash in its `image_url`."""
        opened = service()
        data = await opened.rendition_threads.run(
            opened.renditions.rendition, digest, DEFAULT_WIDTH
        )
        if data is None:
            raise ResourceNotFoundError("This shop has no such picture.")
        return data

    return server


async def _search(service: Service, options: dict[str, Any]) -> Hits:
    found = await answer_search(service, SearchRequest.model_validate(options))
    notices = [found.notice]
    if found.searched_for:
        notices.append(f"Searched for “{found.searched_for}”.")
    if found.nothing_fits:
        notices.append("Probably nothing of this fits.")
    return Hits(
        products=[_hit(each) for each in (*found.results, *found.without_picture)],
        next_offset=found.next_offset,
        notice=" ".join(filter(None, notices)),
    )


async def _count(service: Service, parameters: dict[str, Any]) -> FacetsAnswer:
    return await count_facets(service, FacetParameters.model_validate(parameters))


def _hit(found: Found) -> Hit:
    product = found.product
    facts = product.model_dump(include=set(Hit.model_fields))
    return Hit(**facts, variants=len(found.folded))


async def _reported(answer: Coroutine[Any, Any, Answer]) -> Answer:
    """An answer of bounded length, or its error as one sentence that a model can act on.

    Raises:
        ToolError: there is none.
    """
    try:
        return brief(await answer)
    except ProblemError as error:
        raise ToolError(shorten(error.detail)) from error
    except VitrineError as error:
        raise ToolError(shorten(redact_error(error))) from error
    except ValidationError as error:
        first = field_problems(error.errors())[0]
        raise ToolError(f"{first.field}: {first.problem}.") from error
