"""`vitrine search`: a table of products, or one JSON object."""

from dataclasses import asdict, replace
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from qdrant.model import Filters
from search.engine import Engine, name_models
from search.listing import FOUND_BY
from search.ordering import FACTS
from search.query import check_k
from search.query_picture import open_picture
from search.request import QueryOptions, is_browsing, read_filters, read_query
from search.results import Result, Results
from search.shop import open_shop
from vitrine.command import CommandLine, Json, messages, print_json
from vitrine.text import printable

app = CommandLine()

Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CONDITION",
        help="Only products with this attribute, as colour=Red, colour=Red,Blue, colour!=Red, "
        "weight<2, weight=1..2 or released>=2024; repeatable. Also of brand, category, price, "
        "list_price, currency, rating, stock and released.",
    ),
]
InStock = Annotated[bool, typer.Option("--in-stock", help="Only products that are in stock.")]


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="Words to search for.")] = "",
    image: Annotated[
        str,
        typer.Option(help="Picture to search for: a file, or an https:, http: or data: address."),
    ] = "",
    like: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Find products like the one with this id; repeatable."),
    ] = None,
    unlike: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Less like the product with this id; repeatable."),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="WORDS", help="Nothing about these words; repeatable."),
    ] = None,
    category: Annotated[
        list[str] | None,
        typer.Option(help='Only this category, as Kettles or "Kitchen > Kettles"; repeatable.'),
    ] = None,
    brand: Annotated[list[str] | None, typer.Option(help="Only this brand; repeatable.")] = None,
    price_min: Annotated[float | None, typer.Option(help="Price at least this.")] = None,
    price_max: Annotated[float | None, typer.Option(help="Price at most this.")] = None,
    rating_min: Annotated[float | None, typer.Option(help="Rating at least this.")] = None,
    where: Where = None,
    in_stock: InStock = False,
    k: Annotated[int, typer.Option(help="Number of products.")] = 10,
    offset: Annotated[int, typer.Option(help="Leave out that many before the first one.")] = 0,
    match: Annotated[
        str,
        typer.Option(help="Match the words as hybrid (by words and vectors), words or vectors."),
    ] = "",
    vector: Annotated[
        str,
        typer.Option(
            help="Vector to compare with: fused (where one model embeds both), image or text."
        ),
    ] = "",
    weight: Annotated[
        float, typer.Option(help="Weight of the words beside a picture, 0 to 1.")
    ] = 0.5,
    sort: Annotated[
        str,
        typer.Option(help=f"Order of the results that fit: {', '.join(FACTS)}. Else by score."),
    ] = "",
    diverse: Annotated[
        bool, typer.Option("--diverse", help="Results that are unlike one another, too.")
    ] = False,
    fold: Annotated[
        bool,
        typer.Option("--fold/--no-fold", help="Show variants and near-duplicates as one result."),
    ] = True,
    variant: Annotated[str, typer.Option(help="Variant whose collection is searched.")] = "",
    explain: Annotated[
        bool, typer.Option("--explain", help="Show the rank of each result in each part.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Search the catalogue by words, a picture, both, or a product's id.

    For example:

      vitrine search "liquid eyeliner" --category Beauty --k 5

      vitrine search --image photo.jpg

      vitrine search "in red" --image photo.jpg --json

      vitrine search "handbag" --without leather --sort price

      vitrine search kettle --where colour=red,blue --where "weight<1.5" --in-stock

    Without anything to search for, all products that pass the filters, in an order:

      vitrine search --category Kettles --sort price

    Words in quotes occur one after another, a word after a minus does not occur:

      vitrine search '"running shoes" -leather'

      vitrine search -- '-leather shoes'
    """
    if like and (text or image):
        raise typer.BadParameter("--like stands alone: leave out the words and the picture.")
    options: QueryOptions = {
        "categories": category or (),
        "brands": brand or (),
        "price_min": price_min,
        "price_max": price_max,
        "rating_min": rating_min,
        "in_stock": in_stock or None,
        "where": where or (),
        "k": k,
        "offset": offset,
        "like": like or (),
        "unlike": unlike or (),
        "without": without or (),
        "match": match,
        "vector": vector,
        "weight": weight,
        "sort": sort,
        "diverse": diverse,
        "fold": fold,
    }
    filters = read_filters(options)
    with open_shop() as shop:
        engine = shop.engine(variant)
        filters = resolve_filters(engine, filters)
        picture = open_picture(image) if image else None
        if is_browsing(text, picture, options):
            compared = matched = ""
            shown = engine.browse(filters, check_k(k), offset=offset, sort=sort, fold=fold)
            results = Results(shown)
        else:
            query = replace(read_query(text, picture, options), filters=filters)
            compared, matched = engine.vector_of(query), engine.match_of(query)
            results = engine.search(query)
        problems = [engine.settings_problem if matched == "hybrid" else ""]
        problems.append(engine.calibration_problem if matched else "")
        problems.append(engine.vocabulary_problem if matched not in ("", "vectors") else "")
        problems.append(results.notice)
        if results.searched_for:
            problems.append(
                f"Searched for “{results.searched_for}”. Words in quotes are searched as they are."
            )
    for problem in filter(None, problems):
        messages.print(printable(problem), markup=False, soft_wrap=True)
    if as_json:
        query_fields = {"text": text, "image": image, "like": "", "k": k, "vector": compared}
        if like:
            query_fields |= {"like": like[0], "likes": like}
        query_fields |= {"match": matched, "offset": offset, "fold": fold, "sort": sort}
        query_fields |= {"unlike": unlike or [], "without": without or [], "diverse": diverse}
        query_fields |= asdict(filters) | {"variant": engine.variant.name}
        print_json({"query": query_fields, "models": engine.models()} | as_object(results))
        return
    answering = f"{engine.variant.name}: {name_models(engine.models())}"
    messages.print(answering, markup=False, soft_wrap=True)
    if offset and not (results.results or results.without_picture):
        messages.print(f"There are no more than {offset:,} results.")
    else:
        show(results, explain=explain)


def resolve_filters(engine: Engine, filters: Filters) -> Filters:
    """Filters as the collection has them; a message where products of a currency are left out."""
    resolved = engine.counting.resolve(filters)
    for added in resolved.where[len(filters.where) :]:
        if added.name == "currency" and added.negated:
            commonest = engine.counting.attributes().currencies[0]
            messages.print(
                f"Prices are in {commonest}; products with a price in "
                f"{', '.join(added.values)} are left out. --where currency=… chooses another one.",
                markup=False,
                soft_wrap=True,
            )
    return resolved


def as_object(results: Results) -> dict[str, Any]:
    """Results as JSON."""
    return {
        "results": [asdict(result) for result in results.results],
        "without_picture": [asdict(result) for result in results.without_picture],
        "searched_for": results.searched_for,
        "notice": results.notice,
        "confidence": results.confidence,
        "nothing_fits": results.nothing_fits,
        "nearest_categories": list(results.nearest_categories),
        "seconds": {
            "load": results.load_seconds,
            "encode": results.encode_seconds,
            "search": results.search_seconds,
        },
    }


def show(results: Results, *, explain: bool = False) -> None:
    """Print a table, and a second one of the products without a picture.

    Args:
        results: what was found.
        explain: show each product's place in the parts of the search.
    """
    console = Console()
    if not results.results and not results.without_picture:
        messages.print("Nothing matches these words and filters.")
    if results.hint:
        messages.print(escape(printable(results.hint)), soft_wrap=True)
    if results.results:
        console.print(_table("", results.results, explain))
    if results.without_picture:
        title = "Without a picture, ranked by their text"
        console.print(_table(title, results.without_picture, explain))


def _table(title: str, results: tuple[Result, ...], explain: bool) -> Table:
    table = Table(title=title or None, title_justify="left", box=None, header_style="bold")
    table.add_column("#", justify="right")
    table.add_column("score", justify="right")
    calibrated = any(result.confidence is not None for result in results)
    if calibrated:
        table.add_column("confidence", justify="right")
    table.add_column("title", ratio=1)
    for name in ("brand", "category"):
        table.add_column(name, max_width=22)
    table.add_column("price", justify="right")
    table.add_column("id", style="dim", overflow="fold")
    if explain:
        table.add_column("rank and score by part", overflow="fold")
    for result in results:
        product = result.product
        price = product.get("price")
        cells = (
            str(result.rank),
            "" if result.vector == FOUND_BY else f"{result.score:.3f}",
            *([_share(result.confidence)] if calibrated else ()),
            product.get("title", "") + _more(result),
            product.get("brand", ""),
            product.get("category", ""),
            "" if price is None else f"{price:,.2f}",
            result.id,
            *([_explained(result)] if explain else ()),
        )
        table.add_row(*(escape(printable(cell)) for cell in cells))
    return table


def _share(confidence: float | None) -> str:
    return "" if confidence is None else f"{confidence:.0%}"


def _more(result: Result) -> str:
    """How many products a result stands for besides itself."""
    count = len(result.folded)
    return f" (+{count} variant{'s' if count > 1 else ''})" if count else ""


def _explained(result: Result) -> str:
    """Where a product stands in each part, and which words it has where."""
    parts = (f"{name} {part.rank} ({part.score:.3g})" for name, part in result.parts.items())
    matched = (f"{name}: {' '.join(words)}" for name, words in result.matched.items())
    return "; ".join(filter(None, (", ".join(parts), *matched)))


if __name__ == "__main__":
    app(prog_name="python -m search")
