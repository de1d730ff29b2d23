"""Operators in a query's text: what must occur, and what must not.

"red kettle"     these words one after another; also „…“, “…”, «…», 「…」 and the like
-leather         not this word
-"faux leather"  not these words one after another
"""

import re
from dataclasses import dataclass

from qdrant.words import split_words, visible

# Opening quotation marks with those that close them.
QUOTES = {
    '"': '"',
    "“": "”",
    "„": "“”",
    "”": "”",
    "«": "»",
    "»": "«",
    "‹": "›",
    "「": "」",
    "『": "』",
}
# These also close: they open at the beginning of a word alone, so that 27" is a size.
CLOSING = frozenset("".join(QUOTES.values()))
MINUS = "−-"
MARKS = "".join(QUOTES)
# An operator begins the text or a word; a bracket may stand before it, and a minus before quotes.
_BEGINS = r"(?<![^\s(\[{])"
_OPENS = rf"(?<![^\s(\[{{{MINUS}])"
_QUOTED = "|".join(
    f"{_OPENS if opening in CLOSING else ''}{opening}([^{opening}{closing}]*)[{closing}]"
    for opening, closing in QUOTES.items()
)
# A minus before a digit is a number: "-18 °C".
_WORD = rf"[^\s\d{MARKS}{MINUS}]\S*"
_OPERATOR = re.compile(rf"(?:{_BEGINS}([{MINUS}]))?(?:{_QUOTED})|{_BEGINS}[{MINUS}]({_WORD})")
_UNCLOSED = re.compile(rf"{_BEGINS}[{MINUS}]?[{MARKS}]")
_BARE = re.compile(rf"[\s{MARKS}{MINUS}]*")  # operators, and nothing that they are about


@dataclass(frozen=True, slots=True)
class Syntax:
    """A query's text, read.

    Attributes:
        text: what is embedded: without operators and without what must not occur.
        phrases: each must occur.
        without: words and phrases of which none may occur.
    """

    text: str
    phrases: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


def read_syntax(text: str) -> Syntax:
    """Read the operators of a query's text.

    An operator that nothing follows and a quotation mark that is not closed are left out; hyphens
    within words, numbers below zero and sizes in inches are none.

    Args:
        text: as it was typed.
    """
    phrases: list[str] = []
    without: list[str] = []

    def replace(found: re.Match[str]) -> str:
        minus, *quoted, word = found.groups()
        phrase = next((each for each in quoted if each is not None), None)
        if phrase is None or minus:
            without.append(word if phrase is None else phrase)
            return " "
        phrases.append(phrase)
        return f" {phrase} "

    rest = _OPERATOR.sub(replace, visible(text))
    rest = visible(_UNCLOSED.sub(" ", rest))
    return Syntax("" if _BARE.fullmatch(rest) else rest, _worded(phrases), _worded(without))


def _worded(texts: list[str]) -> tuple[str, ...]:
    """Those that have a word, each once."""
    stripped = (text.strip(" .,;:!?()[]{}") for text in texts)
    return tuple(dict.fromkeys(text for text in stripped if split_words(text)))
