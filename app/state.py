"""A search's state and the address bar's query parameters, which can be shared and reloaded.

Parameters: `q`, `picture` (a web address) and `upload` (the content hash of an uploaded one) are
the query, and `crop` the part of the picture that counts; `like`, a product's id, is searched for
in their place; `variant`, where it is not the usual one, says how to search; `category` and
`brand`, which are repeatable, `price_min`, `price_max`, `stock` ("1") and `where` (repeatable;
conditions on attributes, as `search.where` reads them) are the filters; `sort`, `fold` ("0"), `k`
and `page` say which results are shown, and `product`, an id, shows one alone.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

from PIL.Image import Image

from search.ordering import FACTS
from search.query import MAX_OFFSET, Filters, Query, QueryError
from search.request import FilterOptions, QueryOptions, read_filters, read_query
from search.where import parse_where

DEFAULT_K = 12  # fills two, three, four or six columns evenly
MAX_K = 60

QUERY = ("text", "picture", "upload", "crop")  # fields whose place `like` takes
PICTURE = ("picture", "upload")
WHOLE = (0, 0, 100, 100)  # percent of a picture's width and height
PART = "a part of a picture such as 10,0,90,60, in percent"
LEAST_SIDE = 5  # percent of a crop's sides: of fewer pixels a model sees nothing

Parameters = dict[str, list[str]]


@dataclass(frozen=True)
class SearchState:
    """What a visitor searches for and sees; the page's widgets have the fields' names as keys.

    Attributes:
        text: words.
        picture: a picture's web address.
        upload: the content hash of a picture that was uploaded.
        crop: left, upper, right and lower edge of the part of the picture that is searched with,
            in percent of its width and height; empty is all of it.
        like: a product's id; what is like it is searched for, and not the words and the picture.
        variant: empty means the usual one.
        categories: any of these.
        brands: any of these.
        price_min: at least.
        price_max: at most.
        in_stock: only products in stock.
        where: conditions on attributes, as they are written.
        sort: a key of `search.ordering.FACTS`; empty is by score.
        fold: variants of one article are one result.
        k: number of products on a page.
        page: the page of the results, from 1.
        product: the id of a product that is shown alone.
    """

    text: str = ""
    picture: str = ""
    upload: str = ""
    crop: tuple[int, ...] = ()
    like: str = ""
    variant: str = ""
    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    price_min: float | None = None
    price_max: float | None = None
    in_stock: bool = False
    where: tuple[str, ...] = ()
    sort: str = ""
    fold: bool = True
    k: int = DEFAULT_K
    page: int = 1
    product: str = ""

    @property
    def filters(self) -> Filters:
        """What every result must satisfy."""
        return read_filters(self._filter_options)

    @property
    def _filter_options(self) -> FilterOptions:
        return {
            "categories": self.categories,
            "brands": self.brands,
            "price_min": self.price_min,
            "price_max": self.price_max,
            "in_stock": self.in_stock or None,
            "where": self.where,
        }

    @property
    def offset(self) -> int:
        """Number of results before the page."""
        return (self.page - 1) * self.k

    @property
    def last_page(self) -> int:
        """The last page that a search has."""
        return 1 + MAX_OFFSET // self.k

    def query(self, picture: Image | None) -> Query:
        """The query for the engine, of one result more than the page shows.

        Args:
            picture: the one that was uploaded or fetched, whole.

        Raises:
            QueryError: the engine cannot answer it.
        """
        options: QueryOptions = {
            **self._filter_options,
            "k": self.k + 1,
            "like": self.like,
            "offset": self.offset,
            "fold": self.fold,
            "sort": self.sort,
        }
        if self.like:
            return read_query("", None, options)
        part = crop_picture(picture, self.crop) if picture else None
        return read_query(self.text, part, options)


def follow(before: SearchState, after: SearchState) -> SearchState:
    """The state after an act of the visitor, with what the act ends.

    Another search begins at its first page and ends the view of a product; other words and another
    picture end a search for products like one; another picture is searched with whole.
    """
    if any(getattr(before, name) != getattr(after, name) for name in PICTURE):
        after = replace(after, crop=())
    if any(getattr(before, name) != getattr(after, name) for name in QUERY):
        after = replace(after, like="")
    if replace(before, page=after.page, product=after.product) != after:
        after = replace(after, page=1, product="")
    return after


def write_parameters(state: SearchState) -> Parameters:
    """A search state as query parameters; defaults are left out."""
    parameters: Parameters = {
        "q": [state.text],
        "picture": [state.picture],
        "upload": [state.upload],
        "crop": [",".join(map(str, state.crop))],
        "like": [state.like],
        "variant": [state.variant],
        "category": list(state.categories),
        "brand": list(state.brands),
        "price_min": _amount(state.price_min),
        "price_max": _amount(state.price_max),
        "stock": ["1"] if state.in_stock else [],
        "where": list(state.where),
        "sort": [state.sort],
        "fold": [] if state.fold else ["0"],
        "k": [] if state.k == DEFAULT_K else [str(state.k)],
        "page": [] if state.page == 1 else [str(state.page)],
        "product": [state.product],
    }
    return {name: values for name, values in parameters.items() if any(values)}


def read_parameters(parameters: Mapping[str, list[str]]) -> tuple[SearchState, list[str]]:
    """Query parameters as a search state, and a sentence about each that is invalid.

    Whether the variant, category, picture or product exists is not checked here.
    """
    parser = _Parser(parameters)
    state = SearchState(
        text=parser.word("q"),
        picture=parser.word("picture"),
        upload=parser.word("upload"),
        crop=parser.crop("crop"),
        like=parser.word("like"),
        variant=parser.word("variant"),
        categories=parser.words("category"),
        brands=parser.words("brand"),
        price_min=parser.amount("price_min"),
        price_max=parser.amount("price_max"),
        in_stock=bool(parser.word("stock")),
        where=parser.conditions("where"),
        sort=parser.sort("sort"),
        fold=parser.word("fold") != "0",
        k=parser.count("k", MAX_K, DEFAULT_K),
        product=parser.word("product"),
    )
    return replace(state, page=parser.count("page", state.last_page, 1)), parser.problems


FIELDS = tuple(field.name for field in fields(SearchState))


class _Parser:
    def __init__(self, parameters: Mapping[str, list[str]]) -> None:
        self._parameters = parameters
        self.problems: list[str] = []

    def word(self, name: str) -> str:
        return (self._parameters.get(name) or [""])[-1].strip()

    def words(self, name: str) -> tuple[str, ...]:
        stripped = (value.strip() for value in self._parameters.get(name, []))
        return tuple(dict.fromkeys(value for value in stripped if value))

    def conditions(self, name: str) -> tuple[str, ...]:
        found = []
        for word in self.words(name):
            try:
                parse_where([word])
            except QueryError:
                self._report(name, word, "a condition such as colour=Red or weight<2")
            else:
                found.append(word)
        return tuple(found)

    def crop(self, name: str) -> tuple[int, ...]:
        word = self.word(name)
        crop = read_crop(word)
        if crop is None:
            self._report(name, word, PART)
        return crop or ()

    def sort(self, name: str) -> str:
        word = self.word(name)
        if not word or word in FACTS:
            return word
        self._report(name, word, f"one of {', '.join(FACTS)}")
        return ""

    def amount(self, name: str) -> float | None:
        word = self.word(name)
        if not word:
            return None
        try:
            amount = float(word)
        except ValueError:
            amount = math.nan
        if math.isfinite(amount) and amount >= 0:
            return amount
        self._report(name, word, "an amount of money")
        return None

    def count(self, name: str, most: int, default: int) -> int:
        word = self.word(name)
        if not word:
            return default
        if word.isdecimal() and len(word) < 10 and 1 <= int(word) <= most:
            return int(word)
        self._report(name, word, f"a whole number from 1 to {most}")
        return default

    def _report(self, name: str, word: str, expected: str) -> None:
        self.problems.append(
            f"The address has {name}={word[:40]}, which is not {expected}; it was ignored."
        )


def is_crop(edges: Sequence[int]) -> bool:
    """Whether four edges enclose a part of a picture."""
    if len(edges) != len(WHOLE):
        return False
    left, upper, right, lower = edges
    inside = min(left, upper) >= 0 and max(right, lower) <= 100
    return inside and min(right - left, lower - upper) >= LEAST_SIDE


def read_crop(word: str) -> tuple[int, ...] | None:
    """A part of a picture as an address has it, empty for all of it; None where it is none."""
    edges = [int(edge) if edge.isdecimal() else -1 for edge in word[:16].split(",")]
    if not word or edges == [*WHOLE]:
        return ()
    return tuple(edges) if is_crop(edges) else None


def crop_picture(picture: Image, crop: Sequence[int]) -> Image:
    """A part of a picture, of one pixel at least.

    Args:
        picture: whole.
        crop: as `SearchState` has it; empty is all of it.
    """
    left, upper, right, lower = crop or WHOLE
    width, height = picture.size
    return picture.crop(
        (
            left * width // 100,
            upper * height // 100,
            -(-right * width // 100),
            -(-lower * height // 100),
        )
    )


def _amount(amount: float | None) -> list[str]:
    return [] if amount is None else [f"{amount:.2f}".removesuffix(".00")]
