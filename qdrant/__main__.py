"""`vitrine qdrant`: show, copy, save, roll back and drop collections; compute their size."""

import os
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from qdrant import layout
from qdrant.errors import CollectionMissing, StoreError
from qdrant.model import Collection, GraphSearch
from qdrant.size_command import size
from qdrant.storage import STORAGES
from qdrant.store import Store, open_embedded, open_store
from vitrine import default_variant, home
from vitrine.command import CommandLine, Json, print_json
from vitrine.progress import progress_bar

app = CommandLine(
    no_args_is_help=True,
    help="The vector store: of the folder VITRINE_HOME, or of the server QDRANT_URL.",
)

Variant = Annotated[str, typer.Option(help="Whose collection.")]


@app.command()
def status(as_json: Json = False) -> None:
    """Show the engine and every collection: generations, points, indexed vectors, size."""
    with open_store(home()) as store:
        page = _page(store)
    if as_json:
        print_json(page)
    else:
        _show(page)


@app.command()
def copy(
    to: Annotated[str, typer.Option(help="Address of the server; its key is QDRANT_API_KEY.")],
    variant: Annotated[
        list[str] | None, typer.Option(help="Whose collection; repeatable; all by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Copy collections of VITRINE_HOME to a server, without encoding anything again.

    An interrupted copy is resumed. From vector files, a server's collection is built by
    `QDRANT_URL=… vitrine ingest vectors`, which encodes only what has no vector yet.

    Example: vitrine qdrant copy --to http://localhost:6333 --variant zeroshot
    """
    from qdrant.server.engine import connect_engine
    from qdrant.transfer import copy as copy_generation

    with ExitStack() as stack:
        source = stack.enter_context(open_embedded(home() / "qdrant"))
        target = connect_engine(to, os.environ.get("QDRANT_API_KEY") or None)
        stack.callback(target.close)
        names = variant or [collection.variant for collection in source.collections()]
        if not names:
            raise StoreError(
                f"There is no collection in {home() / 'qdrant'}; make one with `vitrine ingest "
                "vectors`, or name its folder in VITRINE_HOME."
            )
        found = []
        for name in names:
            with progress_bar(f"copy {name}", source.collection(name).points) as advance:
                found.append(asdict(copy_generation(source, target, name, advance)))
    if as_json:
        print_json({"copied": found})
        return
    for each in found:
        Console().print(
            f"{each['variant']}: {each['points']:,} points, {each['sent']:,} sent, "
            f"{each['compared']:,} read back and equal",
            highlight=False,
        )


@app.command()
def snapshot(
    out: Annotated[Path, typer.Argument(help="The file to write.")],
    variant: Annotated[str, typer.Option(help="Whose collection; the only one by default.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace a file there is.")] = False,
    as_json: Json = False,
) -> None:
    """Write a published collection into one file, which either engine restores.

    Example: vitrine qdrant snapshot /mnt/backups/zeroshot.snapshot --variant zeroshot
    """
    from qdrant.snapshot import write_snapshot

    with open_store(home()) as store:
        name = variant or default_variant(store.engine.variants())
        with progress_bar(f"snapshot {name}", store.collection(name).points) as advance:
            found = write_snapshot(store, name, out, advance, replace=force)
    if as_json:
        print_json({"file": str(out), **asdict(found)})
    else:
        Console().print(
            f"{found.variant}: {found.points:,} points of generation {found.generation}, "
            f"{decimal(found.size)} in {out}",
            highlight=False,
            soft_wrap=True,
        )


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `vitrine qdrant snapshot` wrote.")],
    as_json: Json = False,
) -> None:
    """Publish the collection of a file as a new generation; the last one is kept beside it.

    All of the file is checked before. Searches answer from the last generation meanwhile.

    Example: QDRANT_URL=http://localhost:6333 vitrine qdrant restore zeroshot.snapshot
    """
    from qdrant.snapshot import points_of, restore_snapshot

    variant, points = points_of(file)
    with open_store(home()) as store, progress_bar(f"restore {variant}", points) as advance:
        found = restore_snapshot(store, file, advance)
    if as_json:
        print_json({"file": str(file), **asdict(found)})
    else:
        Console().print(
            f"{found.variant}: generation {found.generation}, {found.points:,} points",
            highlight=False,
        )


@app.command()
def rollback(variant: Variant, as_json: Json = False) -> None:
    """Publish the generation before the current one; once more undoes it."""
    with open_store(home()) as store:
        made = store.rollback(variant)
    if as_json:
        print_json(asdict(made))
    else:
        Console().print(
            f"{variant}: generation {made.generation} of {made.created}, {made.points:,} points",
            highlight=False,
        )


@app.command()
def drop(
    variant: Variant,
    yes: Annotated[bool, typer.Option("--yes", help="Skip the confirmation.")] = False,
    as_json: Json = False,
) -> None:
    """Remove a collection with all its generations; vector files stay, so it can be built again."""
    with open_store(home()) as store:
        if variant not in store.engine.variants():
            raise CollectionMissing(variant)
        where = store.engine.info().place
        if not yes:
            typer.confirm(f"Drop the collection of {variant} in {where}?", abort=True, err=True)
        store.drop(variant)
    if as_json:
        print_json({"dropped": variant})
    else:
        Console().print(f"{variant}: dropped", highlight=False)


app.command("size")(size)


def _page(store: Store) -> dict[str, Any]:
    collections = store.collections()
    return {
        "engine": asdict(store.engine.info()),
        "collections": [
            {
                "variant": each.variant,
                "fingerprint": each.fingerprint,
                "base": each.base,
                "dim": each.dim,
                "precision": each.precision,
                "text_precision": each.text_precision,
                "vectors": each.vectors,
                "unused": each.unused,
                "storage": each.storage,
                "searches": _searches(each),
                "generations": [asdict(one) for one in store.generations(each.variant)],
            }
            for each in collections
        ],
    }


def _searches(collection: Collection) -> dict[str, dict[str, Any]]:
    """How each dense vector is searched: `ef` is null where every vector is compared."""
    exact, unmeasured = GraphSearch(None, 1.0), {"ef": layout.EF, "recall": None}
    return {
        name: asdict(exact)
        if layout.scan_all(collection.points, collection.dim_of(name))
        else asdict(collection.graphs[name])
        if name in collection.graphs
        else unmeasured
        for name in collection.stored
    }


def _search_line(name: str, search: dict[str, Any]) -> str:
    if search["ef"] is None:
        return f"{name}: exact"
    recall = "not measured" if search["recall"] is None else f"recall {search['recall']:.3f}"
    return f"{name}: ef {search['ef']}, {recall}"


def _storage_line(collection: dict[str, Any]) -> str:
    """How the dense vectors are stored, and which have no room."""
    storage, unused = collection["storage"], collection["unused"]
    more = f"; {' and '.join(unused)} take no room: no product has them" if unused else ""
    return f"{collection['variant']} is stored as {storage}: {STORAGES[storage].meaning}{more}"


def _precision_line(collection: dict[str, Any]) -> str:
    """What the newest vectors were computed in; empty where that is not known."""
    image, text = collection["precision"], collection["text_precision"]
    if not image:
        return ""
    more = f", its text model's in {text}" if text else ""
    return f"{collection['variant']}: newest vectors computed in {image}{more}"


def _show(page: dict[str, Any]) -> None:
    console = Console()
    engine = page["engine"]
    console.print(f"{engine['name']} {engine['version']}, {engine['place']}", highlight=False)
    table = Table(box=None)
    for name in ("variant", "generation", "", "points", "indexed", "size", "state"):
        table.add_column(name, no_wrap=True)
    for collection in page["collections"]:
        for each in collection["generations"]:
            table.add_row(
                collection["variant"],
                each["name"],
                each["use"],
                f"{each['points']:,}",
                "" if each["indexed"] is None else f"{each['indexed']:,}",
                "" if each["size"] is None else decimal(each["size"]),
                each["state"],
            )
    console.print(table if page["collections"] else "no collection")
    for collection in page["collections"]:
        lines = [_search_line(*each) for each in collection["searches"].items()]
        console.print(f"{collection['variant']} is searched by {'; '.join(lines)}", highlight=False)
        console.print(_storage_line(collection), highlight=False)
        if line := _precision_line(collection):
            console.print(line, highlight=False)


if __name__ == "__main__":
    app(prog_name="python -m qdrant")
