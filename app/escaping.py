"""Untrusted text on a page that reads Markdown: shown as it is, never as markup."""

import re
from urllib.parse import urlsplit

from vitrine.text import printable

# An invisible character that allows no line break. Streamlit makes links, smileys, icons and arrows
# of plain text after it has read the Markdown, where a backslash has no effect.
JOINER = "\N{WORD JOINER}"
REPLACED_LATER = re.compile(
    r"(?<=[\w/+-])(?=:)"  # https://…, :smile:, :material/home:
    r"|(?<=\bwww)(?=\.)"
    r"|(?=@)"
    r"|(?<=[-<>=])(?=[-<>=])",  # ->, --, >=
    re.IGNORECASE,
)
MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+.!|~$:&=^@-])")
# Signs of one currency alone; $ begins a formula in Markdown.
SYMBOLS = {"EUR": "€", "GBP": "£", "INR": "₹", "USD": r"\$"}
COMMAND = re.compile(r"(`[^`\n]+`)")


def escape(text: str) -> str:
    """Text that Streamlit's Markdown shows character by character, on one line."""
    return _escape(" ".join(text.split()))


def escape_sentence(text: str) -> str:
    """A sentence that may quote untrusted text, with `commands` in backticks shown as code."""
    parts = COMMAND.split(printable(" ".join(text.split())))  # every second one is a command
    return "".join(part if index % 2 else _escape(part) for index, part in enumerate(parts))


def shorten(text: str, limit: int) -> str:
    """At most `limit` printable characters, cut at a word where one ends near, with an ellipsis."""
    text = printable(text)
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    head, space, tail = cut.rpartition(" ")
    return (head if space and len(tail) < limit // 3 else cut).rstrip() + "…"


def web_link(link: object) -> str:
    """The link where it is an http(s) address that a browser may open, else nothing."""
    if not isinstance(link, str) or any(letter.isspace() for letter in link):
        return ""
    try:
        parts = urlsplit(link)
        host = parts.hostname
    except ValueError:
        return ""
    return link if parts.scheme in ("http", "https") and host and link.isprintable() else ""


def format_price(amount: float | None, currency: str = "") -> str:
    """An amount with its currency as Markdown; without one where the feed does not say it."""
    if amount is None:
        return ""
    number = f"{amount:,.2f}".removesuffix(".00")
    symbol = SYMBOLS.get(currency)
    return f"{symbol}{number}" if symbol else f"{number} {escape(currency)}".strip()


def _escape(text: str) -> str:
    return MARKUP.sub(r"\\\1", REPLACED_LATER.sub(JOINER, printable(text)))
