"""Hybrid searches with the default settings beside words and vectors alone, on several shops.

python -m benchmarks fusion shops/* --queries shops/tools=judged.jsonl --held-out shops/fashion
python -m benchmarks fusion shops/* --pictures

The shops that decide the default settings are shown before those that are held out and prove them.
"""

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from benchmarks.made_queries import (
    fact_queries,
    kind_queries,
    picture_queries,
    read_items,
    title_queries,
)
from catalog.catalogue import Catalogue
from eval import tables
from eval.clusters import cluster_queries
from eval.comparison import format_p, holm, randomisation
from eval.groups import group_of
from eval.intervals import DIFFERENCES, interval, sum_clusters
from eval.part_rankings import PartRankings, search_parts
from eval.queries import LabelledQuery
from eval.query_files import read_queries
from eval.retrieval import QueryPictures
from pictures.errors import PictureError
from qdrant.model import WORDS
from search.plan import part_weights
from search.query import Query
from search.settings import DEFAULT_SETTINGS, SearchSettings
from search.shop import VariantStatus, open_shop
from vitrine.command import Json, messages, print_json

SHARES = (0.3, 0.4, 0.5, 0.6, 0.7)  # of `image` beside a text


@dataclass(frozen=True)
class Row:
    """NDCG@10 on one shop with one variant.

    Attributes:
        shop: its folder's name.
        held_out: whether it decides nothing.
        variant: whose model.
        queries: how many were measured.
        alone: of each part alone.
        hybrid: with the default settings.
        difference, low, high: of hybrid and words alone, with its 95 % interval.
        shares: of hybrid with a picture, where `image` has these shares of the weight.
        p: of the difference; `p_holm` corrected for the number of rows.
    """

    shop: str
    held_out: bool
    variant: str
    queries: int
    alone: dict[str, float]
    hybrid: float
    difference: float
    low: float
    high: float
    shares: dict[str, float]
    p: float
    p_holm: float = 1.0


def command(
    shops: Annotated[list[Path], typer.Argument(help="VITRINE_HOME of each shop.")],
    queries: Annotated[
        list[str] | None,
        typer.Option(help="Labelled queries of a shop, as SHOP=FILE; else they are made."),
    ] = None,
    held_out: Annotated[
        list[Path] | None, typer.Option(help="A shop that decides nothing; repeatable.")
    ] = None,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Queries of a picture and a text.")
    ] = False,
    limit: Annotated[int, typer.Option(min=2, help="Made queries of a shop, of each kind.")] = 100,
    seed: Annotated[int, typer.Option(help="Of the made queries.")] = 0,
    as_json: Json = False,
) -> None:
    """Measure the default settings of hybrid searches on several shops."""
    files = dict(_shop_and_file(each) for each in queries or ())
    proof = {shop.resolve() for shop in held_out or ()}
    if unknown := {*files, *proof} - {shop.resolve() for shop in shops}:
        raise typer.BadParameter(f"{unknown.pop()} is none of the shops.")
    rows = []
    for shop in sorted(shops, key=lambda shop: shop.resolve() in proof):
        messages.print(f"{shop.name} …", markup=False)
        file = files.get(shop.resolve())
        measured = _measure(shop, file, random.Random(seed), limit, pictures=pictures)
        rows += [replace(row, held_out=shop.resolve() in proof) for row in measured]
    corrected = holm([row.p for row in rows])
    rows = [replace(row, p_holm=p) for row, p in zip(rows, corrected, strict=True)]
    if as_json:
        print_json({"rows": [asdict(row) for row in rows]})
    else:
        tables.show([_table(rows)])


def _shop_and_file(written: str) -> tuple[Path, Path]:
    shop, _, file = written.partition("=")
    if not file:
        raise typer.BadParameter(f"--queries {written}: write it as SHOP=FILE.")
    return Path(shop).resolve(), Path(file)


def _measure(
    home: Path, file: Path | None, rng: random.Random, limit: int, *, pictures: bool
) -> Iterator[Row]:
    """The row of each variant of a shop that has a collection."""
    with Catalogue(home, create=False) as catalogue, open_shop(home) as shop:
        groups = group_of(catalogue.entries())
        if file:
            asked = [each for each in read_queries(file, catalogue) if each.text]
        else:
            items = read_items(catalogue)
            make = (picture_queries,) if pictures else (title_queries, kind_queries, fact_queries)
            asked = [query for each in make for query in each(items, limit, rng)]
        asked = [each for each in asked if bool(each.picture) == pictures]
        opened = QueryPictures()
        for status in shop.statuses():
            if status.problem or not (status.collection and status.collection.words):
                continue
            engine = shop.engine(status.name)
            known = engine.store.retrieve(
                status.name, sorted({name for query in asked for name in query.relevant})
            )
            measured, searched = _searches(asked, known.keys(), opened)
            if not measured:
                continue
            rankings = PartRankings(
                search_parts(engine, searched), [dict(each.relevant) for each in measured]
            )
            clusters = cluster_queries(measured, groups)
            yield _row(home, status, rankings, searched[0], clusters)


def _searches(
    queries: Sequence[LabelledQuery], known: Collection[str], opened: QueryPictures
) -> tuple[list[LabelledQuery], list[Query]]:
    """The queries with a relevant product in the collection, and their searches."""
    measured, searched = [], []
    for query in queries:
        picture = opened.open(query.picture) if query.picture else None
        found = any(grade and name in known for name, grade in query.relevant.items())
        if found and not isinstance(picture, PictureError):
            measured.append(query)
            searched.append(Query(query.text, picture))
    return measured, searched


def _row(
    home: Path,
    status: VariantStatus,
    rankings: PartRankings,
    query: Query,
    clusters: np.ndarray,
) -> Row:
    every = np.arange(len(rankings))
    dense = status.collection.vectors if status.collection else ()

    def ndcg(asked: Query) -> np.ndarray:
        weights = part_weights(asked, DEFAULT_SETTINGS.weights, dense)
        return rankings.ndcg(replace(DEFAULT_SETTINGS, weights=weights), every)

    alone = {
        part: rankings.ndcg(SearchSettings("margin", {part: 1.0}), every) for part in rankings.parts
    }
    hybrid = ndcg(query)
    gaps = hybrid - alone[WORDS]
    sums = sum_clusters(gaps[:, None], clusters)
    lows, highs = interval(sums, bounds=DIFFERENCES)
    return Row(
        home.resolve().name,
        False,
        status.name,
        len(rankings),
        {part: float(values.mean()) for part, values in alone.items()},
        float(hybrid.mean()),
        float(gaps.mean()),
        float(lows[0]),
        float(highs[0]),
        {
            f"{share:.1f}": float(ndcg(replace(query, weight=1 - share)).mean())
            for share in (SHARES if query.picture else ())
        },
        float(randomisation(sums.sums)[0]),
    )


def _table(rows: Sequence[Row]) -> Table:
    table = Table(
        "shop", "variant", "queries", "words", "best vector", "hybrid", "difference", "p (Holm)"
    )
    for row in rows:
        vectors = {part: value for part, value in row.alone.items() if part != WORDS}
        best = max(vectors, key=lambda part: vectors[part])
        table.add_row(
            f"{row.shop}{' (held out)' if row.held_out else ''}",
            row.variant,
            str(row.queries),
            f"{row.alone[WORDS]:.3f}",
            f"{best} {vectors[best]:.3f}",
            f"{row.hybrid:.3f}",
            f"{row.difference:+.3f} ({row.low:+.3f} to {row.high:+.3f})",
            format_p(row.p_holm),
        )
    return table
