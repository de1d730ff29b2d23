"""How well a shop's own ids, brands, titles, photos and misspelt words are found.

VITRINE_HOME=data python -m benchmarks words --variant zeroshot --match hybrid
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Annotated

import typer
from PIL import Image
from rich.table import Table

from catalog.catalogue import Catalogue
from catalog.product import Product
from qdrant.words import Words, normalize_code
from search.engine import Engine
from search.query import Query
from search.results import Result
from search.shop import open_shop
from search.spelling import EDITS, LEAST_COUNT, SHORTEST, Speller
from vitrine import home
from vitrine.command import Json, messages, print_json

LETTERS = "abcdefghijklmnopqrstuvwxyz"
SEARCHED = 60  # ids, brands, titles
PHOTOS = 200
MISSPELT = 1_000
FOUND = 9  # of the first ten
LEAST_TYPED = 4  # characters
TWO_EDITS = 0.2  # share of the long words that are misspelt twice


@dataclass(frozen=True)
class Misspelt:
    """What became of words misspelt at random.

    Attributes:
        corrected, miscorrected, left: shares that became the right word, another one, or stayed as
            they were.
        known_changed: words of the shop that were changed.
    """

    corrected: float
    miscorrected: float
    left: float
    known_changed: int


@dataclass(frozen=True)
class Figures:
    """What was found, of what was searched for.

    Attributes:
        match: how the queries were matched.
        ids: of so many ids, SKUs and GTINs, the first result has that code.
        ids_searched: how many.
        brands: of so many of the largest brands with ten products, nine of ten results are its own.
        brands_searched: how many.
        titles: of so many titles, the first result has that title.
        titles_searched: how many.
        photos: of so many products' photos, the first result has that photo.
        photos_searched: how many.
        misspelt: what became of misspelt words; None where there is no vocabulary.
    """

    match: str
    ids: int
    ids_searched: int
    brands: int
    brands_searched: int
    titles: int
    titles_searched: int
    photos: int
    photos_searched: int
    misspelt: Misspelt | None


def command(
    variant: Annotated[str, typer.Option(help="Variant whose collection is searched.")] = "",
    match: Annotated[str, typer.Option(help="Match as hybrid, words or vectors.")] = "words",
    fold: Annotated[bool, typer.Option(help="Fold variants and near-duplicates.")] = False,
    seed: Annotated[int, typer.Option(help="Of the samples.")] = 0,
    as_json: Json = False,
) -> None:
    """Search for a shop's own ids, brands, titles and photos, and misspell its words."""
    rng = random.Random(seed)
    with open_shop() as opened, Catalogue(home(), create=False) as catalogue:
        engine = opened.engine(variant)
        figures = _measure(engine, catalogue, match, rng, fold=fold)
    if as_json:
        print_json(asdict(figures))
        return
    table = Table("", "", box=None, show_header=False)
    for name, value in asdict(figures).items():
        table.add_row(name, str(value))
    messages.print(table)


def _measure(
    engine: Engine, catalogue: Catalogue, match: str, rng: random.Random, *, fold: bool
) -> Figures:
    products: list[Product] = list(catalogue.products())
    codes = [code for each in products for code in (each.id, each.sku, each.gtin) if code]
    brands = Counter(each.brand for each in products if each.brand).most_common(SEARCHED)
    ids = rng.sample(codes, min(SEARCHED, len(codes)))
    large = [brand for brand, count in brands if count >= 10]
    titles = rng.sample([each.title for each in products], min(SEARCHED, len(products)))

    def count(texts: Sequence[str], found: Callable[[str, tuple[Result, ...]], bool]) -> int:
        queries = [Query(text, match=match, fold=fold) for text in texts]
        answers = engine.search_batch(queries)
        missed = [
            text
            for text, answer in zip(texts, answers, strict=True)
            if not found(text, answer.results)
        ]
        if missed:
            messages.print("not found:", "; ".join(missed[:10]), markup=False)
        return len(texts) - len(missed)

    photos, photos_searched = _find_photos(engine, catalogue, products, rng, fold=fold)
    return Figures(
        match,
        count(ids, _has_code),
        len(ids),
        count(large, _has_brand),
        len(large),
        count(titles, _has_title),
        len(titles),
        photos,
        photos_searched,
        _misspell(engine, rng),
    )


def _has_code(code: str, results: tuple[Result, ...]) -> bool:
    first = results[0].product if results else {}
    codes = (str(first.get(name, "")) for name in ("id", "sku", "gtin"))
    return normalize_code(code) in map(normalize_code, codes)


def _has_brand(brand: str, results: tuple[Result, ...]) -> bool:
    own = [each for each in results if each.product.get("brand", "").casefold() == brand.casefold()]
    return len(own) >= FOUND


def _has_title(title: str, results: tuple[Result, ...]) -> bool:
    return bool(results) and results[0].product["title"].casefold() == title.casefold()


def _find_photos(
    engine: Engine,
    catalogue: Catalogue,
    products: Sequence[Product],
    rng: random.Random,
    *,
    fold: bool,
) -> tuple[int, int]:
    """Search by photos of the shop: how many are first, and of how many."""
    facts = (engine.product(each.id) or {} for each in rng.sample(products, len(products)))
    photos = islice((each["picture"] for each in facts if "picture" in each), PHOTOS)
    found = searched = 0
    for photo in photos:
        with Image.open(catalogue.pictures.path(photo)) as opened:
            picture = opened.convert("RGB")
        results = engine.search(Query(picture=picture, k=1, fold=fold)).results
        found += results[0].product.get("picture") == photo
        searched += 1
    return found, searched


def _misspell(engine: Engine, rng: random.Random) -> Misspelt | None:
    """Misspell words of the vocabulary at random, and correct them by it."""
    settings = engine.collection().words
    if settings is None or not engine.vocabulary.source():
        return None
    words = Words.of(settings)
    speller = Speller(engine.vocabulary)
    known = [
        word
        for word, count in engine.vocabulary.words(SHORTEST, 100_000).items()
        if word.isascii() and count >= LEAST_COUNT
    ]
    outcomes: Counter[str] = Counter()
    for word in rng.choices(known, k=MISSPELT):
        typed = _misspelt(word, rng)
        if len(typed) < LEAST_TYPED or engine.vocabulary.known(words.terms(typed)):
            continue  # it has become another word of the shop
        corrected = speller.correct(typed, words, lambda _: 0)
        right = words.terms(corrected) == words.terms(word)
        outcomes["right" if right else "left" if corrected == typed else "wrong"] += 1
    total = outcomes.total() or 1
    return Misspelt(
        round(outcomes["right"] / total, 3),
        round(outcomes["wrong"] / total, 3),
        round(outcomes["left"] / total, 3),
        sum(speller.correct(word, words, lambda _: 0) != word for word in known),
    )


def _misspelt(word: str, rng: random.Random) -> str:
    """A word with one random edit; some long ones with two."""
    typed = rng.choice(list(_edits(word, rng)))
    if len(word) >= max(EDITS) and rng.random() < TWO_EDITS:
        typed = rng.choice(list(_edits(typed, rng)))
    return typed


def _edits(word: str, rng: random.Random) -> Iterator[str]:
    """A letter left out, inserted, replaced, and two neighbours exchanged, at a random place."""
    place = rng.randrange(len(word) - 1)
    letter = rng.choice(LETTERS.replace(word[place], ""))
    yield word[:place] + word[place + 1 :]
    yield word[:place] + letter + word[place:]
    yield word[:place] + letter + word[place + 1 :]
    yield word[:place] + word[place + 1] + word[place] + word[place + 2 :]
