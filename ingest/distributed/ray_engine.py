"""Ray Data: workers are actors of the cluster that RAY_ADDRESS names, else of this machine."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ray
import ray.data
from ray.data import ActorPoolStrategy, DataContext

from ingest.distributed.embedder import Done, Task
from ingest.distributed.workers import Worker, Workers, engine_failed, outcome_of


class Embedder:
    """An actor, as Ray Data calls it."""

    def __init__(self, task: Task) -> None:
        self._worker = Worker(task)

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[str]]:
        """Embed the blocks of a batch."""
        return {"sent": [self._worker.embed(str(name)) for name in batch["name"]]}


def run(task: Task, names: Sequence[str], workers: Workers) -> Iterator[Done]:
    """Embed blocks; an actor that is lost is started again, and so is its block.

    Args:
        task: what each worker does.
        names: of the blocks.
        workers: how many; one a machine where their number is 0.

    Yields:
        What was done with each block.

    Raises:
        IngestError: a worker refused, or Ray has failed.
    """
    try:
        ray.init(ignore_reinit_error=True, log_to_driver=False, logging_level=logging.ERROR)
        DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        cores = [node["Resources"].get("CPU", 1) for node in ray.nodes() if node["Alive"]]
        count = workers.count or len(cores)
        rows = (
            # A block of Ray's for each of ours: what is tried again is one of them.
            ray.data.from_items([{"name": each} for each in names], override_num_blocks=len(names))
            .map_batches(
                Embedder,
                batch_size=1,
                compute=ActorPoolStrategy(size=count),
                num_cpus=cores_each(min(cores), -(-count // len(cores))),
                num_gpus=workers.gpus,
                fn_constructor_args=(task,),
            )
            .iter_rows()
        )
        yield from (outcome_of(row["sent"]) for row in rows)
    except (ray.exceptions.RayError, ConnectionError) as error:
        raise engine_failed("Ray", error) from error
    finally:
        ray.shutdown()  # here, for its notices of lost workers are printed until then


def cores_each(cores: float, workers: int) -> float:
    """CPUs of a worker, so that a machine's workers leave one to Ray's own tasks.

    Actors that hold every CPU would leave none to the tasks that read what they wait for.

    Args:
        cores: CPUs of a machine.
        workers: on it.
    """
    share = max(cores - 1, 0.5) / workers
    # Ray takes whole CPUs, or ten-thousandths of one.
    return float(int(share)) if share >= 1 else int(10_000 * share) / 10_000
