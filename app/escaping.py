"""Strangers' words on a page that reads Markdown: shown as they are, never obeyed."""

import re
from urllib.parse import urlsplit

# A character that is seen by nobody and breaks no line. Streamlit makes links, smileys, icons and
# arrows of plain words after the Markdown was read, where a backslash no longer helps.
JOINER = "\N{WORD JOINER}"
MADE_AFTERWARDS = re.compile(
    r"(?<=[\w/+-])(?=:)"  # https://…, :smile:, :material/home:
    r"|(?<=\bwww)(?=\.)"
    r"|(?=@)"
    r"|(?<=[-<>=])(?=[-<>=])",  # ->, --, >=
    re.IGNORECASE,
)
MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+.!|~$:&=^@-])")
COMMAND = re.compile(r"(`[^`\n]+`)")


def escape(text: str) -> str:
    """Text that Streamlit's Markdown shows character by character, on one line."""
    return _escape(" ".join(text.split()))


def sentence(text: str) -> str:
    """A sentence that may quote strangers, with `commands` in backticks shown as code."""
    parts = COMMAND.split(" ".join(text.split()))  # every second one is a command
    return "".join(part if place % 2 else _escape(part) for place, part in enumerate(parts))


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters, cut at a word where one ends near, with an ellipsis."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    head, space, tail = cut.rpartition(" ")
    return (head if space and len(tail) < limit // 3 else cut).rstrip() + "…"


def web_link(link: object) -> str:
    """The link where it is one that a browser may be sent to, else nothing."""
    if not isinstance(link, str) or any(letter.isspace() for letter in link):
        return ""
    try:
        parts = urlsplit(link)
        named = bool(parts.hostname)
    except ValueError:
        return ""
    return link if parts.scheme in ("http", "https") and named and link.isprintable() else ""


def price(amount: float | None) -> str:
    """An amount in the shop's own currency, which nobody told us."""
    return "" if amount is None else f"{amount:,.2f}".removesuffix(".00")


def _escape(text: str) -> str:
    return MARKUP.sub(r"\\\1", MADE_AFTERWARDS.sub(JOINER, text))
