"""Examples of what can be searched for: pairs of words that titles of the shop often have."""

import re
from collections import Counter

import streamlit as st

from search.engine import Engine
from search.query import NO_FILTERS, Filters
from search.results import Result

EXAMPLES = 6
SAMPLE = 120  # products of each department whose titles are read
WORD = re.compile(r"[^\W\d_]{3,}")
PART = re.compile(r"[^\w\s'’&-]|\s[-–—]\s|\s\d")
# Words that end no name of a thing; a pair has none of them.
LITTLE = frozenset({
    "and", "for", "with", "the", "from", "new", "set", "pack", "und", "mit", "für", "aus", "der",
    "die", "das", "pour", "avec", "les", "des", "con", "para", "del", "por", "voor", "met", "per",
})  # fmt: skip


@st.cache_data(max_entries=16, show_spinner=False)
def find_examples(_engine: Engine, generation: str) -> list[str]:
    """Queries for the shop's largest departments, one each; none where titles have no such words.

    Args:
        _engine: of the collection.
        generation: of the collection; another one is looked at anew.
    """
    departments = [each.path for each in _engine.facets(limit=EXAMPLES).categories]
    found: dict[str, None] = {}
    for department in departments or [""]:
        filters = Filters(categories=(department,)) if department else NO_FILTERS
        pairs = _pairs(_engine.browse(filters, SAMPLE))
        wanted = 1 if len(departments) > EXAMPLES // 2 else EXAMPLES // max(1, len(departments))
        used = {word for text in found for word in text.split()}
        for pair, _ in pairs.most_common():
            if wanted and not used & {*pair}:
                found[" ".join(pair)] = None
                used |= {*pair}
                wanted -= 1
    return list(found)[:EXAMPLES]


def _pairs(products: tuple[Result, ...]) -> Counter[tuple[str, str]]:
    """The last two words before the end of a title, a comma or the like, without those of brands.

    There the name of the thing stands: "Acme Men Blue Casual Shirt", "Matte Lipstick, 3 g".
    """
    pairs: Counter[tuple[str, str]] = Counter()
    for each in products:
        brand = {word.casefold() for word in WORD.findall(each.product.get("brand", ""))}
        parts = PART.split(each.product.get("title", "").casefold())
        ends = {tuple(part.split()[-2:]) for part in parts}
        pairs.update(
            (first, second)
            for first, second in (end for end in ends if len(end) == 2)
            if WORD.fullmatch(first) and WORD.fullmatch(second)
            if not {first, second} & (brand | LITTLE)
        )
    return pairs
