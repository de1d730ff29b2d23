"""Why a product was found, as Markdown: the words of the query that it has, in bold."""

import re
from collections.abc import Collection
from itertools import takewhile

from app.escaping import escape
from search.results import Result
from search.where import folded

FIELDS = {
    "brand": "Brand",
    "category": "Category",
    "attribute": "Details",
    "description": "Description",
    "code": "Article number",
}

STEM = 3  # letters that two forms of a word have in common at least
ENDING = 3  # letters after these at most: -s, -es, -ed, -ing
WORD = re.compile(r"\w+")
# Scripts that write no blanks between words: a query word is there a part of a run of letters.
UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]")


def bold_words(text: str, words: Collection[str]) -> str:
    """A text, escaped, with its forms of some words in bold.

    Args:
        text: a title.
        words: of the query; the search has found a form of each in the text.
    """
    spans = [span for word in words for span in _spans(text, word)]
    parts = []
    end = 0
    for start, stop in sorted(spans):
        if start < end:
            continue
        parts += [_escape(text[end:start]), f"**{escape(text[start:stop])}**"]
        end = stop
    return "".join([*parts, _escape(text[end:])])


def other_reasons(result: Result, *, of_text: bool) -> str:
    """Where else than in its title a product has words of the query, or that it is only alike.

    Args:
        result: of a search.
        of_text: the query has words.
    """
    seen = set(result.matched.get("title", ()))
    reasons = []
    for field, label in FIELDS.items():
        words = [word for word in result.matched.get(field, ()) if word not in seen]
        seen.update(words)
        if words:
            reasons.append(f"{label}: {', '.join(f'**{escape(word)}**' for word in words)}")
    if seen or not of_text:
        return " · ".join(reasons)
    return "Looks similar" if "image" in result.parts else "Similar in meaning"


def _spans(text: str, word: str) -> list[tuple[int, int]]:
    """Where the forms of a word are in a text."""
    if UNSPACED.search(word):
        return [found.span() for found in re.finditer(re.escape(word), text)]
    return [found.span() for found in WORD.finditer(text) if _is_form(found[0], word)]


def _is_form(one: str, other: str) -> bool:
    one, other = folded(one), folded(other)
    common = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    stem = len(list(common))
    return one == other or (stem >= STEM and max(len(one), len(other)) - stem <= ENDING)


def _escape(text: str) -> str:
    """A part of a text, whose blanks at the ends are kept."""
    inner = escape(text)
    before = " " * (text[:1].isspace() and bool(inner))
    after = " " * text[-1:].isspace()
    return f"{before}{inner}{after}"
