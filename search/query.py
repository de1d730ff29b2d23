"""A query: what to search for, and how."""

import math
from dataclasses import dataclass

from PIL.Image import Image

from qdrant.model import NO_FILTERS, VECTORS, Filters
from search.ordering import FACTS
from vitrine import VitrineError
from vitrine.text import fold

# CLIP reads 77 tokens, some 300 characters of English. A pasted title or description fits well
# below this; a longer text is a mistake, which is reported and not cut silently.
MAX_TEXT = 4_000
MATCHES = ("hybrid", "words", "vectors")
MAX_K = 1_000  # a person reads tens; evaluation needs hundreds
MAX_NAMED = 50  # each product liked is a search of its own
MAX_OFFSET = 1_000  # nobody pages further: more filters are what helps


class SearchError(VitrineError):
    """A search that cannot be carried out; the message has the reason and the remedy."""


class QueryError(SearchError):
    """The query itself is at fault."""


@dataclass(frozen=True, slots=True)
class Query:
    """What to search for, and how.

    Args:
        text: words; folded by `vitrine.text.fold`.
        picture: an RGB picture; with a text, both count.
        filters: what every result must satisfy.
        k: number of results, 1 to `MAX_K`.
        vector: which vector of the products to compare with: `fused`, `image` or `text`. It makes
            `vectors` the match where none is named; in a hybrid search it is the only one beside
            the words. Empty takes `fused`, and `image` for a picture alone; of a variant with a
            text model, which has no `fused`, `image` where there is a picture and `text` where
            there are words alone.
        weight: of the text where a picture is there too, 0 to 1.
        like: ids of products, or one, in place of text and picture: the products nearest to any
            of them, these left out. A product without a picture is compared by its text.
        match: how a text is matched: `hybrid`, by words and by vectors; `words`; or `vectors`.
            Empty takes `hybrid`, or `vectors` where a vector is named. Pictures alone and `like`
            are matched by vectors; a picture alone by `fused` where the match is `vectors`.
        offset: results that are left out before the first one shown, 0 to `MAX_OFFSET`.
        fold: variants of one article, and near-duplicates, are one result.
        sort: a key of `search.ordering.FACTS`, by which the results that fit are ordered; empty
            orders them by score.
        unlike: ids of products; the results are less like these.
        without: terms; products with all words of one are left out, and what is near to one by its
            vector ranks lower.
        diverse: results are chosen to be unlike one another, too.
        typed: the text as it was typed, which may be an article number: set by the search, which
            reads operators and corrects words in `text`.
        compounds: terms, divided by blanks, of each word of the text that the shop writes as two:
            a product has that word where they are one after another. Set by the search.

    Raises:
        QueryError: nothing to search for, or a value out of its range.
    """

    text: str = ""
    picture: Image | None = None
    filters: Filters = NO_FILTERS
    k: int = 10
    vector: str = ""
    weight: float = 0.5
    like: str | tuple[str, ...] = ()
    match: str = ""
    offset: int = 0
    fold: bool = True
    sort: str = ""
    unlike: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    diverse: bool = False
    typed: str = ""
    compounds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", fold(self.text))
        if isinstance(self.like, str):
            object.__setattr__(self, "like", (self.like,) if self.like else ())
        object.__setattr__(self, "without", tuple(map(fold, self.without)))
        self._check_less_of()
        low, high = self.filters.price_min, self.filters.price_max
        if not (self.text or self.picture or self.like):
            raise QueryError("There is nothing to search for: type words, give a picture, or both.")
        if self.like and (self.text or self.picture):
            raise QueryError("A search for products like one takes neither words nor a picture.")
        if len(self.text) > MAX_TEXT:
            raise QueryError(
                f"The query text has {len(self.text):,} characters; at most {MAX_TEXT:,} are "
                "allowed. Shorten it: the model reads only the first few dozen words."
            )
        if not 0 <= self.weight <= 1:
            raise QueryError(f"The weight of the text is {self.weight}; it lies between 0 and 1.")
        check_k(self.k)
        check_page(self.offset, self.sort)
        if self.vector not in ("", *VECTORS):
            raise QueryError(
                f"There is no vector “{self.vector}”; products have {', '.join(VECTORS)}."
            )
        if self.match not in ("", *MATCHES):
            raise QueryError(
                f"There is no match “{self.match}”; a text is matched by {', '.join(MATCHES)}."
            )
        for amount in (low, high, self.filters.rating_min):
            if amount is not None and not math.isfinite(amount):
                raise QueryError(f"{amount} bounds no price or rating: leave the bound out.")
        if low is not None and high is not None and low > high:
            raise QueryError(f"The lowest price, {low:g}, is above the highest, {high:g}.")

    def _check_less_of(self) -> None:
        """Check what results must be unlike, and their order."""
        if both := sorted({*self.like} & {*self.unlike}):
            raise QueryError(f"The product “{both[0]}” is in both `like` and `unlike`.")
        if max(len(self.like), len(self.unlike), len(self.without)) > MAX_NAMED:
            raise QueryError(
                f"A query names at most {MAX_NAMED} products or terms of each kind: leave some out."
            )
        if "" in self.without:
            raise QueryError("A term that results must be without is empty: name a word.")
        if (length := sum(map(len, self.without))) > MAX_TEXT:
            raise QueryError(
                f"The terms to avoid have {length:,} characters; at most {MAX_TEXT:,} are allowed."
            )
        if self.sort and self.diverse:
            raise QueryError("Results are either sorted or diverse: leave one of both out.")

    @property
    def encoded(self) -> bool:
        """Whether a model has to encode its text, its picture or its terms to avoid."""
        return self.match != "words" and bool(self.text or self.picture or self.without)

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts that a model has to encode: its own and its terms to avoid."""
        if self.match == "words":
            return ()
        return tuple(filter(None, (self.text, *self.without)))


def check_k(k: int) -> int:
    """The number of results.

    Raises:
        QueryError: it is out of its range.
    """
    if not 1 <= k <= MAX_K:
        raise QueryError(f"k is {k}; it lies between 1 and {MAX_K:,}.")
    return k


def check_page(offset: int, sort: str) -> None:
    """Check where a page begins, and the order of results.

    Raises:
        QueryError: the offset is out of its range, or there is no such order.
    """
    if not 0 <= offset <= MAX_OFFSET:
        raise QueryError(
            f"The offset is {offset:,}; it lies between 0 and {MAX_OFFSET:,}. Set more filters to "
            "see others."
        )
    if sort not in ("", *FACTS):
        raise QueryError(f"Results cannot be sorted by “{sort}”; they can by {', '.join(FACTS)}.")
