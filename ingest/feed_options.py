"""The options of the commands that read a feed."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from ingest.job import Figures
from ingest.products import load_products, preview_products


@dataclass(slots=True)
class FeedOptions:
    """The file of products, and how it is read: an argument and options of a command line."""

    source: Annotated[
        Path, typer.Argument(help="A file of products (docs/feeds.md), or amazon:All_Beauty.")
    ]
    category: Annotated[str, typer.Option(help="The category of every product of the file.")] = ""
    category_field: Annotated[
        str, typer.Option(help="The column that holds each product's category.")
    ] = ""
    field: Annotated[
        list[str] | None,
        typer.Option(
            help="The column of a field, as title=name or price=offers.price; of a picture also a "
            "pattern, as 'image=images/{id}.jpg'; repeatable."
        ),
    ] = None
    prune: Annotated[
        bool, typer.Option(help="Delete what this file had before and has no longer.")
    ] = False
    limit: Annotated[int | None, typer.Option(min=1, help="Read at most this many rows.")] = None
    picture_side: Annotated[
        int | None, typer.Option(help="Shortest side of kept pictures, fixed with the catalogue.")
    ] = None
    allow_paths: Annotated[
        bool,
        typer.Option("--allow-paths", help="Read pictures from any path, not the file's folder."),
    ] = False
    language: Annotated[
        str, typer.Option(help="Which texts to take where there are several languages, as de.")
    ] = ""
    filters: Annotated[
        str | None,
        typer.Option(
            help="Attributes to filter by, as 'Colour,Size'; '' for those worth a filter."
        ),
    ] = None

    def load(self, home: Path) -> Figures:
        """Read the file into a shop.

        Raises:
            BadParameter: Options that do not go together, or a wrong --field.
            CatalogError: As `load_products`.
        """
        if self.prune and self.limit:
            raise typer.BadParameter(
                "--prune would delete what lies beyond --limit: give one of them."
            )
        filters = None if self.filters is None else self.filters.split(",")
        return load_products(
            home,
            self.source,
            fields=self._fields(),
            category=self.category,
            category_field=self.category_field,
            prune=self.prune,
            limit=self.limit,
            picture_side=self.picture_side,
            allow_paths=self.allow_paths,
            language=self.language,
            filters=filters and [name.strip() for name in filters if name.strip()],
        )

    def preview(self, count: int) -> Figures:
        """Read the first products and write nothing.

        Raises:
            BadParameter: Options that do not go together, or a wrong --field.
            CatalogError: As `preview_products`.
        """
        return preview_products(
            self.source,
            count,
            fields=self._fields(),
            category=self.category,
            category_field=self.category_field,
            limit=self.limit,
            language=self.language,
        )

    def _fields(self) -> dict[str, list[str]]:
        """The columns that --field names, by field."""
        if self.category and self.category_field:
            raise typer.BadParameter("Give --category or --category-field, not both.")
        found: dict[str, list[str]] = {}
        for each in self.field or ():
            name, equals, column = each.partition("=")
            if not (name and equals and column):
                raise typer.BadParameter(f"--field {each}: write it as title=name.")
            found.setdefault(name, []).append(column)
        return found


def takes_feed(command: Callable[..., None]) -> Callable[..., None]:
    """A command with the options of `FeedOptions`, which it takes as its parameter `feed`.

    Typer reads a command's options from its signature, and has no option of several values.
    """
    own = [each for name, each in inspect.signature(command).parameters.items() if name != "feed"]
    names = [each.name for each in fields(FeedOptions)]

    @functools.wraps(command)
    def run(**options: Any) -> None:  # noqa: ANN401 - options of any type
        feed = FeedOptions(**{name: options.pop(name) for name in names})
        command(feed=feed, **options)

    parameters = [*inspect.signature(FeedOptions).parameters.values(), *own]
    keyword = inspect.Parameter.KEYWORD_ONLY
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [each.replace(kind=keyword) for each in parameters]
    )
    return run
