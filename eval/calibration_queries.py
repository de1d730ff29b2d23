"""The queries that a calibration is fitted with: texts that fit a shop, and foreign ones."""

import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from catalog.catalogue import Catalogue
from catalog.product import Product
from catalog.readers import read_products
from eval import EvalError
from eval.groups import group_of, normalize_title
from eval.queries import QuerySet
from eval.trec import read_text

MOST = 600  # queries of each sort; more make no threshold visibly better
GENERAL_WORDS = Path(__file__).parent / "general_words.txt"


@dataclass(frozen=True, slots=True)
class Probe:
    """A text that is searched for.

    Attributes:
        text: what is typed.
        exclude: ids of products that its results must not have.
    """

    text: str
    exclude: tuple[str, ...] = ()


def own_titles(catalogue: Catalogue, seed: int) -> list[Probe]:
    """Titles of the shop, one of each product group, whose own group is not among the results.

    So each looks for what the shop might have and does not.
    """
    titles: dict[str, str] = {}
    members: dict[str, list[str]] = {}
    groups = group_of(catalogue.entries())
    for product in catalogue.products():
        group = groups[product.id]
        titles.setdefault(group, product.title)
        members.setdefault(group, []).append(product.id)
    drawn = _draw(sorted(titles), seed)
    return [Probe(titles[group], tuple(members[group])) for group in drawn]


def labelled_texts(queries: QuerySet, seed: int) -> tuple[list[Probe], list[Probe]]:
    """The texts of labelled queries: those with a relevant product, and those without one.

    Of several queries with one text, the first.
    """
    texts: dict[str, tuple[str, bool]] = {}
    for query in queries:
        if query.text and not query.picture:
            fits = any(query.relevant.values())
            texts.setdefault(normalize_title(query.text), (query.text, fits))
    sorts = ([text for text, fit in texts.values() if fit is wanted] for wanted in (True, False))
    fitting, foreign = ([Probe(text) for text in _draw(each, seed)] for each in sorts)
    return fitting, foreign


def foreign_texts(path: Path | None, own: Iterable[Product], seed: int) -> list[Probe]:
    """Texts that the shop has nothing for.

    Args:
        path: another shop's product file, or a text file (.txt) with one query a line; None takes
            a list of general words.
        own: the shop's products. A foreign title that is one of theirs is left out; a general
            word, where all its words are in one title or category of the shop.
        seed: of the draw.

    Raises:
        EvalError: the file has no text.
        CatalogError: it cannot be read.
    """
    if path is None:
        known = [set(_words_of(product)) for product in own]
        texts = _lines(GENERAL_WORDS)
        kept = [text for text in texts if not _covered(set(normalize_title(text).split()), known)]
    else:
        texts = _lines(path) if path.suffix.lower() == ".txt" else _titles(path)
        if not texts:
            raise EvalError(f"{path} has no title: name another shop's products.")
        titles = {normalize_title(product.title) for product in own}
        kept = [text for text in texts if normalize_title(text) not in titles]
    return [Probe(text) for text in _draw(sorted(set(kept)), seed)]


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in read_text(path).splitlines() if line.strip()]


def _titles(path: Path) -> list[str]:
    rows = read_products(path)
    return [row.title for row in rows if isinstance(row, Product)]


def _words_of(product: Product) -> list[str]:
    return normalize_title(f"{product.title} {' '.join(product.category_names())}").split()


def _covered(words: set[str], known: Collection[set[str]]) -> bool:
    return any(words <= each for each in known)


def _draw(texts: Sequence[str], seed: int) -> list[str]:
    """At most `MOST` of some texts."""
    return random.Random(seed).sample(texts, MOST) if len(texts) > MOST else list(texts)
