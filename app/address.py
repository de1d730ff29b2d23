"""The address bar: a search as query parameters, to be shared, reloaded and gone back to.

Parameters: `q`, `picture` (a web address) and `upload` ("1" where one was uploaded) are the query;
`like`, a product's id, stands in its place; `variant` and `k` say how to search; `category` and
`brand`, which are repeatable, `price_min` and `price_max` are the filters.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from search.query import Filters

USUAL_K = 12  # fills two, three, four or six columns evenly
MOST_K = 60

Parameters = dict[str, list[str]]


@dataclass(frozen=True)
class Ask:
    """What a person asks for.

    Attributes:
        text: words.
        picture: a picture's web address.
        upload: a picture was uploaded; no address can carry it.
        like: a product's id.
        variant: empty means the usual one.
        categories: any of these.
        brands: any of these.
        price_min: at least.
        price_max: at most.
        k: how many products at first.
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
    k: int = USUAL_K

    @property
    def filters(self) -> Filters:
        """What every result must satisfy."""
        return Filters(
            categories=self.categories,
            brands=self.brands,
            price_min=self.price_min,
            price_max=self.price_max,
        )


def write(ask: Ask) -> Parameters:
    """An ask as query parameters; what is usual is left out."""
    told: dict[str, list[str]] = {
        "q": [] if ask.like else [ask.text],
        "picture": [] if ask.like else [ask.picture],
        "upload": ["1"] if ask.upload and not ask.like else [],
        "like": [ask.like],
        "category": list(ask.categories),
        "brand": list(ask.brands),
        "price_min": _amount(ask.price_min),
        "price_max": _amount(ask.price_max),
        "k": [] if ask.k == USUAL_K else [str(ask.k)],
    }
    told = {name: values for name, values in told.items() if any(values)}
    return told | ({"variant": [ask.variant]} if told and ask.variant else {})


def read(parameters: Mapping[str, list[str]]) -> tuple[Ask, list[str]]:
    """Query parameters as an ask, and a sentence about each that cannot be meant.

    Whether a variant, category or product exists is not known here.
    """
    reader = _Reader(parameters)
    ask = Ask(
        text=reader.word("q"),
        picture=reader.word("picture"),
        upload=bool(reader.word("upload")),
        like=reader.word("like"),
        variant=reader.word("variant"),
        categories=reader.words("category"),
        brands=reader.words("brand"),
        price_min=reader.amount("price_min"),
        price_max=reader.amount("price_max"),
        k=reader.count("k"),
    )
    return ask, reader.complaints


class _Reader:
    def __init__(self, parameters: Mapping[str, list[str]]) -> None:
        self._parameters = parameters
        self.complaints: list[str] = []

    def word(self, name: str) -> str:
        return (self._parameters.get(name) or [""])[-1].strip()

    def words(self, name: str) -> tuple[str, ...]:
        given = (value.strip() for value in self._parameters.get(name, []))
        return tuple(dict.fromkeys(value for value in given if value))

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
        self._complain(name, word, "an amount of money")
        return None

    def count(self, name: str) -> int:
        word = self.word(name)
        if not word:
            return USUAL_K
        if word.isdecimal() and len(word) < 10 and 1 <= int(word) <= MOST_K:
            return int(word)
        self._complain(name, word, f"a whole number from 1 to {MOST_K}")
        return USUAL_K

    def _complain(self, name: str, word: str, wanted: str) -> None:
        self.complaints.append(
            f"The address says {name}={word[:40]}, which is not {wanted}; it was left out."
        )


def _amount(amount: float | None) -> list[str]:
    return [] if amount is None else [f"{amount:.2f}".removesuffix(".00")]
