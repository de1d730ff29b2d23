"""Bodies and parameters of requests; `search.request` makes queries of them."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from api.documented import Documented
from events import EventsError
from events.records import CLIENT, MAX_CLIENT, check_client
from search.query import MAX_OFFSET, MAX_TEXT, Query
from search.request import FilterOptions, QueryOptions, read_query
from search.where import Condition, Value

MAX_K = 100  # results of a page: people read tens, and programs take the next page
MAX_LISTED = 50  # values of one filter, and products or terms that a query names
MAX_WHERE = 20  # conditions of a request
MAX_FACET = 100  # values of a facet
MAX_SUGGESTIONS = 20
MAX_DATA = 12 * 2**20  # characters of a picture in a body: 9 MB of bytes as base64


def _client(value: str) -> str:
    try:
        return check_client(value)
    except EventsError as error:
        raise ValueError(str(error)) from None


Name = Annotated[str, StringConstraints(max_length=200)]
Names = Annotated[tuple[Name, ...], Field(max_length=MAX_LISTED)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=512)]
Ids = Annotated[tuple[Id, ...], Field(max_length=MAX_LISTED)]
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT)]
Amount = Annotated[float | None, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=MAX_K)]
Offset = Annotated[int, Field(ge=0, le=MAX_OFFSET)]
Limit = Annotated[int, Field(ge=1, le=MAX_FACET)]
Written = Annotated[tuple[Text, ...], Field(max_length=MAX_WHERE)]
Values = Annotated[tuple[Value, ...], Field(max_length=MAX_LISTED)]
ByName = Annotated[dict[str, Value | Values | Condition], Field(max_length=MAX_WHERE)]
ClientId = Annotated[
    str,
    StringConstraints(max_length=MAX_CLIENT, pattern=f"^{CLIENT.pattern}$"),
    AfterValidator(_client),
]

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


class Filtered(Documented):
    """What every product must satisfy; all of it must hold.

    Attributes:
        categories: one of these: a department, a deeper step, or a path as "Kitchen > Kettles".
        brands: one of these.
        price_min: price at least this; a product without a price never matches.
        price_max: price at most this.
        rating_min: rating at least this.
        in_stock: only products in stock, or only those that are not.
        variant: whose collection is searched; `/v1/variants` lists them.
    """

    model_config = STRICT

    categories: Names = ()
    brands: Names = ()
    price_min: Amount = None
    price_max: Amount = None
    rating_min: Amount = None
    in_stock: bool | None = None
    variant: Annotated[str, StringConstraints(max_length=64)] = ""

    def filter_options(self) -> FilterOptions:
        """The filters without `where`."""
        return {
            "categories": self.categories,
            "brands": self.brands,
            "price_min": self.price_min,
            "price_max": self.price_max,
            "rating_min": self.rating_min,
            "in_stock": self.in_stock,
        }


class Page(Filtered):
    """A page of results.

    Attributes:
        k: number of results.
        offset: results that are left out before the first one: the `next_offset` of the last page.
        diverse: results are unlike one another, too.
        fold: variants of one article, and near-duplicates, are one result.
    """

    k: Count = 10
    offset: Offset = 0
    diverse: bool = False
    fold: bool = True


class SimilarParameters(Page):
    """How products similar to one are searched for.

    Attributes:
        where: conditions on attributes, as `colour=Red,Blue` or `weight<2`.
    """

    where: Written = ()

    def query(self, product_id: str) -> Query:
        """The query for products similar to one, of one result more than the page shows."""
        options: QueryOptions = {
            **self.filter_options(),
            "where": self.where,
            "like": product_id,
            "k": self.k + 1,
            "offset": self.offset,
            "fold": self.fold,
            "diverse": self.diverse,
        }
        return read_query("", None, options)


class FacetParameters(Filtered):
    """Which products are counted.

    Attributes:
        text: only those that fit these words best.
        where: conditions on attributes, as `colour=Red,Blue` or `weight<2`.
        limit: values of each facet.
    """

    text: Text = ""
    where: Written = ()
    limit: Limit = 10


class SearchRequest(Page):
    """What to search for, and how.

    Attributes:
        text: words. Words in quotes occur one after another, a word after a minus does not occur.
        picture: a picture's https:, http: or data: address; with a text, both count.
        like: ids of products, in place of text and picture: the products nearest to any of them.
        unlike: ids of products; the results are less like these.
        without: terms; products with all words of one are left out.
        where: conditions on attributes, by name or as text.
        match: how the words are matched; by default `hybrid`, by words and by vectors.
        vector: the vector of the products to compare with.
        weight: of the text where a picture is there too.
        sort: what the results that fit are sorted by; by default their score.
        facets: also count what fits, by category, brand, price and attribute.
        facet_limit: values of each facet.
        log: the search is kept, where the server keeps a log; false for text that is still being
            typed, and for people who do not agree to it.
        client_id: a random id of the session, for the log; no name and no address.
    """

    model_config = STRICT | ConfigDict(
        json_schema_extra={
            "examples": [
                {"text": "red summer dress", "k": 12},
                {
                    "text": "running shoes -leather",
                    "categories": ["Footwear"],
                    "price_max": 80,
                    "where": {"colour": ["Black", "Blue"], "weight": {"lt": "400 g"}},
                    "sort": "price",
                    "facets": True,
                },
                {"like": ["12830"], "k": 6},
            ]
        }
    )

    text: Text = ""
    picture: Annotated[str, StringConstraints(max_length=MAX_DATA)] = ""
    like: Ids = ()
    unlike: Ids = ()
    without: Names = ()
    where: ByName | Written = ()
    match: Literal["", "hybrid", "words", "vectors"] = ""
    vector: Literal["", "fused", "image", "text"] = ""
    weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    sort: Literal["", "price", "-price", "rating", "newest"] = ""
    facets: bool = False
    facet_limit: Limit = 10
    log: bool = True
    client_id: ClientId = ""

    def options(self) -> QueryOptions:
        """How to search, for one result more than the page shows."""
        return {
            **self.filter_options(),
            "where": self.where,
            "like": self.like,
            "unlike": self.unlike,
            "without": self.without,
            "k": self.k + 1,
            "offset": self.offset,
            "match": self.match,
            "vector": self.vector,
            "weight": self.weight,
            "sort": self.sort,
            "diverse": self.diverse,
            "fold": self.fold,
        }
