"""`vitrine eval`: measure a shop's search."""

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from catalog.catalogue import Catalogue
from eval import tables
from eval.baseline import ENGINES
from eval.calibration_command import calibrate_command
from eval.catalogue_queries import DEFAULT_SHARE, KINDS, make_queries, read_held_out
from eval.changes_command import changes_command
from eval.clusters import cluster_queries
from eval.comparison import compare_variants, estimate, wins
from eval.event_command import from_events_command
from eval.intervals import RESAMPLES
from eval.labels import DEFAULT_PROMPT, label_pictures, label_products
from eval.measures import DECIDING, MEASURES
from eval.precision_command import precision_command
from eval.queries import LabelledQuery, QuerySet, join
from eval.query_files import read_queries, write_products, write_queries
from eval.reference_files import as_catalogue
from eval.results import as_object, variants_object
from eval.settings import Settings
from eval.trec import keep_judged, read_qrels, score_runs
from eval.tuning_command import tune_command
from search.shop import open_shop
from vitrine import home
from vitrine.command import CommandLine, Json, messages, print_json

app = CommandLine(
    no_args_is_help=True,
    help="Measure a shop's search with labelled queries. VITRINE_HOME names its folder.",
)

Category = Annotated[list[str] | None, typer.Option(help="Only queries of this; repeatable.")]
Resamples = Annotated[
    int, typer.Option(min=100, max=100_000, help="Of the bootstrap and of the test.")
]
Seed = Annotated[int, typer.Option(min=0, help="Of every random draw.")]


@app.command()
def run(
    queries: Annotated[
        list[Path] | None,
        typer.Option(help="JSON Lines, TREC topics, or the reference's Excel; repeatable."),
    ] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(help="A variant; repeatable. The only one by default, else zeroshot."),
    ] = None,
    qrels: Annotated[Path | None, typer.Option(help="TREC qrels for the queries.")] = None,
    category: Category = None,
    match: Annotated[
        list[str] | None,
        typer.Option(help="Match texts by hybrid, words or vectors; repeatable, to compare them."),
    ] = None,
    vector: Annotated[
        list[str] | None,
        typer.Option(
            help="The vector that --match vectors searches: fused, image or text; repeatable, to "
            "compare them. Without that match, the one that hybrid searches compare."
        ),
    ] = None,
    engine: Annotated[str, typer.Option(help=f"One of {', '.join(ENGINES)}.")] = "qdrant",
    within_category: Annotated[
        bool,
        typer.Option("--within-category", help="Search only a query's category, as the reference."),
    ] = False,
    depth: Annotated[int, typer.Option(min=50, max=1000, help="Results per query.")] = 100,
    k: Annotated[int, typer.Option(min=1, max=100, help="The k of AvgMeanSimilarity@k.")] = 5,
    text_fallback: Annotated[
        bool,
        typer.Option("--text-fallback", help="Search by text where a picture cannot be read."),
    ] = False,
    reference_pictures: Annotated[
        bool,
        typer.Option("--reference-pictures", help="Excel: add the first product's picture."),
    ] = False,
    precision: Annotated[str, typer.Option(help="auto, float32, bfloat16 or int8.")] = "auto",
    resamples: Resamples = RESAMPLES,
    seed: Seed = 0,
    name: Annotated[
        str, typer.Option(help="The report's name; by default the queries' and the time.")
    ] = "",
    as_json: Json = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 when a query was left out.")
    ] = False,
    must_win: Annotated[
        str,
        typer.Option(help="Exit 1 unless this variant is significantly better than the others."),
    ] = "",
) -> None:
    """Measure variants on labelled queries and write a report.

    Examples:
      vitrine eval run --variant zeroshot --variant lora --queries queries.jsonl

      vitrine eval run --queries topics.tsv --qrels qrels.txt --engine faiss

      vitrine eval run --variant zeroshot --variant lora --queries queries.jsonl --must-win lora
    """
    if not queries:
        raise typer.BadParameter("Give --queries FILE; `vitrine eval make-queries` makes one.")
    from eval.evaluation import evaluate
    from eval.report import check_reports, default_name, fit_name, write_report  # matplotlib

    with Catalogue(home(), create=False) as catalogue:
        query_set = join(
            [
                read_queries(path, catalogue, qrels=qrels, reference_pictures=reference_pictures)
                for path in queries
            ]
        )
    if category:
        query_set = query_set.of(category)
    check_reports(home())
    settings = Settings(
        variants=tuple(variant or [_default_variant()]),
        matches=tuple(match or ["vectors"]),
        vectors=tuple(vector or ()),
        engine=engine,
        within_category=within_category,
        depth=depth,
        k=k,
        text_fallback=text_fallback,
        precision=precision,
        resamples=resamples,
        seed=seed,
    )
    systems = settings.systems()
    if must_win and (must_win not in systems or len(systems) < 2):
        raise typer.BadParameter(
            f"Name {must_win} and what it must beat with --variant, --match or --vector; this "
            f"run measures {', '.join(systems)}.",
            param_hint="--must-win",
        )
    name = fit_name(name) if name else default_name(query_set.name, datetime.now())
    evaluation = evaluate(home(), query_set, settings, _notify)
    tables.show(tables.evaluation_table(evaluation), stderr=as_json)
    _notify("writing the report")
    folder = write_report(home(), name, evaluation)
    if as_json:
        print_json(as_object(evaluation) | {"report": str(folder)})
    else:
        messages.print(f"Report: {folder / 'report.html'}", soft_wrap=True)
    won = not must_win or wins(must_win, evaluation.differences)
    if not won:
        messages.print(f"{must_win} is not significantly better in {DECIDING}.")
    left_out = len(evaluation.queries) < len(query_set)
    raise typer.Exit(int(not won or (strict and left_out)))


@app.command(name="compare")
def compare_runs(
    runs: Annotated[list[Path], typer.Argument(help="TREC run files, of a report or of others.")],
    qrels: Annotated[Path, typer.Option(help="TREC qrels: `qrels.txt` of a report.")],
    resamples: Resamples = RESAMPLES,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Compare run files, of different days, engines or systems, on the same qrels.

    Queries with the same relevant products are one cluster: dependent, not counted twice.

    Example: vitrine eval compare march/lora.run june/lora.run --qrels june/qrels.txt
    """
    judged = keep_judged(read_qrels(qrels))
    scores = score_runs(runs, judged)
    clusters = cluster_queries(
        [LabelledQuery(query, relevant=grades) for query, grades in judged.items()], groups={}
    )
    means = estimate(scores, resamples=resamples, seed=seed, clusters=clusters)
    pairs = compare_variants(scores, resamples=resamples, seed=seed, clusters=clusters)
    if as_json:
        print_json(variants_object(means, pairs))
    else:
        tables.show(tables.variants_table(MEASURES, means, {}, pairs))


@app.command(name="make-queries")
def make(
    out: Annotated[Path, typer.Option(help="The file of queries to write, JSON Lines.")],
    kind: Annotated[
        list[str] | None, typer.Option(help=f"Of {', '.join(KINDS)}; repeatable; all by default.")
    ] = None,
    held_out: Annotated[
        Path | None, typer.Option(help="Products to use: ids, a JSON list or one a line.")
    ] = None,
    share: Annotated[
        float, typer.Option(help="Else use this share of the product groups.")
    ] = DEFAULT_SHARE,
    field: Annotated[
        list[str] | None, typer.Option(help="The words of a category query; repeat to join.")
    ] = None,
    category: Category = None,
    limit: Annotated[int, typer.Option(min=0, help="At most so many of a kind; 0: all.")] = 0,
    seed: Seed = 0,
    source: Annotated[
        Path | None, typer.Option("--from", help="Take the queries of the reference's Excel file.")
    ] = None,
    products: Annotated[
        Path | None,
        typer.Option("--as-catalogue", help="With --from: write its products to this file."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make labelled queries from the catalogue, or from the reference's Excel files.

    Examples:
      vitrine eval make-queries --kind title --held-out held_out.json --out titles.jsonl

      vitrine eval make-queries --kind category --field colour --field type --out facets.jsonl

      vitrine eval make-queries --from beauty.xlsx --as-catalogue products.jsonl --out q.jsonl
    """
    if products and not source:
        raise typer.BadParameter("--as-catalogue belongs to --from FILE.xlsx.")
    counts: dict[str, int] = {}
    if source and products:
        listed, made = as_catalogue(source, category[0] if category else "")
        write_products(products, listed)
        counts["products"] = len(listed)
    else:
        with Catalogue(home(), create=False) as catalogue:
            if source:
                made = read_queries(source, catalogue)
            else:
                queries = make_queries(
                    catalogue,
                    kind or list(KINDS),
                    held_out=read_held_out(held_out) if held_out else None,
                    share=share,
                    fields=field or ("category",),
                    categories=category or (),
                    limit=limit,
                    seed=seed,
                )
                made = QuerySet(out.stem, tuple(queries))
    write_queries(out, made)
    counts |= Counter(query.kind or "queries" for query in made)
    counts |= made.counts
    if as_json:
        print_json({"counts": counts, "out": str(out)})
    else:
        tables.show(tables.counts_lines(counts))


app.command(name="from-events")(from_events_command)
app.command(name="tune")(tune_command)
app.command(name="calibrate")(calibrate_command)
app.command(name="precision")(precision_command)
app.command(name="changes")(changes_command)


@app.command()
def classify(
    variant: Annotated[
        str,
        typer.Option(help="The variant to embed with; the only one by default, else zeroshot."),
    ] = "",
    label: Annotated[list[str] | None, typer.Option(help="A label; repeatable.")] = None,
    field: Annotated[str, typer.Option(help="The products' field with the correct label.")] = "",
    image: Annotated[
        list[str] | None, typer.Option(help="A picture to label: a file or an address; repeatable.")
    ] = None,
    category: Annotated[str, typer.Option(help="Only products of this category.")] = "",
    prompt: Annotated[str, typer.Option(help="What a label is put into.")] = DEFAULT_PROMPT,
    as_json: Json = False,
) -> None:
    """Predict an attribute from pictures, zero-shot; with --field, measure the accuracy.

    Examples:
      vitrine eval classify --label matte --label glossy --image lipstick.jpg

      vitrine eval classify --field finish --category Beauty --prompt "a {label} lipstick"
    """
    if bool(image) == bool(field):
        raise typer.BadParameter("Give --image FILE to label pictures, or --field NAME to measure.")
    if image and len(label or ()) < 2:
        raise typer.BadParameter("Give --label twice or more: there is nothing to choose from.")
    from encoder.variants import Variants
    from qdrant.store import open_store

    chosen = Variants(home()).get(variant or _default_variant())
    from encoder.encoder import Encoder  # imports torch

    if image:
        encoder = Encoder.load(chosen)
        found, failed = label_pictures(encoder, label or (), image, prompt)
        for why in failed.values():
            _notify(why)
        if as_json:
            print_json({"pictures": found, "failed": failed})
        else:
            for picture, cosines in found.items():
                tables.show(tables.picture_table(picture, cosines))
        return
    with Catalogue(home(), create=False) as catalogue, open_store(home()) as store:
        results = label_products(
            store,
            catalogue,
            chosen,
            Encoder.load(chosen),
            field,
            label or (),
            category=category,
            prompt=prompt,
        )
    if as_json:
        print_json({"field": field} | results.as_object())
    else:
        tables.show(tables.labels_table(field, results))


def _default_variant() -> str:
    with open_shop() as shop:
        return shop.default_variant()


def _notify(sentence: str) -> None:
    messages.print(f"[dim]{escape(sentence)}[/dim]")


if __name__ == "__main__":
    app(prog_name="python -m eval")
