"""Engines: who runs the workers of a distributed embedding.

An engine sends the names of blocks to workers, each of which has one encoder. The workers read and
write the blocks themselves: an engine moves names and counts alone, and a worker that is lost costs
the blocks that it was embedding.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from importlib import import_module
from importlib.util import find_spec

from ingest import IngestError
from ingest.distributed.embedder import BlockEmbedder, Done, Task
from ingest.distributed.folder import Folder
from ingest.distributed.plan import Plan
from ingest.distributed.workers import ONE_A_MACHINE, Workers
from ingest.embedding import WHOLE, Shard
from ingest.job import Figures
from vitrine.progress import progress_bar

# Engine → the module that runs it, and the library that it needs.
ENGINES = {
    "daft": ("ingest.distributed.daft_engine", "daft"),
    "ray": ("ingest.distributed.ray_engine", "ray"),
}


def embed_blocks(
    task: Task, engine: str = "local", workers: Workers = ONE_A_MACHINE, shard: Shard = WHOLE
) -> Figures:
    """Embed the blocks of a plan that the results lack.

    Args:
        task: the folders, and how to embed.
        engine: `local`, or a name of `ENGINES`.
        workers: of Daft or Ray.
        shard: only this share of the blocks.

    Returns:
        `blocks` and their `rows`, `encoded` vectors, those `known` before, and texts and pictures
        that `failed` by reason.

    Raises:
        IngestError: there is no plan, a worker's variant is another one, a file is damaged, or
            the engine is not installed or has failed.
        VitrineError, OSError: a folder cannot be opened, read or written.
    """
    run = _engine(engine)
    plan = Plan.read(Folder(task.want))
    names = [name for number, name in enumerate(plan.names) if shard.has_number(number)]
    counts: Counter[str] = Counter({"blocks": 0, "rows": 0, "encoded": 0, "known": 0})
    failed: Counter[str] = Counter()
    # Ray prints notices of lost workers on stdout, which is the result's.
    with redirect_stdout(sys.stderr), progress_bar("blocks", len(names)) as advance:
        for done in run(task, names, workers) if names else ():
            counts["blocks"] += 1
            counts["rows"] += done.rows
            counts["encoded"] += done.encoded
            counts["known"] += done.known
            failed.update(done.failed)
            advance(1)
    return {**counts, "failed": dict(failed)}


def _engine(name: str) -> Callable[[Task, Sequence[str], Workers], Iterator[Done]]:
    if name == "local":
        return _in_this_process
    module, library = ENGINES[name]
    if find_spec(library) is None:
        raise IngestError(
            f"The engine {name} is not installed: install requirements-engines.txt, or use "
            "--engine local."
        )
    return import_module(module).run


def _in_this_process(task: Task, names: Sequence[str], workers: Workers) -> Iterator[Done]:
    """One worker, whose encoder uses all cores or the GPU."""
    embedder = BlockEmbedder(task)
    yield from map(embedder.embed, names)
