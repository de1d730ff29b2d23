"""The builder's process: `python -m qdrant.embedded.builder FOLDER`, rows on standard input.

With `--measure` it also measures how the generation is to be searched (`qdrant.recall`).

Building holds Python's global lock for minutes and ends by SIGBUS when the disk fills, so it has a
process of its own. It writes into an unpublished folder and publishes nothing: a builder that ends
early costs only its folder. On success it prints, as JSON, the number of points and what it
measured.
"""

import contextlib
import ctypes
import errno
import json
import signal
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from qdrant.embedded import stream
from qdrant.embedded.facts import FOLDER as FACTS
from qdrant.embedded.facts_writer import FactsWriter
from qdrant.embedded.shard import Shard
from qdrant.errors import DiskFull, StoreError
from qdrant.recall import measure as measure_recall

DISK_FULL = errno.ENOSPC  # exit status
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def build(folder: Path, *, measure: bool) -> dict[str, Any]:
    """Write the rows of standard input into the folder; return `points` and `graphs` of it.

    A folder that already holds a copy of a generation is continued.
    """
    with pa.ipc.open_stream(sys.stdin.buffer) as rows:
        spec = stream.spec_of(rows.schema)
        started = (folder / "segments").is_dir()
        shard = Shard.open(folder, spec) if started else Shard.create(folder, spec)
        with FactsWriter(folder / FACTS) as facts:
            for batch in rows:
                changes = stream.decode(spec, batch)
                shard.write(changes)
                facts.write(changes)
            facts.finish()
    with closing(shard.finish()) as reader:
        graphs = measure_recall(reader) if measure else {}
        return {
            "points": reader.collection.points,
            "graphs": {name: asdict(graph) for name, graph in graphs.items()},
        }


def _end_with_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both: the parent decides
    # Linux only; elsewhere an orphan ends by itself, since its input ends, and is never published.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> int:
    """Build and return the exit status."""
    _end_with_parent()
    try:
        built = build(Path(sys.argv[1]), measure="--measure" in sys.argv[2:])
    except DiskFull as error:
        sys.stderr.write(f"{error}\n")
        return DISK_FULL
    except (StoreError, OSError, pa.ArrowException) as error:
        sys.stderr.write(f"{error}\n")
        return DISK_FULL if getattr(error, "errno", None) == errno.ENOSPC else 1
    sys.stdout.write(json.dumps(built))
    return 0


if __name__ == "__main__":
    sys.exit(main())
