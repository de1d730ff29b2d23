"""Daft: workers are processes of this machine, or actors of a Ray cluster with DAFT_RUNNER=ray."""

from collections.abc import Iterator, Sequence

import daft

from ingest.distributed.embedder import Done, Task
from ingest.distributed.workers import Worker, Workers, engine_failed, outcome_of


def run(task: Task, names: Sequence[str], workers: Workers) -> Iterator[Done]:
    """Embed blocks.

    Args:
        task: what each worker does.
        names: of the blocks.
        workers: how many; one where their number is 0.

    Yields:
        What was done with each block.

    Raises:
        IngestError: a worker refused, or Daft has failed.
    """

    @daft.cls(max_concurrency=workers.count or 1, gpus=workers.gpus, use_process=True)
    class Embedder:
        def __init__(self, task: Task) -> None:
            self.worker = Worker(task)

        @daft.method.batch(return_dtype=daft.DataType.string(), batch_size=1)
        def embed(self, names: daft.Series) -> list[str]:
            return [self.worker.embed(name) for name in names.to_pylist()]

    blocks = daft.from_pydict({"name": list(names)})
    rows = blocks.select(Embedder(task).embed(blocks["name"]).alias("sent")).iter_rows()
    while True:
        try:
            row = next(rows, None)
        except Exception as error:  # Daft's own, of any kind
            raise engine_failed("Daft", error) from error
        if row is None:
            return
        yield outcome_of(row["sent"])
