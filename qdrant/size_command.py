"""`vitrine qdrant size`: what a collection will need."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from qdrant.sizing import PAYLOAD, Estimate, estimate
from qdrant.storage import DEFAULT, STORAGES
from vitrine.command import Json, print_json


def size(
    products: Annotated[str, typer.Option(help="How many, as 10_000_000.")],
    dim: Annotated[int, typer.Option(min=1, help="Numbers of a vector.")] = 512,
    vectors: Annotated[int, typer.Option(min=1, help="Vectors of a product.")] = 3,
    payload: Annotated[int, typer.Option(min=0, help="Bytes of a payload as JSON.")] = PAYLOAD,
    replicas: Annotated[int, typer.Option(min=1, help="Copies of every shard.")] = 1,
    node_memory: Annotated[float, typer.Option(min=1, help="Memory of a machine, GB.")] = 64,
    storage: Annotated[
        str, typer.Option(help=f"How vectors are stored: {', '.join(STORAGES)}.")
    ] = DEFAULT,
    memory_price: Annotated[
        float,
        typer.Option(min=0, help="Price of a GB of memory, in any currency and for any time."),
    ] = 0,
    disk_price: Annotated[float, typer.Option(min=0, help="Price of a GB of disk.")] = 0,
    as_json: Json = False,
) -> None:
    """Compute memory, disk and costs of one machine and of a server, before there is one.

    Example: vitrine qdrant size --products 10_000_000 --dim 512 --vectors 3 --json
    """
    if storage not in STORAGES:
        raise typer.BadParameter(f"--storage {storage}: take {', '.join(STORAGES)}.")
    try:
        count = int(products)
    except ValueError:
        raise typer.BadParameter(f"--products {products}: write a number, as 10_000_000.") from None
    if count < 1:
        raise typer.BadParameter("--products must be at least 1.")
    memory = round(node_memory * 10**9)
    found = estimate(
        count,
        dim,
        vectors,
        storage=storage,
        payload=payload,
        replicas=replicas,
        node_memory=memory,
    )
    cost = found.cost(memory_price, disk_price) if memory_price or disk_price else None
    if as_json:
        print_json({**asdict(found), "cost": cost})
    else:
        _show(found, memory, cost)


def _show(found: Estimate, memory: int, cost: dict[str, float] | None) -> None:
    console = Console()
    one = Table(
        *("one machine", "memory", "building", "disk", "building", f"holds in {decimal(memory)}"),
        box=None,
    )
    server = Table("server, one generation", "memory", "memory, measured", "disk", box=None)
    for name, each in found.storages.items():
        alone, form = each.embedded, each.server
        sizes = (alone.memory, alone.memory_building, alone.disk, alone.disk_building)
        one.add_row(name, *map(decimal, sizes), f"{_rounded(alone.holds):,}")
        server.add_row(name, *map(decimal, (form.memory, form.memory_measured, form.disk)))
    floats = (found.floats.memory, found.floats.memory_measured, found.floats.disk)
    server.add_row("float32", *map(decimal, floats))
    console.print(one)
    console.print(server)
    console.print(
        f"On a server as it is kept, {found.storage} with the generation before: memory "
        f"{decimal(found.memory)}, disk {decimal(found.disk)}; at the peak of a build: "
        f"{decimal(found.memory_building)}, {decimal(found.disk_building)}.\n{found.nodes} "
        f"machines, QDRANT_SHARDS={found.shards}, QDRANT_REPLICAS={found.replicas}.",
        highlight=False,
    )
    if cost:
        console.print(
            f"Memory and disk of a build cost {cost['embedded']:,.2f} on one machine, "
            f"{cost['server']:,.2f} on a server.",
            highlight=False,
        )


def _rounded(count: int) -> int:
    """Round down to two digits."""
    unit = 10 ** max(len(str(count)) - 2, 0)
    return count // unit * unit
