"""The builder's process: `python -m qdrant.embedded.builder FOLDER`, rows on standard input.

Building holds Python's global lock for minutes and ends by SIGBUS when the disk fills, so it has a
process of its own. It writes into an unpublished folder and publishes nothing: a builder that ends
early costs only its folder. On success it prints the number of points.
"""

import contextlib
import ctypes
import errno
import signal
import sys
from pathlib import Path

import pyarrow as pa

from qdrant.embedded import stream
from qdrant.embedded.shard import Shard
from qdrant.errors import DiskFull, StoreError

DISK_FULL = errno.ENOSPC  # exit status
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def build(folder: Path) -> int:
    """Write the rows of standard input into the folder; return how many points it then has.

    A folder that already holds a copy of a generation is continued.
    """
    with pa.ipc.open_stream(sys.stdin.buffer) as rows:
        spec = stream.spec_of(rows.schema)
        started = (folder / "segments").is_dir()
        shard = Shard.open(folder, spec) if started else Shard.create(folder, spec)
        for batch in rows:
            shard.write(stream.decode(spec, batch))
    return shard.finish()


def _end_with_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both: the parent decides
    # Linux only; elsewhere an orphan ends by itself, since its input ends, and is never published.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> int:
    """Build and return the exit status."""
    _end_with_parent()
    try:
        points = build(Path(sys.argv[1]))
    except DiskFull as error:
        sys.stderr.write(f"{error}\n")
        return DISK_FULL
    except (StoreError, OSError, pa.ArrowException) as error:
        sys.stderr.write(f"{error}\n")
        return DISK_FULL if getattr(error, "errno", None) == errno.ENOSPC else 1
    sys.stdout.write(f"{points}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
