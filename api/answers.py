"""Bodies of answers."""

from typing import Any, Self

from pydantic import Field

from api.documented import Documented
from api.requests import Page
from pictures.public_addresses import picture_address
from search.facets import Facets
from search.fusion import PartScore
from search.results import Folded, Result, Results
from search.suggestions import Suggestion

# Of a payload, as the facts of a product that an answer has by another name, or not at all.
HIDDEN = ("picture", "facets", "content", "attributes", "image_url")


class ProductFacts(Documented):
    """What is known of a product.

    Attributes:
        id: the shop's key.
        title: its name.
        brand: who makes it.
        category: the department.
        categories: every step of its category paths, and each path to it.
        price: in `currency`.
        list_price: the price before a reduction.
        currency: ISO 4217 code.
        in_stock: whether it can be bought now; null where that is not known.
        rating: mean of its ratings.
        rating_count: how many ratings.
        link: its page in the shop.
        image_url: its picture as WebP; `?width=` chooses among the widths.
        image: the address of its picture in the shop's own feed.
        sku: the shop's stock-keeping unit.
        gtin: the trade item number: EAN, UPC, ISBN.
        parent: the article that it is a variant of.
        released: ISO 8601 date.
        attributes: the attributes that products are filtered by, by name.
    """

    id: str
    title: str = ""
    brand: str = ""
    category: str = ""
    categories: tuple[str, ...] = ()
    price: float | None = None
    list_price: float | None = None
    currency: str = ""
    in_stock: bool | None = None
    rating: float | None = None
    rating_count: int | None = None
    link: str = ""
    image_url: str = ""
    image: str = ""
    sku: str = ""
    gtin: str = ""
    parent: str = ""
    released: str = ""
    attributes: dict[str, str | float] = Field(default_factory=dict)

    @classmethod
    def of(cls, payload: dict[str, Any], public_url: str) -> Self:
        """The facts of a payload.

        Args:
            payload: of the collection.
            public_url: what the address of its picture begins with.
        """
        facts = {name: fact for name, fact in payload.items() if name not in HIDDEN}
        if digest := payload.get("picture"):
            facts["image_url"] = picture_address(public_url, digest)
        facts["attributes"] = {
            each["name"]: each.get("number", each["value"])
            for each in payload.get("attributes", ())
        }
        return cls.model_validate(facts)


class ProductAnswer(ProductFacts):
    """A product with its description.

    Attributes:
        description: running text.
        features: bullet points.
        details: every attribute of the catalogue by name, also those that are no filters.
    """

    description: str = ""
    features: tuple[str, ...] = ()
    details: dict[str, str | float | bool] = Field(default_factory=dict)


class Found(Documented):
    """One product that was found.

    Attributes:
        rank: 1 is the best.
        id: the product's id.
        score: comparable within this answer only.
        confidence: calibrated chance, 0 to 1, that a query whose best product is this one finds
            what it looks for; null where the search is not calibrated.
        product: what is known of it.
        parts: its rank and score in each part of the search that found it.
        matched: the words of the query that occur in it, by field.
        folded: variants and near-duplicates that it stands for, best first.
    """

    rank: int
    id: str
    score: float
    confidence: float | None
    product: ProductFacts
    parts: dict[str, PartScore]
    matched: dict[str, list[str]]
    folded: list[Folded]

    @classmethod
    def of(cls, result: Result, public_url: str) -> Self:
        """A result as it is sent."""
        return cls(
            rank=result.rank,
            id=result.id,
            score=result.score,
            confidence=result.confidence,
            product=ProductFacts.of(result.product, public_url),
            parts=dict(result.parts),
            matched={field: list(words) for field, words in result.matched.items()},
            folded=list(result.folded),
        )


class Seconds(Documented):
    """Where the time of a search went; each is its share of the searches answered with it.

    Attributes:
        load: until the model was in memory, for the first search.
        encode: in the model.
        search: in the store and in ranking.
    """

    load: float
    encode: float
    search: float


class SearchAnswer(Documented):
    """What was found.

    Attributes:
        results: the products, best first.
        without_picture: where vectors of pictures were compared, products without a picture, by
            their text alone; their scores are not comparable with the others.
        next_offset: the `offset` of the next page; null where this is the last one.
        searched_for: the text that was searched for, where misspelt words were corrected.
        notice: what could not be done as it was typed, and the remedy.
        confidence: calibrated chance, 0 to 1, that the shop has what the text looks for; null where
            the search is not calibrated.
        nothing_fits: the confidence is below the calibrated threshold: better say so than show
            these results without a word.
        nearest_categories: where nothing fits, the most frequent categories of the results.
        facets: what fits, counted; null where that was not requested.
        variant: whose collection was searched.
        query_id: names the search in `/v1/events`; empty where the server keeps no log.
        seconds: where the time went.
    """

    results: list[Found]
    without_picture: list[Found]
    next_offset: int | None
    searched_for: str
    notice: str
    confidence: float | None
    nothing_fits: bool
    nearest_categories: list[str]
    facets: Facets | None
    variant: str
    query_id: str
    seconds: Seconds

    @classmethod
    def of(
        cls,
        found: Results,
        page: Page,
        *,
        public_url: str,
        variant: str,
        facets: Facets | None = None,
    ) -> Self:
        """A page of what was found.

        Args:
            found: one result more than the page shows, where there are more.
            page: which page of it.
            public_url: what the addresses of pictures begin with.
            variant: whose collection was searched.
            facets: where they were requested.
        """
        k, last = page.k, max(len(found.results), len(found.without_picture)) <= page.k
        return cls(
            results=[Found.of(each, public_url) for each in found.results[:k]],
            without_picture=[Found.of(each, public_url) for each in found.without_picture[:k]],
            next_offset=None if last else page.offset + k,
            searched_for=found.searched_for,
            notice=found.notice,
            confidence=found.confidence,
            nothing_fits=found.nothing_fits,
            nearest_categories=list(found.nearest_categories),
            facets=facets,
            variant=variant,
            query_id=found.query_id,
            seconds=Seconds(
                load=found.load_seconds, encode=found.encode_seconds, search=found.search_seconds
            ),
        )


class EventsAnswer(Documented):
    """What became of the events.

    Attributes:
        kept: how many are in the log now.
        repeated: how many were there already, by their `event_id`.
        unknown: query ids of no search of the log, whose events are not kept.
    """

    kept: int
    repeated: int
    unknown: list[str]


class SuggestAnswer(Documented):
    """What a person may be about to type.

    Attributes:
        text: what was typed so far.
        suggestions: whole queries, by kind.
    """

    text: str
    suggestions: list[Suggestion]


class FacetsAnswer(Documented):
    """What the products that pass the filters are.

    Attributes:
        variant: whose collection was counted.
        facets: the counts.
    """

    variant: str
    facets: Facets


class VariantFacts(Documented):
    """A named way to embed, which can be searched.

    Attributes:
        name: what requests name it by.
        default: it is searched where no variant is named.
        products: in its collection.
        generation: of the collection; another one means that it was built again.
        created: UTC time of that build, ISO 8601.
        vectors: names of its vectors.
        problem: why it cannot be searched; empty where it can.
    """

    name: str
    default: bool
    products: int
    generation: str
    created: str
    vectors: list[str]
    problem: str


class VariantsAnswer(Documented):
    """The shop's variants.

    Attributes:
        variants: by name.
    """

    variants: list[VariantFacts]


class Live(Documented):
    """The server runs.

    Attributes:
        status: `ok`.
    """

    status: str = "ok"


class Ready(Documented):
    """Whether searches can be answered at once.

    Attributes:
        ready: they can.
        variant: that is searched where none is named.
        problem: why they cannot; empty where they can.
    """

    ready: bool
    variant: str
    problem: str
