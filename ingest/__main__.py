"""`vitrine ingest`: each job is a command, and `all` runs them in their order."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer
from rich.text import Text

from encoder.variants import Variants
from ingest.distributed.embedder import Task
from ingest.distributed.engines import embed_blocks
from ingest.distributed.plan import plan_embedding
from ingest.distributed.results import has_blocks, merge_blocks
from ingest.distributed.workers import Workers
from ingest.embedding import WHOLE, Shard
from ingest.export import FILES, export_products
from ingest.feed_options import FeedOptions, takes_feed
from ingest.feed_tables import show_preview
from ingest.images import fetch_images
from ingest.job import Figures
from ingest.merge import merge_vectors
from ingest.status import read_status
from ingest.summaries import write_summaries
from ingest.summarizer import Recipe
from ingest.tables import show_figures, show_status, show_verified
from ingest.vectors import embed_products
from ingest.verification import verify_collection
from ingest.words import NOTHING
from pictures.public_addresses import read_public_url
from qdrant.errors import StoreError
from qdrant.storage import STORAGES
from qdrant.storage_settings import ALL, StorageSettings
from qdrant.word_settings import MOST_WEIGHT, WEIGHED
from vitrine import default_variant, home
from vitrine.command import CommandLine, Json, messages, print_json

# Figures that count failures: what --strict looks at.
FAILURES = ("dropped", "failed", "unreadable", "damaged")

app = CommandLine(
    no_args_is_help=True,
    help="Fill a shop: products → images → summaries → vectors. VITRINE_HOME names its folder.",
)


Retry = Annotated[bool, typer.Option("--retry-failed", help="Try again what failed before.")]
Variant = Annotated[str, typer.Option(help="The variant; the only one by default, else zeroshot.")]
VariantList = Annotated[
    list[str] | None,
    typer.Option(
        "--variant",
        help="A variant to embed with; repeatable. The only one by default, else zeroshot.",
    ),
]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16", "int8"],
    typer.Option(help="auto is the fastest one that keeps the vectors, by a trial on the machine."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit 1 when anything failed.")]


@app.command("products")
@takes_feed
def products_command(
    feed: FeedOptions,
    preview: Annotated[
        int, typer.Option(min=0, help="Show so many products as they are read; write nothing.")
    ] = 0,
    as_json: Json = False,
    strict: Strict = False,
) -> None:
    """Read a file of products into the catalogue, and say what was understood.

    Example: vitrine ingest products shop.csv --category Beauty --field title=name
    """
    if not preview:
        _finish({"products": feed.load(home())}, as_json, strict)
    figures = feed.preview(preview)
    if as_json:
        print_json(figures)
    else:
        show_preview(figures)


@app.command("images")
def images_command(
    retry_failed: Retry = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete pictures that no product has any more.")
    ] = False,
    as_json: Json = False,
    strict: Strict = False,
) -> None:
    """Fetch the products' pictures and keep a thumbnail of each."""
    figures = fetch_images(home(), retry_failed=retry_failed, prune=prune)
    _finish({"images": figures}, as_json, strict)


@app.command("summaries")
def summaries_command(
    variant: Annotated[
        str, typer.Option(help="The variant whose token limit decides what is long.")
    ] = "",
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
    figures = write_summaries(home(), _chosen([variant])[0], recipe=recipe, every=every)
    _finish({"summaries": figures}, as_json)


@app.command("vectors")
def vectors_command(
    variant: VariantList = None,
    precision: Precision = "auto",
    recreate: Annotated[
        bool, typer.Option("--recreate", help="Build the collection anew, whatever is there.")
    ] = False,
    shard: Annotated[str, typer.Option(help="Embed share i of n only, written i/n.")] = "1/1",
    title_weight: Annotated[
        int | None,
        typer.Option(min=1, max=20, help="How often a title counts; kept until changed."),
    ] = None,
    bm25_k: Annotated[
        float | None,
        typer.Option(min=0, max=10, help="How much repeated words count; kept until changed."),
    ] = None,
    bm25_b: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="How much less long texts count; kept until changed."),
    ] = None,
    field_weight: Annotated[
        list[str] | None,
        typer.Option(
            help="How often another field's words count, as description=2; kept until changed; "
            "repeatable."
        ),
    ] = None,
    storage: Annotated[
        str, typer.Option(help=f"Store dense vectors as {', '.join(STORAGES)}; kept until changed.")
    ] = "",
    vectors: Annotated[
        str,
        typer.Option(
            help="Dense vectors that the collection has, as image,text; all for every one; kept "
            "until changed."
        ),
    ] = "",
    as_json: Json = False,
    strict: Strict = False,
) -> None:
    """Embed what is not embedded yet and bring the collections up to date.

    Words count as often as `vitrine eval tune` chose it, or as the options say. A collection that
    is to be stored otherwise is built anew; nothing is encoded again, and the old one answers until
    then.
    """
    share = _shard(shard)
    settings = {"title": title_weight, "k": bm25_k, "b": bm25_b, **_field_weights(field_weight)}
    words = {name: value for name, value in settings.items() if value is not None}
    figures = _vectors(
        _chosen(variant),
        precision,
        recreate=recreate,
        shard=share,
        words=words,
        storage=_storage(storage, vectors),
    )
    _finish({"vectors": figures}, as_json, strict)


@app.command("plan")
def plan_command(
    out: Annotated[str, typer.Option(help="Folder to write, or its address: s3://bucket/want.")],
    variant: Variant = "",
    pictures: Annotated[
        str,
        typer.Option(
            help="Where the workers find the folder images/, as s3://bucket/images; by default "
            "the plan has the pictures themselves."
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Write what is not embedded yet, in blocks for `embed` on other machines.

    Example: vitrine ingest plan --variant zeroshot --out s3://bucket/want
    """
    figures = plan_embedding(home(), _chosen([variant])[0], out, pictures=pictures)
    _finish({"plan": figures}, as_json)


@app.command("embed")
def embed_command(
    want: Annotated[str, typer.Argument(help="Folder that `plan` wrote, or its address.")],
    got: Annotated[str, typer.Argument(help="Folder for the results, or its address.")],
    engine: Annotated[
        Literal["local", "daft", "ray"],
        typer.Option(help="Who runs the workers: this process, Daft, or a Ray cluster."),
    ] = "local",
    workers: Annotated[
        int, typer.Option(min=0, help="Workers of Daft or Ray; 0 is one a machine.")
    ] = 0,
    gpus: Annotated[float, typer.Option(min=0, help="GPUs of each worker of Daft or Ray.")] = 0,
    shard: Annotated[
        str, typer.Option(help="Share i of n of the blocks only, written i/n.")
    ] = "1/1",
    precision: Precision = "auto",
    retry_failed: Retry = False,
    as_json: Json = False,
    strict: Strict = False,
) -> None:
    """Embed the blocks of a plan that the results lack; needs the variant, and no catalogue.

    Run again, it continues where it was stopped.
    """
    task = Task(want, got, home().resolve(), precision, retry_failed)
    figures = embed_blocks(task, engine, Workers(workers, gpus), _shard(shard))
    _finish({"embed": figures}, as_json, strict)


@app.command("merge")
def merge_command(
    others: Annotated[
        list[str], typer.Argument(help="Folders or addresses that `embed` wrote, or VITRINE_HOME.")
    ],
    variant: Variant = "",
    as_json: Json = False,
    strict: Strict = False,
) -> None:
    """Take over vectors of other machines: those of `embed`, or of `vectors --shard`."""
    name = _chosen([variant])[0]
    kinds = {"://" in each or has_blocks(each) for each in others}
    if len(kinds) > 1:
        raise typer.BadParameter("merge folders of `embed` and those of shops one after the other.")
    if kinds == {True}:
        figures = merge_blocks(home(), name, others)
    else:
        figures = merge_vectors(home(), name, list(map(Path, others)))
    _finish({"merge": figures}, as_json, strict)


@app.command("all")
@takes_feed
def all_command(
    feed: FeedOptions,
    retry_failed: Retry = False,
    variant: VariantList = None,
    precision: Precision = "auto",
    as_json: Json = False,
    strict: Strict = False,
) -> None:
    """Products, images, summaries where a variant's template uses them, and vectors."""
    variants = _chosen(variant)
    read_public_url()  # one that cannot be used ends the jobs before any work
    jobs = {
        "products": feed.load(home()),
        "images": fetch_images(home(), retry_failed=retry_failed, prune=feed.prune),
    }
    for name in variants:
        if Variants(home()).get(name).template.uses_summary:
            jobs["summaries"] = write_summaries(home(), name)
    jobs["vectors"] = _vectors(variants, precision)
    _finish(jobs, as_json, strict)


@app.command("status")
def status_command(as_json: Json = False) -> None:
    """Show what is there, what is missing, and why."""
    status = read_status(home())
    if as_json:
        print_json(status)
    else:
        show_status(status)


@app.command("verify")
def verify_command(
    variant: VariantList = None,
    shard: Annotated[
        str, typer.Option(help="Compare share i of n of the products only, written i/n.")
    ] = "1/1",
    as_json: Json = False,
) -> None:
    """Compare collections with the catalogue, product by product; exits 1 when they differ.

    Of a large shop, compare one share a day: `--shard 1/30` on the first, `2/30` on the second, …
    """
    share = _shard(shard)
    found = {name: verify_collection(home(), name, share) for name in _chosen(variant)}
    if as_json:
        print_json(found)
    else:
        show_verified(found)
    raise typer.Exit(int(any(figures["faults"] for figures in found.values())))


@app.command("export")
def export_command(
    variant: Variant = "",
    category: Annotated[
        str, typer.Option(help='This category only, as Kettles or "Kitchen > Kettles".')
    ] = "",
    folder: Annotated[Path, typer.Option(help="Where to write.")] = Path("export"),
    as_json: Json = False,
) -> None:
    """Write the cleaned products as CSV and Parquet, and their vectors as Parquet.

    `vitrine ingest products` reads either file of products back, with every field. Give it
    --allow-paths where pictures are files outside the export's folder.

    The CSV file is for spreadsheets: a text that one may take for a formula, since it begins with
    = + - @ or a tab, has an apostrophe before it. The Parquet file has every text as it is.
    """
    figures = export_products(home(), _chosen([variant])[0], folder, category=category)
    messages.print(Text(f"Written to {figures['folder']}: {', '.join(FILES)}."), soft_wrap=True)
    _finish({"export": figures}, as_json)


def _finish(jobs: dict[str, Figures], as_json: bool, strict: bool = False) -> NoReturn:
    """Print the jobs' figures; exit 1 with --strict where something failed."""
    if not as_json:
        show_figures(jobs)
    elif len(jobs) == 1:
        print_json(*jobs.values())
    else:
        print_json(jobs)
    failed = any(figures.get(name) for figures in jobs.values() for name in FAILURES)
    raise typer.Exit(int(strict and failed))


def _chosen(variants: list[str] | None) -> list[str]:
    """The variants that were named, each looked up: a missing one ends the job before any work."""
    known = Variants(home())
    named = [name for name in variants or () if name] or [default_variant(known.names())]
    return [known.get(name).name for name in named]


def _vectors(
    variants: list[str],
    precision: Precision,
    *,
    recreate: bool = False,
    shard: Shard = WHOLE,
    words: Mapping[str, Any] = NOTHING,
    storage: Mapping[str, Any] = NOTHING,
) -> Figures:
    """The figures of each variant, and their sums."""
    each = {
        name: embed_products(
            home(),
            name,
            precision=precision,
            recreate=recreate,
            shard=shard,
            words=words,
            storage=storage,
        )
        for name in variants
    }
    sums: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for figures in each.values():
        sums.update({name: count for name, count in figures.items() if isinstance(count, int)})
        failed.update(figures["failed"])
    # The catalogue's figures, the same for each variant: no sum.
    pending = max(figures["pictures_pending"] for figures in each.values())
    damaged = [figures["damaged"] for figures in each.values() if "damaged" in figures]
    if pending:
        messages.print(
            f"{pending:,} pictures have not been fetched, so that these products are found by "
            "their text alone: run `vitrine ingest images`, then `vitrine ingest vectors` again.",
            soft_wrap=True,
        )
    shared = {"failed": dict(failed), "pictures_pending": pending, "variants": each}
    return dict(sums) | shared | ({"damaged": damaged[0]} if damaged else {})


def _field_weights(written: list[str] | None) -> dict[str, int]:
    """Weights of fields, written as description=2."""
    weights = {}
    for each in written or ():
        field, _, count = each.partition("=")
        if field not in WEIGHED or not count.isdecimal() or int(count) > MOST_WEIGHT:
            raise typer.BadParameter(
                f"--field-weight {each}: write it as description=2, with one of "
                f"{', '.join(WEIGHED)} and a whole number from 0 to {MOST_WEIGHT}."
            )
        weights[field] = int(count)
    return weights


def _storage(storage: str, vectors: str) -> dict[str, Any]:
    """What is chosen of how a collection is stored, by name."""
    chosen: dict[str, Any] = {"storage": storage} if storage else {}
    if vectors:
        names = [name.strip() for name in vectors.split(",")]
        chosen["vectors"] = () if names == [ALL] else tuple(names)
    try:
        StorageSettings(**chosen)
    except StoreError as error:
        raise typer.BadParameter(str(error)) from None
    return chosen


def _shard(written: str) -> Shard:
    number, _, count = written.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise typer.BadParameter(f"--shard {written}: write it as 2/4, the second share of four.")
    return Shard(int(number), int(count))


if __name__ == "__main__":
    app(prog_name="python -m ingest")
