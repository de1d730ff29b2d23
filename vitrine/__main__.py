"""`vitrine`: the packages' command lines under one name.

A package is imported when its command is called: `vitrine --help` imports none of them.
"""

from dataclasses import dataclass
from importlib import import_module

import typer
from typer.core import TyperGroup

from vitrine.command import CommandLine


@dataclass(frozen=True, slots=True)
class Mounted:
    """A command that another package defines.

    Attributes:
        module: Where its `app` stands.
        help: One line for `vitrine --help`.
        command: The one command of `app` that is meant; empty for all of `app`.
    """

    module: str
    help: str
    command: str = ""


COMMANDS = {
    "add": Mounted("encoder.__main__", "Add a variant: a named way to embed products.", "add"),
    "convert": Mounted(
        "encoder.__main__", "Make an open_clip checkpoint one that `add` takes.", "convert"
    ),
    "ingest": Mounted("ingest.__main__", "Fill a shop from a file of products; see what is there."),
    "search": Mounted("search.__main__", "Search by words, a picture, or both."),
    "facets": Mounted(
        "search.facets_command", "Count products by category, brand, price and attribute."
    ),
    "suggest": Mounted("search.suggestion_command", "Suggest what a person may be typing."),
    "app": Mounted("app.__main__", "Serve the search page."),
    "serve": Mounted("api.__main__", "Serve the HTTP API."),
    "mcp": Mounted("api.mcp_command", "Serve tools for an agent on standard input."),
    "eval": Mounted("eval.__main__", "Measure a shop's search with labelled queries."),
    "finetune": Mounted("finetune.__main__", "Train an adapter on the shop's own products."),
    "events": Mounted("events.__main__", "Show, export and delete the log of searches and events."),
    "backup": Mounted("backup.__main__", "Write a whole shop into one archive.", "backup"),
    "restore": Mounted("backup.__main__", "Unpack such an archive elsewhere.", "restore"),
    "encoder": Mounted("encoder.__main__", "Add, list and show variants."),
    "qdrant": Mounted("qdrant.__main__", "List, copy and size the vector store's collections."),
}


class _LazyGroup(TyperGroup):
    """Imports a mounted command only when it is called."""

    def list_commands(self, ctx):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - Click's types are Typer's own
        return list(COMMANDS)

    def get_command(self, ctx, cmd_name):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
        mounted = COMMANDS.get(cmd_name)
        if mounted is None:
            return None
        command = typer.main.get_command(import_module(mounted.module).app)
        return command.commands[mounted.command] if mounted.command else command

    def format_commands(self, ctx, formatter):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
        with formatter.section("Commands"):
            formatter.write_dl([(name, mounted.help) for name, mounted in COMMANDS.items()])


app = CommandLine(cls=_LazyGroup, no_args_is_help=True)


@app.callback()
def main() -> None:
    """Multimodal product search. VITRINE_HOME names the installation's folder (default: data)."""


if __name__ == "__main__":
    app(prog_name="vitrine")
