"""`vitrine ingest` that kills itself before or after it has written so many blocks."""

import os
import signal
import sys
from pathlib import Path

from ingest import __main__ as command
from ingest.distributed.folder import UNFINISHED


def main(when: str, number: int) -> None:
    """Run a command; the process is killed around the rename of its `number`-th block."""
    replace, seen = Path.replace, 0

    def counted(path: Path, target: Path) -> Path:
        nonlocal seen
        if not path.name.startswith(UNFINISHED):
            return replace(path, target)
        seen += 1
        if seen == number and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        done = replace(path, target)
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    Path.replace = counted
    command.app(sys.argv[3:])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
