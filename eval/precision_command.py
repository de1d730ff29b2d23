"""`vitrine eval precision`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from catalog.catalogue import Catalogue
from encoder.variants import Variants
from eval.intervals import RESAMPLES
from eval.measures import DECIDING
from eval.precision import POOL, Pool, PrecisionResult, compare_precision
from eval.queries import join
from eval.query_files import read_queries
from search.shop import open_shop
from vitrine import home
from vitrine.command import Json, messages, print_json


def precision_command(
    queries: Annotated[
        list[Path],
        typer.Option(help="Labelled queries with texts, as `eval run` takes; repeatable."),
    ],
    variant: Annotated[
        str, typer.Option(help="The variant; the only one by default, else zeroshot.")
    ] = "",
    qrels: Annotated[Path | None, typer.Option(help="TREC qrels for the queries.")] = None,
    products: Annotated[
        int, typer.Option(min=10, help="Products that are searched, the relevant ones included.")
    ] = POOL,
    resamples: Annotated[
        int, typer.Option(min=100, max=100_000, help="Of the bootstrap.")
    ] = RESAMPLES,
    seed: Annotated[int, typer.Option(min=0, help="Of every random draw.")] = 0,
    as_json: Json = False,
) -> None:
    """Confirm or refuse the precision that `vitrine ingest vectors` chose for a variant.

    Labelled queries search a sample of the products by vectors in that precision, and by vectors in
    float32. Where nDCG@10 is below the 95 % interval of float32's, the precision is refused: the
    next `vitrine ingest vectors` chooses another one.

    Example: vitrine eval precision --variant zeroshot --queries queries.jsonl
    """
    with open_shop() as shop:
        chosen = Variants(home()).get(variant or shop.default_variant())
    results: list[PrecisionResult] = []
    with Catalogue(home(), create=False) as catalogue:
        labelled = join([read_queries(path, catalogue, qrels=qrels) for path in queries])
        pool = Pool.draw(catalogue, labelled, products, seed)
        for result, converted in compare_precision(
            chosen, catalogue, pool, resamples=resamples, seed=seed
        ):
            results.append(result)
            if result.refused:
                converted.refuse()
    if as_json:
        each = [asdict(result) | {"refused": result.refused} for result in results]
        print_json({"variant": chosen.name, "vectors": each})
    else:
        _show(chosen.name, results)


def _show(variant: str, results: Sequence[PrecisionResult]) -> None:
    for result in results:
        change, low, high = result.difference
        typer.echo(
            f"{result.vector} in {result.precision}: {DECIDING} {result.mean:.4f}, in float32 "
            f"{result.float32:.4f} ({result.low:.4f} to {result.high:.4f}), difference "
            f"{change:+.4f} ({low:+.4f} to {high:+.4f}); {result.queries:,} queries, "
            f"{result.products:,} products: {'refused' if result.refused else 'confirmed'}."
        )
    if not results:
        messages.print(
            f"Variant {variant} is run in float32 on this machine: there is nothing to compare."
        )
    elif any(result.refused for result in results):
        messages.print(
            f"Until `vitrine ingest vectors --variant {variant}` converts it in another precision, "
            "torch runs it in float32.",
            markup=False,
            soft_wrap=True,
        )
