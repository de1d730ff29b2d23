"""Known-item searches: how well a shop's own codes, brands, titles and photos are found.

VITRINE_HOME=data python -m benchmarks known-items --match hybrid --match words --calibrate

Words of the shop are misspelt and corrected, too. With --calibrate, the shop's own titles and
foreign ones measure how often "nothing fits" is right. Nothing is written.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image
from rich.table import Table

from benchmarks.misspelling import Misspelt, misspell
from catalog.catalogue import Catalogue
from catalog.product import Product
from eval import tables
from eval.calibration import Tested
from eval.calibration_command import calibrate_match, format_rate
from eval.calibration_queries import foreign_texts, own_titles
from qdrant.words import normalize_code
from search.engine import Engine
from search.exact import CODE_FACTS, letters
from search.query import Query
from search.results import Result
from search.shop import open_shop
from vitrine import home
from vitrine.command import Json, messages, print_json

CODES = BRANDS = 60
TITLES = PHOTOS = 200
PAGE = 10
OWN = 9  # of the first page, where the query is a brand with as many products
BATCH = 50  # open photos

KINDS = {
    "codes": "ids, SKUs, GTINs: first",
    "typed_codes": "the same, other case and blanks: first",
    "brands": f"largest brands: {OWN} of {PAGE}",
    "titles": "titles: first",
    "photos": "photos: first",
}
Holds = Callable[[str, Sequence[Result]], bool]


@dataclass(frozen=True)
class Found:
    """How many searches of a kind found what they looked for.

    Attributes:
        found: so many.
        searched: of so many.
        missed: what the first of the others looked for.
    """

    found: int
    searched: int
    missed: list[str]


def command(
    variant: Annotated[str, typer.Option(help="Variant whose collection is searched.")] = "",
    match: Annotated[
        list[str] | None,
        typer.Option(help="Match as hybrid, words or vectors; repeatable; by default hybrid."),
    ] = None,
    fold: Annotated[bool, typer.Option(help="Fold variants and near-duplicates.")] = False,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Measure “nothing fits”, which takes minutes.")
    ] = False,
    foreign: Annotated[
        Path | None,
        typer.Option(help="With --calibrate: another shop's product file; else general words."),
    ] = None,
    rate: Annotated[float, typer.Option(help="With --calibrate: of false alarms.")] = 0.05,
    seed: Annotated[int, typer.Option(help="Of the samples.")] = 0,
    as_json: Json = False,
) -> None:
    """Search for a shop's own codes, brands, titles and photos, and misspell its words."""
    found: dict[str, dict[str, Found]] = {}
    tested: dict[str, Tested] = {}
    with open_shop() as shop, Catalogue(home(), create=False) as catalogue:
        engine = shop.engine(variant)
        for each in dict.fromkeys(match or ["hybrid"]):
            messages.print(f"{each} …", markup=False)
            found[each] = _search(engine, catalogue, each, random.Random(seed), fold=fold)
            if calibrate:
                own = own_titles(catalogue, seed)
                others = foreign_texts(foreign, catalogue.products(), seed)
                tested[each] = calibrate_match(engine, each, own, others, rate=rate, seed=seed)
        misspelt = misspell(engine, random.Random(seed))
    if as_json:
        print_json(_as_object(found, tested, misspelt))
        return
    tables.show([_table(found, tested)])
    if misspelt:
        tables.show([_describe(misspelt)])


def _search(
    engine: Engine, catalogue: Catalogue, match: str, rng: random.Random, *, fold: bool
) -> dict[str, Found]:
    """What is found, by kind."""
    products = list(catalogue.products())
    codes = [code for each in products for code in (each.id, each.sku, each.gtin)]
    codes = [code for code in codes if normalize_code(code)]  # some SKUs are sentences
    codes = rng.sample(codes, min(CODES, len(codes)))
    counted = Counter(each.brand for each in products if each.brand).most_common(BRANDS)
    brands = [brand for brand, count in counted if count >= PAGE]
    titles = rng.sample([each.title for each in products], min(TITLES, len(products)))
    photos = list(islice(_photos(engine, products, rng), PHOTOS))

    def search(looked_for: Sequence[str], queries: Iterator[Query], holds: Holds) -> Found:
        missed = []
        for start in range(0, len(looked_for), BATCH):
            answers = engine.search_batch(list(islice(queries, BATCH)))
            batch = zip(looked_for[start : start + BATCH], answers, strict=True)
            missed += [each for each, answer in batch if not holds(each, answer.results)]
        return Found(len(looked_for) - len(missed), len(looked_for), missed[:PAGE])

    def typed(texts: Sequence[str]) -> Iterator[Query]:
        return (Query(text, k=PAGE, match=match, fold=fold) for text in texts)

    pictures = (
        Query(picture=_open(catalogue, photo), k=1, match=match, fold=fold) for photo in photos
    )
    return {
        "codes": search(codes, typed(codes), _has_code),
        "typed_codes": search(codes, typed([_otherwise(code) for code in codes]), _has_code),
        "brands": search(brands, typed(brands), _has_brand),
        "titles": search(titles, typed(titles), _has_title),
        "photos": search(photos, pictures, _has_photo),
    }


def _otherwise(code: str) -> str:
    """A code as it may be typed: in the other case, without hyphens, with a blank within."""
    plain = normalize_code(code).swapcase()
    middle = len(plain) // 2
    return f"{plain[:middle]} {plain[middle:]}".strip()


def _has_code(code: str, results: Sequence[Result]) -> bool:
    first = results[0].product | {"id": results[0].id} if results else {}
    return normalize_code(code) in (normalize_code(str(first.get(name, ""))) for name in CODE_FACTS)


def _has_brand(brand: str, results: Sequence[Result]) -> bool:
    own = [each for each in results if each.product.get("brand") == brand]
    return sum(1 + len(each.folded) for each in own) >= OWN


def _has_title(title: str, results: Sequence[Result]) -> bool:
    return bool(results) and letters(results[0].product["title"]) == letters(title)


def _has_photo(photo: str, results: Sequence[Result]) -> bool:
    return bool(results) and results[0].product.get("picture") == photo


def _photos(engine: Engine, products: Sequence[Product], rng: random.Random) -> Iterator[str]:
    """The stored photos of products, in random order."""
    for each in rng.sample(products, len(products)):
        if photo := (engine.product(each.id) or {}).get("picture"):
            yield photo


def _open(catalogue: Catalogue, photo: str) -> Image.Image:
    with Image.open(catalogue.pictures.path(photo)) as opened:
        return opened.convert("RGB")


def _as_object(
    found: Mapping[str, Mapping[str, Found]],
    tested: Mapping[str, Tested],
    misspelt: Misspelt | None,
) -> dict[str, object]:
    return {
        "matches": {
            match: {name: asdict(each) for name, each in kinds.items()}
            for match, kinds in found.items()
        },
        "nothing_fits": {
            match: {"false_alarms": asdict(each.false_alarms), "caught": asdict(each.caught)}
            for match, each in tested.items()
        },
        "misspelt": misspelt and asdict(misspelt),
    }


def _table(found: Mapping[str, Mapping[str, Found]], tested: Mapping[str, Tested]) -> Table:
    """A row for each kind, a column for each match."""
    table = Table("looked for", *found, box=None, header_style="bold")
    for kind, label in KINDS.items():
        counts = (kinds[kind] for kinds in found.values())
        table.add_row(label, *(f"{each.found} of {each.searched}" for each in counts))
    if tested:
        alarms = (format_rate(each.false_alarms) for each in tested.values())
        table.add_row("own titles, without their products: false alarms", *alarms)
        table.add_row("foreign: caught", *(format_rate(each.caught) for each in tested.values()))
    return table


def _describe(misspelt: Misspelt) -> str:
    return (
        f"Of {misspelt.words:,} misspelt words {misspelt.corrected:.1%} are corrected, "
        f"{misspelt.miscorrected:.1%} become another word and {misspelt.left:.1%} stay; "
        f"{misspelt.known_changed:,} of the shop's own words are changed."
    )
