"""`vitrine ingest`: the jobs, each a door of its own."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from encoder.variants import Variants
from ingest import export as export_job
from ingest import images as images_job
from ingest import merge as merge_job
from ingest import products as products_job
from ingest import status as status_page
from ingest import summaries as summaries_job
from ingest import vectors as vectors_job
from ingest import verify as verification
from ingest.embedding import WHOLE, Shard
from ingest.job import Figures
from ingest.summarizer import Recipe
from ingest.tables import show_figures, show_status, show_verified
from vitrine import DEFAULT_VARIANT, home
from vitrine.command import CommandLine, Json, print_json

# Figures that count things gone wrong: what --strict looks at.
FAILURES = ("dropped", "failed", "unreadable")

app = CommandLine(
    no_args_is_help=True,
    help="Fill a shop: products → images → summaries → vectors. VITRINE_HOME names its folder.",
)

Source = Annotated[
    Path, typer.Argument(help="JSON Lines, CSV or Parquet, gzipped or not; or amazon:All_Beauty.")
]
Category = Annotated[str, typer.Option(help="The category of every product of the file.")]
CategoryField = Annotated[str, typer.Option(help="The column that tells each product's category.")]
Field = Annotated[
    list[str] | None, typer.Option(help="Where names differ, as title=name; repeatable.")
]
Prune = Annotated[bool, typer.Option(help="Delete what this file had before and has no longer.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Read this many rows and no more.")]
Side = Annotated[
    int | None, typer.Option(help="Shortest side of kept pictures, fixed with the catalogue.")
]
Retry = Annotated[bool, typer.Option("--retry-failed", help="Try again what failed before.")]
Variant = Annotated[list[str] | None, typer.Option(help="A variant to embed with; repeatable.")]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16"],
    typer.Option(help="auto is float32 on a CPU; bfloat16 is used only where vectors stay put."),
]
Recreate = Annotated[bool, typer.Option("--recreate", help="Build anew, whatever is there.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit 1 when anything failed.")]


@app.command()
def products(
    source: Source,
    category: Category = "",
    category_field: CategoryField = "",
    field: Field = None,
    prune: Prune = False,
    limit: Limit = None,
    picture_side: Side = None,
    as_json: Json = False,
    strict: Strict = False,
) -> None:
    """Read a file of products into the catalogue.

    Example: vitrine ingest products shop.csv --category Beauty --field title=name
    """
    figures = _products(source, category, category_field, field, prune, limit, picture_side)
    finish(figures, as_json, strict, {"products": figures})


@app.command()
def images(
    retry_failed: Retry = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete pictures that no product has any more.")
    ] = False,
    as_json: Json = False,
    strict: Strict = False,
) -> None:
    """Read, shrink and keep the products' pictures."""
    figures = images_job.images(home(), retry_failed=retry_failed, prune=prune)
    finish(figures, as_json, strict, {"images": figures})


@app.command()
def summaries(
    variant: Annotated[str, typer.Option(help="Whose tokenizer says what fits.")] = DEFAULT_VARIANT,
    checkpoint: Annotated[
        str, typer.Option(help="Hub id or folder of a seq2seq checkpoint.")
    ] = Recipe().checkpoint,
    every: Annotated[
        bool, typer.Option("--all", help="Summarise products whose text fits, too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Summarise the products whose text is longer than a variant reads."""
    recipe = Recipe(checkpoint=checkpoint)
    figures = summaries_job.summaries(home(), variant, recipe=recipe, every=every)
    finish(figures, as_json, False, {"summaries": figures})


@app.command()
def vectors(
    variant: Variant = None,
    precision: Precision = "auto",
    recreate: Annotated[
        bool, typer.Option("--recreate", help="Build anew, whatever is there.")
    ] = False,
    shard: Annotated[str, typer.Option(help="Embed share i of n only, written i/n.")] = "1/1",
    as_json: Json = False,
    strict: Strict = False,
) -> None:
    """Embed what is not embedded yet and bring the collections up to date."""
    share = _shard(shard)
    figures = _vectors(variant, precision, recreate=recreate, shard=share)
    finish(figures, as_json, strict, {"vectors": figures})


@app.command()
def merge(
    others: Annotated[list[Path], typer.Argument(help="VITRINE_HOME of each other machine.")],
    variant: Annotated[str, typer.Option(help="Whose vectors.")] = DEFAULT_VARIANT,
    as_json: Json = False,
) -> None:
    """Take over the vectors that `vectors --shard` encoded on other machines."""
    figures = merge_job.merge(home(), variant, others)
    finish(figures, as_json, False, {"merge": figures})


@app.command(name="all")
def everything(
    source: Source,
    category: Category = "",
    category_field: CategoryField = "",
    field: Field = None,
    prune: Prune = False,
    limit: Limit = None,
    picture_side: Side = None,
    retry_failed: Retry = False,
    variant: Variant = None,
    precision: Precision = "auto",
    as_json: Json = False,
    strict: Strict = False,
) -> None:
    """Products, images, summaries where a variant's template uses them, and vectors."""
    jobs = {
        "products": _products(source, category, category_field, field, prune, limit, picture_side),
        "images": images_job.images(home(), retry_failed=retry_failed, prune=prune),
    }
    for name in variant or [DEFAULT_VARIANT]:
        if Variants(home()).get(name).template.uses_summary:
            jobs["summaries"] = summaries_job.summaries(home(), name)
    jobs["vectors"] = _vectors(variant, precision)
    finish(jobs, as_json, strict, jobs)


@app.command()
def status(as_json: Json = False) -> None:
    """Show what is there, what is missing, and why."""
    page = status_page.status(home())
    if as_json:
        print_json(page)
    else:
        show_status(page)


@app.command()
def verify(variant: Variant = None, as_json: Json = False) -> None:
    """Compare collections with the catalogue, product by product; exits 1 when they differ."""
    found = {name: verification.verify(home(), name) for name in variant or [DEFAULT_VARIANT]}
    if as_json:
        print_json(found)
    else:
        show_verified(found)
    raise typer.Exit(int(any(figures["faults"] for figures in found.values())))


@app.command()
def export(
    variant: Annotated[str, typer.Option(help="Whose text and vectors.")] = DEFAULT_VARIANT,
    category: Annotated[str, typer.Option(help="This category only.")] = "",
    folder: Annotated[Path, typer.Option(help="Where to write.")] = Path("export"),
    as_json: Json = False,
) -> None:
    """Write the cleaned products as CSV and Parquet, and their vectors as Parquet."""
    figures = export_job.export(home(), variant, folder, category=category)
    finish(figures, as_json, False, {"export": figures})


def finish(result: Any, as_json: bool, strict: bool, jobs: dict[str, Figures]) -> None:  # noqa: ANN401
    """Print what the jobs came to, and exit 1 when --strict and something failed."""
    if as_json:
        print_json(result)
    else:
        show_figures(jobs)
    failed = any(figures.get(name) for figures in jobs.values() for name in FAILURES)
    raise typer.Exit(int(strict and failed))


def _products(
    source: Path,
    category: str,
    category_field: str,
    field: list[str] | None,
    prune: bool,
    limit: int | None,
    picture_side: int | None,
) -> Figures:
    if category and category_field:
        raise typer.BadParameter("Give --category or --category-field, not both.")
    if prune and limit:
        raise typer.BadParameter("--prune would delete what lies beyond --limit: give one of them.")
    fields = {}
    for each in field or ():
        name, equals, column = each.partition("=")
        if not (name and equals and column):
            raise typer.BadParameter(f"--field {each}: write it as title=name.")
        fields[name] = column
    return products_job.products(
        home(),
        source,
        fields=fields,
        category=category,
        category_field=category_field,
        prune=prune,
        limit=limit,
        picture_side=picture_side,
    )


def _vectors(
    variants: list[str] | None,
    precision: Literal["auto", "float32", "bfloat16"],
    *,
    recreate: bool = False,
    shard: Shard = WHOLE,
) -> Figures:
    """The figures of each variant, and their sums."""
    each = {
        name: vectors_job.vectors(home(), name, precision=precision, recreate=recreate, shard=shard)
        for name in variants or [DEFAULT_VARIANT]
    }
    sums: Counter[str] = Counter()
    for figures in each.values():
        sums.update(figures)
    return dict(sums) | {"variants": each}


def _shard(written: str) -> Shard:
    number, _, count = written.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise typer.BadParameter(f"--shard {written}: write it as 2/4, the second share of four.")
    return Shard(int(number), int(count))


if __name__ == "__main__":
    app(prog_name="python -m ingest")
