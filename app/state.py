"""A search's state and the address bar's query parameters, which can be shared and reloaded.

Parameters: `q`, `picture` (a web address) and `upload` ("1" where one was uploaded) are the query;
`like`, a product's id, replaces it; `variant` and `k` say how to search; `category` and `brand`,
which are repeatable, `price_min`, `price_max`, `stock` ("1") and `where` (repeatable; conditions on
attributes, as `search.where` reads them) are the filters.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from PIL.Image import Image

from search.query import Filters, Query, QueryError
from search.where import parse_where

DEFAULT_K = 12  # fills two, three, four or six columns evenly
MAX_K = 60

Parameters = dict[str, list[str]]


@dataclass(frozen=True)
class SearchState:
    """What a visitor searches for; the page's widgets have the fields' names as keys.

    Attributes:
        text: words.
        picture: a picture's web address.
        upload: a picture was uploaded; no address can carry it.
        like: a product's id.
        variant: empty means the default one.
        categories: any of these.
        brands: any of these.
        price_min: at least.
        price_max: at most.
        in_stock: only products in stock.
        where: conditions on attributes, as they are written.
        k: number of products at first.
    """

    text: str = ""
    picture: str = ""
    upload: bool = False
    like: str = ""
    variant: str = ""
    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    price_min: float | None = None
    price_max: float | None = None
    in_stock: bool = False
    where: tuple[str, ...] = ()
    k: int = DEFAULT_K

    @property
    def filters(self) -> Filters:
        """What every result must satisfy."""
        return Filters(
            categories=self.categories,
            brands=self.brands,
            price_min=self.price_min,
            price_max=self.price_max,
            in_stock=self.in_stock or None,
            where=parse_where(self.where),
        )

    def query(self, picture: Image | None, k: int) -> Query:
        """The query for the engine.

        Args:
            picture: the one that was uploaded or fetched.
            k: number of products.

        Raises:
            QueryError: the engine cannot answer it.
        """
        if self.like:
            return Query(like=self.like, filters=self.filters, k=k)
        return Query(self.text, picture, self.filters, k)


def write_parameters(state: SearchState) -> Parameters:
    """A search state as query parameters; defaults are left out."""
    parameters: Parameters = {
        "q": [] if state.like else [state.text],
        "picture": [] if state.like else [state.picture],
        "upload": ["1"] if state.upload and not state.like else [],
        "like": [state.like],
        "category": list(state.categories),
        "brand": list(state.brands),
        "price_min": _amount(state.price_min),
        "price_max": _amount(state.price_max),
        "stock": ["1"] if state.in_stock else [],
        "where": list(state.where),
        "k": [] if state.k == DEFAULT_K else [str(state.k)],
    }
    parameters = {name: values for name, values in parameters.items() if any(values)}
    return parameters | ({"variant": [state.variant]} if parameters and state.variant else {})


def read_parameters(parameters: Mapping[str, list[str]]) -> tuple[SearchState, list[str]]:
    """Query parameters as a search state, and a sentence about each that is invalid.

    Whether the variant, category or product exists is not checked here.
    """
    parser = _Parser(parameters)
    state = SearchState(
        text=parser.word("q"),
        picture=parser.word("picture"),
        upload=bool(parser.word("upload")),
        like=parser.word("like"),
        variant=parser.word("variant"),
        categories=parser.words("category"),
        brands=parser.words("brand"),
        price_min=parser.amount("price_min"),
        price_max=parser.amount("price_max"),
        in_stock=bool(parser.word("stock")),
        where=parser.conditions("where"),
        k=parser.count("k"),
    )
    return state, parser.problems


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

    def count(self, name: str) -> int:
        word = self.word(name)
        if not word:
            return DEFAULT_K
        if word.isdecimal() and len(word) < 10 and 1 <= int(word) <= MAX_K:
            return int(word)
        self._report(name, word, f"a whole number from 1 to {MAX_K}")
        return DEFAULT_K

    def _report(self, name: str, word: str, expected: str) -> None:
        self.problems.append(
            f"The address has {name}={word[:40]}, which is not {expected}; it was ignored."
        )


def _amount(amount: float | None) -> list[str]:
    return [] if amount is None else [f"{amount:.2f}".removesuffix(".00")]
