"""Names of columns: the words of a name, and the usual names of each product field.

A column is matched by its words, whatever their case, accents and separators: "g:image_link",
"Image Link" and "imageLink" are one name. Words that name the thing for sale ("product_name"),
articles, prepositions and words about an included tax ("Nombre del artículo", "Prix de vente TTC"),
a language ("title_en") or a currency ("price_usd") at the end and a remark in parentheses ("Preis
(brutto)") may be there or not; a number ("image_2") or a word of order ("additional images") only
where a field is a list.
"""

import re
import unicodedata
from functools import lru_cache

from catalog.values import attribute_name
from catalog.values.currencies import CODES, WORDS

# Words for the thing for sale; "id_product" is an id.
THINGS = frozenset(
    "product products item items article articles artikel produkt produkte produit producto "  # noqa: SIM905
    "prodotto prodotti prod articulo articulos articolo articoli produits productos produktu "
    "artikelen towaru tovar tovara urun varan listing merchant shop aw g c".split()
)
FILLERS = frozenset(
    "the of for de del des du d la le les l di della do da dos van het der die das "  # noqa: SIM905
    "ttc incl inkl including inkludert mwst ust vat btw iva tva moms dph kdv brutto gross".split()
)
# Words that number a list: "main image", "additional images".
ORDER = frozenset(
    "main primary principal principale haupt hoofd głowne głowny additional additionnelle "  # noqa: SIM905
    "supplementaire supplementaires adicional adicionales aggiuntiva aggiuntive weitere "
    "zusatzliche extra autres otras altre overige dodatkowe dodatkowy dalsi additionnelles".split()
)
GLUED = ("product", "item", "article")  # at the beginning of a word: "productname"
LANGUAGES = frozenset(
    "en de fr es it nl pt pl sv da fi nb no cs hu ro tr ru uk el ja zh ko ar he hi".split()  # noqa: SIM905
)
CHANNELS = frozenset({"ecommerce", "mobile", "print"})  # Akeneo's, after the language
CURRENCIES = CODES - WORDS
REGIONS = frozenset("us gb uk ie ca au in de at ch fr be es mx it nl br pt jp cn int".split())  # noqa: SIM905

# Columns about the export, the search engine's page or the warehouse, not about the product: they
# begin with these words.
ADMINISTRATIVE = tuple(
    tuple(words.split())
    for words in (
        "seo", "meta", "published", "publish", "status", "visibility", "visible", "created",
        "updated", "modified", "crawl", "crawled", "scraped", "timestamp", "date created",
        "date modified", "tax", "taxable", "charge tax", "shipping", "requires shipping",
        "fulfillment", "variant fulfillment", "variant requires", "variant taxable", "variant tax",
        "variant inventory", "inventory", "continue selling", "cost", "purchase", "position",
        "sort", "is featured", "featured", "gift card",
        "download", "redirect", "ads", "custom label", "video", "videos", "template", "websites",
        "product websites", "store view", "attribute set", "attribute sets", "url key", "slug",
        "user", "review", "bought together", "related", "crosssell", "upsell", "cross sells",
        "upsells", "wholesale", "min cart", "max cart", "use config", "index", "unnamed", "cursor",
    )
)  # fmt: skip

PICTURES = frozenset({"image", "images", "picture", "pictures", "photo", "thumbnail"})
NAMESPACE = re.compile(r"^[A-Za-z]{1,3}:(?=\w)")  # of XML, as in "g:price"
METAFIELD = re.compile(r"\s*\((?:product|variant)\.metafields\..*\)$")  # as Shopify marks them
ITEM_SPECIFIC = re.compile(r"^\*?(?:[CP]:)?")  # of eBay: "*C:Colour", "P:EAN"; * is a must
REMARK = re.compile(r"\s*[(\[][^)\]]*[)\]]")
CAMEL = re.compile(r"(?<=[a-zß-ÿ0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
DIGITS = re.compile(r"(?<=[^\W\d_])(?=\d)")
WORD = re.compile(r"[^\W_]+")


@lru_cache(4096)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a column's name, without case and accents."""
    bare = NAMESPACE.sub("", METAFIELD.sub("", name.strip().lstrip("*")))
    spaced = DIGITS.sub(" ", CAMEL.sub(" ", bare))
    plain = unicodedata.normalize("NFKD", spaced.casefold().replace("ß", "ss"))
    return tuple(WORD.findall("".join(c for c in plain if not unicodedata.combining(c))))


def key(name: str) -> str:
    """The words of a name as one: how names are compared."""
    return "".join(words_of(name))


def fits(name: str, language: str = "") -> list[tuple[str, int, bool]]:
    """The names that a column may be meant by.

    Args:
        name: As the file writes it.
        language: Whose columns come first, as "de".

    Returns:
        Name, penalty (0 is the name as it stands), whether a number or a word of order is left out.
    """
    found: dict[str, tuple[int, bool]] = {}
    for penalty, written in enumerate((name, REMARK.sub("", name))):
        words = words_of(written)
        found.setdefault("".join(words), (penalty, False))
        spoken, others = _language(words)
        if spoken:
            penalty = penalty if language and spoken == language else penalty + 4
            words = others
            found.setdefault("".join(words), (penalty, False))
            whole = tuple(word for word in words_of(written) if word not in THINGS)
            found.setdefault("".join(whole), (penalty + 2, False))  # "item no" is no Norwegian
        if currency := _currency(words):
            words = (*words[:-1], *filter(None, [words[-1][: -len(currency)]]))
            found.setdefault("".join(words), (penalty + 1, False))
        things = tuple(word for word in words if word not in THINGS and word not in FILLERS)
        for thing in GLUED:
            if len(words) == 1 and words[0].startswith(thing):
                found.setdefault(words[0].removeprefix(thing), (penalty + 2, False))
        found.setdefault("".join(things), (penalty + 2, False))
        unordered = tuple(word for word in things if word not in ORDER)
        unnumbered = tuple(word for word in unordered if not word.isdecimal())
        if len(unnumbered) < len(things) and len(unordered) <= len(unnumbered) + 1:
            found.setdefault("".join(unnumbered), (penalty + 1, True))
    found.pop("", None)
    return [(key, penalty, numbered) for key, (penalty, numbered) in found.items()]


def _language(words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The language at a name's end, and the words before it: "name_de", "title_en_US"."""
    if len(words) > 2 and words[-1] in CHANNELS:
        words = words[:-1]
    if len(words) > 2 and words[-2] in LANGUAGES and words[-1] in REGIONS:
        return words[-2], words[:-2]
    if len(words) > 1 and words[-1] in LANGUAGES:
        return words[-1], words[:-1]
    return "", words


def currency_of(name: str) -> str:
    """The currency at the end of a price column's name: "price_usd", "Price (INR)"; or empty."""
    return _currency(words_of(name)).upper()


def _currency(words: tuple[str, ...]) -> str:
    last = words[-1] if words else ""
    code = last[-3:]
    whole = (last == code and len(words) > 1) or last[:-3] == "price"
    return code if whole and code.upper() in CURRENCIES else ""


def is_administrative(name: str) -> bool:
    """Whether a column says something of the export rather than of the product."""
    words = words_of(name)
    if not words or words[0] in PICTURES:
        return True
    return any(words[: len(begun)] == begun for begun in ADMINISTRATIVE)


@lru_cache(4096)
def readable(name: str) -> str:
    """A column's name as the name of an attribute: "base_colour" is "Base colour"."""
    bare = METAFIELD.sub("", ITEM_SPECIFIC.sub("", name.strip()))
    bare = bare.removeprefix("Google Shopping / ")
    shown = attribute_name(bare)
    return shown if shown == bare else shown.removesuffix(" name")
