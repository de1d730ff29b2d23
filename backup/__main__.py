"""`vitrine backup` and `vitrine restore`: a whole shop as one archive."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.filesize import decimal

from backup.reading import check_archive, restore_archive, stated
from backup.writing import count, write_archive
from vitrine import home
from vitrine.command import CommandLine, Json, print_json
from vitrine.progress import progress_bar

MEGABYTE = 1_000_000

app = CommandLine(no_args_is_help=True, help="A whole shop as one archive.")


@app.command()
def backup(
    out: Annotated[Path, typer.Argument(help="The archive: *.tar.zst, or *.tar uncompressed.")],
    force: Annotated[bool, typer.Option("--force", help="Replace an archive there is.")] = False,
    as_json: Json = False,
) -> None:
    """Write the shop VITRINE_HOME into one archive, while searches go on.

    It has the catalogue, pictures, variants with their models, vector files, collections of the
    embedded engine, query files, reports, judgements and the log of events. No job runs meanwhile.
    Collections on a server are not in it: `vitrine qdrant snapshot` is for those, and
    `vitrine ingest vectors` makes them again without encoding anything.

    Example: vitrine backup /mnt/backups/shop.tar.zst
    """
    shop = home()
    total = count(shop)[1] if shop.is_dir() else 0
    with _megabytes("backup, MB", total) as advance:
        found = write_archive(shop, out, advance, replace=force)
    found = {"archive": str(out), **found}
    if as_json:
        print_json(found)
    else:
        print(
            f"{out}: {found['files']:,} files, {decimal(found['bytes'])}, "
            f"archive {decimal(found['size'])}"
        )


@app.command()
def restore(
    archive: Annotated[Path, typer.Argument(help="What `vitrine backup` wrote.")],
    check: Annotated[bool, typer.Option("--check", help="Only read and check it.")] = False,
    as_json: Json = False,
) -> None:
    """Unpack a shop's archive into VITRINE_HOME, an empty or a new folder.

    All of it is checked before a file has its place: a damaged archive leaves nothing behind.

    Example: VITRINE_HOME=/srv/shop vitrine restore shop.tar.zst
    """
    shop = home()
    with _megabytes("check, MB" if check else "restore, MB", stated(archive)) as advance:
        if check:
            found = check_archive(archive, advance)
        else:
            found = restore_archive(archive, shop, advance)
    facts: dict[str, Any] = {"archive": str(archive), **found}
    if not check:
        facts["home"] = str(shop)
    if as_json:
        print_json(facts)
        return
    what = "sound" if check else f"restored into {shop}"
    print(
        f"{archive} of {found['created']}: {found['files']:,} files, "
        f"{decimal(found['bytes'])}, {what}"
    )


@contextmanager
def _megabytes(what: str, size: int) -> Iterator[Callable[[int], None]]:
    """A progress bar in megabytes that is advanced by bytes."""
    left = 0
    with progress_bar(what, -(-size // MEGABYTE)) as advance:

        def add(count: int) -> None:
            nonlocal left
            left += count
            if left >= MEGABYTE:
                advance(left // MEGABYTE)
                left %= MEGABYTE

        yield add


if __name__ == "__main__":
    app(prog_name="python -m backup")
