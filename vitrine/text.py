"""Text made safe to show on a terminal or on a page, folded for matching, or read as a number."""

import math
import re
import unicodedata

# Control characters, but for tab and line feed: ESC begins a terminal's commands. Embeddings,
# overrides and isolates of the writing direction: they turn what follows around. Line and
# paragraph separators. The marks U+200E, U+200F and U+061C stay: Arabic and Hebrew need them, and
# they move nothing else.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """Text with a visible replacement in place of every control and direction character."""
    return UNPRINTABLE.sub(REPLACEMENT, text)


def fold(text: str) -> str:
    """Text as it is embedded and matched: NFKC, white space collapsed to single spaces.

    NFKC loses meaning ("2½" becomes "21⁄2"), so stored and shown text is not folded.
    """
    return " ".join(unicodedata.normalize("NFKC", text).split())


def number_in(text: str) -> float:
    """The number that a text is; NaN, which no bound admits, where it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan
