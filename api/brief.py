"""Answers of bounded length for models, which read every word of them."""

import json
from typing import Any, TypeVar

from api.documented import Documented

Answer = TypeVar("Answer", bound=Documented)

MOST = 16_000  # characters of an answer, some 4,000 tokens: 20 products with usual titles and links
# Characters of a text, and entries of a list: the first pair with which an answer fits.
CUTS = ((2000, 50), (500, 30), (200, 15), (100, 8), (50, 4))
WHOLE = ("id", "link", "image_url", "image", "products")  # of no use where they are cut
NAMED = ("attributes", "details", "brands", "values")  # by names that are the shop's


def brief(answer: Answer) -> Answer:
    """An answer whose texts and lists are cut as far as its length needs it.

    Products and their links are never left out: `MOST` may be exceeded where links are very long.
    """
    whole = cut = answer.model_dump(mode="json")
    for characters, entries in CUTS:
        cut = _cut(whole, characters, entries)
        if len(json.dumps(cut, ensure_ascii=False)) <= MOST:
            break
    return type(answer).model_validate(cut)


def _cut(value: Any, characters: int, entries: int, name: str = "") -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, str) and name not in WHOLE and len(value) > characters:
        return f"{value[: characters - 1]}…"
    if isinstance(value, list):
        kept = value if name in WHOLE else value[:entries]
        return [_cut(each, characters, entries) for each in kept]
    if isinstance(value, dict):
        pairs = list(value.items())[: entries if name in NAMED else None]
        return {key: _cut(each, characters, entries, key) for key, each in pairs}
    return value
