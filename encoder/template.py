"""Text templates: from a product's named parts to the text that a variant embeds."""

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from encoder.errors import VariantInvalid
from vitrine.text import fold

PARTS = ("title", "brand", "category", "description", "features", "summary")
DEFAULT_TEMPLATE = "title_description"

# Closing marks belong to the part before them and go with it.
CLOSING = re.compile(r"""^[)\]"'»”]+""")
SEPARATORS = " \t\n.,;:|/-–—"
SENTENCE_END = (".", "!", "?")

# Typographic marks with an ASCII equivalent; other non-ASCII characters have none.
ASCII_EQUIVALENTS = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-"})


class Described(Protocol):
    """What a product text is made of."""

    @property
    def title(self) -> str:
        """Its name."""

    @property
    def brand(self) -> str:
        """Its maker."""

    @property
    def category(self) -> str:
        """The shop department."""

    @property
    def description(self) -> str:
        """Running text."""

    @property
    def features(self) -> Sequence[str]:
        """Bullet points."""


@dataclass(frozen=True)
class Template:
    """A format of named parts that leaves no gap where a part is missing.

    The words before a part belong to it (its label or separator) and go when it is empty.

    Attributes:
        name: its name on the command line; a user's own format is called `custom`.
        format: text with parts in braces, such as "{title}. {description}".
        fallback: format used when `format` yields nothing at all.
        limit: most characters of the text; 0 is no limit (the tokenizer cuts in any case).
        ascii: fold to ASCII as the reference system does, dropping letters without an equivalent.
    """

    name: str
    format: str
    fallback: str = ""
    limit: int = 0
    ascii: bool = False

    def __post_init__(self) -> None:
        if not [part for _, part in _pieces(self.format) if part]:
            raise VariantInvalid(
                f"The template {self.format!r} names no part of a product: "
                f"write at least one of {_braced(PARTS)}."
            )
        _pieces(self.fallback)

    @property
    def uses_summary(self) -> bool:
        """Whether the product text contains the summary."""
        return any(part == "summary" for _, part in _pieces(self.format))

    def product_text(self, product: Described, summary: str | None) -> str:
        """The text of a product and its summary, if it has one."""
        return self.render(
            {
                "title": product.title,
                "brand": product.brand,
                "category": product.category,
                "description": product.description,
                "features": " ".join(product.features),
                "summary": summary or "",
            }
        )

    def render(self, fields: Mapping[str, str]) -> str:
        """Make the product text.

        Args:
            fields: any of `PARTS`; a missing or blank one is left out with its label.

        Returns:
            The text; empty when every part it names is.
        """
        clean = {part: self._clean(fields.get(part) or "") for part in PARTS}
        text = _fill(self.format, clean) or _fill(self.fallback, clean)
        return text[: self.limit].rstrip() if self.limit else text

    def _clean(self, text: str) -> str:
        text = fold(text)
        if self.ascii:
            text = text.translate(ASCII_EQUIVALENTS).encode("ascii", "ignore").decode("ascii")
            text = " ".join(text.split())
        return text


def _pieces(text: str) -> list[tuple[str, str]]:
    """Cut a format into (words before, part); the last part may be empty."""
    try:
        pieces = list(string.Formatter().parse(text))
    except ValueError as error:
        raise VariantInvalid(f"The template {text!r} has unbalanced braces ({error}).") from error
    for _, part, spec, conversion in pieces:
        if part is not None and (part not in PARTS or spec or conversion):
            named = part + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
            raise VariantInvalid(
                f"The template {text!r} names {{{named}}}; the parts are {_braced(PARTS)}."
            )
    return [(literal, part or "") for literal, part, _, _ in pieces]


def _fill(text: str, fields: Mapping[str, str]) -> str:
    filled, kept = "", False
    for number, (literal, part) in enumerate(_pieces(text)):
        closing = CLOSING.match(literal) if number else None
        if closing:
            filled += closing[0] if kept else ""
            literal = literal[closing.end() :]
        value = fields.get(part, "")
        kept = bool(value)
        if part and not value:
            continue
        if not filled:
            literal = literal.lstrip(SEPARATORS)
        elif literal.startswith(".") and filled.endswith(SENTENCE_END):
            literal = literal[1:]
        if value or filled:
            filled += literal + value
    return filled.strip()


def _braced(parts: tuple[str, ...]) -> str:
    return ", ".join(f"{{{part}}}" for part in parts)


TEMPLATES: Mapping[str, Template] = MappingProxyType(
    {
        template.name: template
        for template in (
            Template("title", "{title}"),
            Template("title_description", "{title}. {description}"),
            Template("title_brand_category", "{title}, {brand}, {category}"),
            Template("summary", "{summary}", fallback="{title}. {description}"),
            # The reference system's second product text: cut at 512 characters, ASCII only.
            Template(
                "reference",
                "Product title is: {title}\nProduct description is: {description}",
                limit=512,
                ascii=True,
            ),
        )
    }
)


def find_template(name_or_format: str) -> Template:
    """Find a named template, or make one of a user's own format.

    Raises:
        VariantInvalid: neither a name in `TEMPLATES` nor a format with parts in braces.
    """
    if name_or_format in TEMPLATES:
        return TEMPLATES[name_or_format]
    if "{" not in name_or_format:
        raise VariantInvalid(
            f"No template is called {name_or_format!r}: choose {', '.join(TEMPLATES)}, "
            'or write your own, such as "{title} by {brand}".'
        )
    return Template("custom", name_or_format)
