"""Query sets made from a catalogue, under the leak rule.

A product's title is in its text, and its picture in its picture: searching `text` for a title, or
`image` for a picture, finds what was put in, a leak. So each kind of query is scored only against
the vector that shares nothing with it:

    title      title → picture      scored against `image`
    picture    picture → text       scored against `text`
    category   words of a field     scored against `fused`: a department, or “white skirts”

Titles and pictures may be shared. A title's relevant products are all products whose picture is
one that the title has; a picture's are all whose title is one that the picture has.
"""

import json
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from pathlib import Path

from catalog.catalogue import Catalogue
from catalog.product import Product
from eval import EvalError
from eval.fields import refuse_unknown, value
from eval.groups import group_of, normalize_title
from eval.queries import LabelledQuery
from eval.trec import read_text

DEFAULT_SHARE = 0.2  # of a catalogue's groups, unless held-out products are given
COMMONEST = 0.5  # a value of more than this share of the products makes no useful query


@dataclass(frozen=True)
class Item:
    """What queries are made of: a product and the hash of its picture, empty without one."""

    product: Product
    picture: str

    @cached_property
    def title(self) -> str:
        """The title for matching."""
        return normalize_title(self.product.title)


def make_queries(
    catalogue: Catalogue,
    kinds: Sequence[str],
    *,
    held_out: Collection[str] | None = None,
    share: float = DEFAULT_SHARE,
    fields: Sequence[str] = ("category",),
    categories: Collection[str] = (),
    limit: int = 0,
    seed: int = 0,
) -> list[LabelledQuery]:
    """Make queries of some kinds; their relevant products are looked for in the whole catalogue.

    Args:
        catalogue: the products.
        kinds: of `KINDS`.
        held_out: ids of the products to make queries from; None draws a share of the groups.
        share: of the groups, 0 to 1.
        fields: whose values a category query joins: `category`, `brand` or an attribute's
            name.
        categories: make queries only from products of these; empty means all.
        limit: at most so many queries of a kind, drawn at random; 0 is no limit.
        seed: of both draws.

    Raises:
        EvalError: an unknown kind or field, a share out of range, or no query at all.
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise EvalError(f"There are no queries of kind “{unknown[0]}”; take {', '.join(KINDS)}.")
    items = [Item(entry.product, entry.picture or "") for entry in catalogue.entries()]
    sources = _sources(catalogue, items, held_out, share, seed)
    if categories:
        sources = [item for item in sources if item.product.category in categories]
    if not sources:
        raise EvalError(
            "None of the products to make queries from is in the catalogue"
            + (f" under {', '.join(sorted(categories))}." if categories else ".")
        )
    made: list[LabelledQuery] = []
    for kind in kinds:
        queries = list(KINDS[kind](catalogue, items, sources, fields))
        if limit and len(queries) > limit:
            chosen = set(random.Random(f"{seed} {kind}").sample(range(len(queries)), limit))
            queries = [query for number, query in enumerate(queries) if number in chosen]
        made += queries
    if not made:
        raise EvalError(
            f"No query of kind {' or '.join(kinds)} can be made: titles need a picture to find, "
            f"and a category needs a value of {' + '.join(fields)} that not every product has."
        )
    return made


def read_held_out(path: Path) -> list[str]:
    """Product ids: a JSON list, the `split.json` of a training, or a text file with one a line.

    Of a split, those of `test`: they were used neither for training nor for validation.

    Raises:
        EvalError: it is missing, empty, or none of these.
    """
    text = read_text(path)
    if not text.lstrip().startswith(("[", "{")):
        return [line.strip() for line in text.splitlines() if line.strip()]
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        listed = None
    if isinstance(listed, dict):
        listed = listed.get("test")
    if not isinstance(listed, list) or not all(isinstance(each, str | int) for each in listed):
        raise EvalError(
            f"{path} is no list of product ids: write a JSON list, or one a line, or give the "
            "split.json of a training."
        )
    return [str(each) for each in listed]


def _sources(
    catalogue: Catalogue,
    items: list[Item],
    held_out: Collection[str] | None,
    share: float,
    seed: int,
) -> list[Item]:
    """The products to make queries from."""
    if held_out is not None:
        chosen = set(held_out)
        return [item for item in items if item.product.id in chosen]
    if not 0 < share <= 1:
        raise EvalError(f"The share of held-out products is {share}; it lies between 0 and 1.")
    groups = group_of(catalogue.entries())
    names = sorted(set(groups.values()))
    drawn = set(random.Random(seed).sample(names, max(1, round(share * len(names)))))
    return [item for item in items if groups[item.product.id] in drawn]


def _title_queries(
    catalogue: Catalogue, items: list[Item], sources: list[Item], fields: Sequence[str]
) -> Iterator[LabelledQuery]:
    for item, relevant in _across(items, sources, "title", "picture"):
        yield LabelledQuery(
            id=f"title:{item.product.id}",
            text=item.product.title,
            category=item.product.category,
            relevant=relevant,
            vector="image",
            kind="title → picture",
        )


def _picture_queries(
    catalogue: Catalogue, items: list[Item], sources: list[Item], fields: Sequence[str]
) -> Iterator[LabelledQuery]:
    for item, relevant in _across(items, sources, "picture", "title"):
        yield LabelledQuery(
            id=f"picture:{item.product.id}",
            picture=str(catalogue.pictures.path(item.picture).resolve()),
            category=item.product.category,
            relevant=relevant,
            vector="text",
            kind="picture → text",
        )


def _across(
    items: list[Item], sources: list[Item], given: str, sought: str
) -> Iterator[tuple[Item, dict[str, int]]]:
    """The first source of each distinct title or picture, and the products to find for it.

    Relevant is every product that has one of the pictures of the title, or titles of the picture.
    """
    partners = _distinct(items, attrgetter(given), attrgetter(sought))
    products = _distinct(items, attrgetter(sought), lambda item: item.product.id)
    seen = {""}
    for item in sources:
        key = getattr(item, given)
        found = [product for each in partners.get(key, ()) for product in products[each]]
        if found and key not in seen:
            seen.add(key)
            yield item, dict.fromkeys(found, 1)


def _category_queries(
    catalogue: Catalogue, items: list[Item], sources: list[Item], fields: Sequence[str]
) -> Iterator[LabelledQuery]:
    for field in fields:
        refuse_unknown((item.product for item in items), field)

    def words(item: Item) -> str:
        """The field values joined; empty where one is missing."""
        values = [value(item.product, field) for field in fields]
        return " ".join(values) if all(values) else ""

    products = _distinct(items, words, lambda item: item.product.id)
    departments = _distinct(items, words, lambda item: item.product.category)
    for text in sorted({words(item) for item in sources} - {""}):
        if len(products[text]) <= COMMONEST * len(items):
            yield LabelledQuery(
                id=f"{'+'.join(fields)}:{text}",
                text=text,
                # A value of several departments belongs to none of them.
                category=departments[text][0] if len(departments[text]) == 1 else "",
                relevant=dict.fromkeys(products[text], 1),
                vector="fused",
                kind=" + ".join(fields),
            )


def _distinct(
    items: list[Item], key: Callable[[Item], str], of: Callable[[Item], str]
) -> Mapping[str, list[str]]:
    """The distinct values that items of one key have, in their order."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for item in items:
        if key(item) and of(item):
            found[key(item)][of(item)] = None
    return {name: list(values) for name, values in found.items()}


KINDS: Mapping[str, Callable[..., Iterator[LabelledQuery]]] = {
    "title": _title_queries,
    "picture": _picture_queries,
    "category": _category_queries,
}
