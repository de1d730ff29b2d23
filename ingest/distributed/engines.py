"""Engines: who runs the workers of a distributed embedding.

An engine sends the names of blocks to workers, each of which has one encoder. The workers read and
write the blocks themselves, so that an engine moves names and counts, and a worker that is lost
costs the blocks that it was embedding.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ingest.distributed.embedder import BlockEmbedder, Done, Task
from ingest.distributed.folder import Folder
from ingest.distributed.plan import Plan
from ingest.embedding import WHOLE, Shard
from ingest.job import Figures
from vitrine.progress import progress_bar


@dataclass(frozen=True)
class Workers:
    """How many workers there are, and what each has.

    Attributes:
        count: of the workers; 0: one a machine.
        gpus: GPUs of each.
    """

    count: int = 0
    gpus: float = 0


Engine = Callable[[Task, Sequence[str], Workers], Iterator[Done]]


def embed_blocks(
    task: Task, engine: str = "local", workers: Workers = Workers(), shard: Shard = WHOLE
) -> Figures:
    """Embed the blocks of a plan that the results lack.

    Args:
        task: the folders, and how to embed.
        engine: a name of `ENGINES`.
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
    plan = Plan.read(Folder(task.want))
    names = [name for number, name in enumerate(plan.names) if shard.has_number(number)]
    total: Counter[str] = Counter({"blocks": 0, "rows": 0, "encoded": 0, "known": 0})
    failed: Counter[str] = Counter()
    with progress_bar("embed", len(names)) as advance:
        for done in ENGINES[engine](task, names, workers):
            counts = {"rows": done.rows, "encoded": done.encoded, "known": done.known}
            total.update(counts | {"blocks": 1})
            failed.update(done.failed)
            advance(1)
    return {**total, "failed": dict(failed)}


def _in_this_process(task: Task, names: Sequence[str], workers: Workers) -> Iterator[Done]:
    """One worker, whose encoder uses all cores or the GPU."""
    embedder = BlockEmbedder(task)
    yield from map(embedder.embed, names)


ENGINES: Mapping[str, Engine] = {"local": _in_this_process}
