"""`vitrine ingest` for tests: in this process, or as a process that may fetch from loopback."""

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from typer.testing import CliRunner

from ingest import __main__ as command
from ingest.images import catalogue_settings, fetch_images

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def error(self) -> str:
        """The line that begins with Error."""
        lines = [line for line in self.stderr.splitlines() if line.startswith("Error: ")]
        assert len(lines) == 1, self.stderr
        return lines[0]


def run_here(home: Path, *words: object) -> Ended:
    """Run a command in this process, where what a test has changed is seen."""
    result = CliRunner().invoke(
        command.app, list(map(str, words)), env={"VITRINE_HOME": str(home), "QDRANT_URL": None}
    )
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ended(result.exit_code, result.stdout, result.stderr)


def begin(home: Path, *words: object, open_files: int = 0) -> subprocess.Popen[str]:
    """Start a command as a process, and a group of processes, of its own.

    Args:
        home: VITRINE_HOME.
        words: the command line behind `vitrine ingest`.
        open_files: the hard limit of open files; 0 leaves it as it is.
    """
    limit = ["sh", "-c", f'ulimit -n {open_files}; exec "$@"', "sh"] if open_files else []
    environment = {**os.environ, "VITRINE_HOME": str(home), "PYTHONPATH": str(ROOT)}
    environment.pop("QDRANT_URL", None)
    return subprocess.Popen(
        [*limit, sys.executable, "-m", "tests.ingest.commands", *map(str, words)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end(process: subprocess.Popen[str]) -> Ended:
    """Wait for a command."""
    stdout, stderr = process.communicate()
    return Ended(process.returncode, stdout, stderr)


def main() -> None:
    """Run `vitrine ingest`, except that pictures may come from loopback, and take their time."""
    settings = replace(catalogue_settings(), allow_loopback=True, connect=60.0, read=60.0)
    command.fetch_images = partial(fetch_images, fetch_settings=settings)
    command.app(prog_name="python -m ingest")


if __name__ == "__main__":
    main()
