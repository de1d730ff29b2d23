"""Workers of an engine: how many, and what they send back."""

import json
from dataclasses import asdict, dataclass

from ingest import IngestError
from ingest.distributed.embedder import BlockEmbedder, Done, Task
from vitrine import VitrineError


@dataclass(frozen=True)
class Workers:
    """How many workers there are, and what each has.

    Attributes:
        count: of the workers; 0: one a machine.
        gpus: GPUs of each.
    """

    count: int = 0
    gpus: float = 0


ONE_A_MACHINE = Workers()


class Worker:
    """One encoder in a process of an engine, which sends JSON back.

    An error that a user can put right is sent as its sentence: an engine would wrap it in its own,
    or try the block again.
    """

    def __init__(self, task: Task) -> None:
        self._embedder: BlockEmbedder | None = None
        self._error = ""
        try:
            self._embedder = BlockEmbedder(task)
        except (VitrineError, OSError) as error:
            self._error = str(error)

    def embed(self, name: str) -> str:
        """Embed a block; the outcome as `outcome_of` reads it."""
        if self._embedder is None:
            return json.dumps({"error": self._error})
        try:
            return json.dumps(asdict(self._embedder.embed(name)))
        except (VitrineError, OSError) as error:
            return json.dumps({"error": str(error)})


def outcome_of(sent: str) -> Done:
    """What a worker did with a block.

    Raises:
        IngestError: it refused, or could not read or write.
    """
    found = json.loads(sent)
    if "error" in found:
        raise IngestError(found["error"])
    return Done(**found)


def engine_failed(engine: str, error: Exception) -> IngestError:
    """The error of an engine that ended in one of its own."""
    reason = " ".join(str(error).split())[-200:] or type(error).__name__
    return IngestError(
        f"{engine} ended before the last block ({reason}): what is embedded is kept, so run the "
        "same command again."
    )
