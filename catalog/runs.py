"""The log of runs: the settings, figures and outcome of every job."""

import fcntl
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from catalog.database import Database

LOCK = "ingest.lock"  # in the shop's folder: held by whichever of these jobs is running
LOCKED_JOBS = ("products", "images", "summaries", "vectors")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job.

    Attributes:
        id: Ascending.
        job: Its name.
        outcome: How it ended; "running" while it runs, "stopped" if it was killed.
        settings: Its arguments.
        figures: What it counted.
        started: UTC, ISO 8601.
        ended: The same; None unless it ended by itself.
    """

    id: int
    job: str
    outcome: str
    settings: Mapping[str, Any]
    figures: Mapping[str, Any]
    started: str
    ended: str | None


class RunLog(Database):
    """The part of the catalogue with the log of runs."""

    def begin_run(self, job: str, settings: Mapping[str, Any]) -> int:
        """Record that this process begins a job. Returns the run's id."""
        with self._transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO run (job, settings, host, pid, process, started, figures) "
                "VALUES (?, ?, ?, ?, ?, ?, '{}')",
                (
                    job,
                    json.dumps(dict(settings), default=str),
                    socket.gethostname(),
                    os.getpid(),
                    _start_time(os.getpid()),
                    _now(),
                ),
            )
        return cursor.lastrowid or 0

    def end_run(self, run: int, outcome: str, figures: Mapping[str, Any]) -> None:
        """Record how a run ended: "done", "failed", or another word, with its figures."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE run SET outcome = ?, figures = ?, ended = ? WHERE id = ?",
                (outcome, json.dumps(dict(figures), default=str), _now(), run),
            )

    def runs(self, job: str | None = None) -> list[Run]:
        """All runs, or those of one job, the newest first."""
        rows = self._select(
            "SELECT id, job, outcome, settings, figures, started, ended, host, pid, process "
            "FROM run WHERE ?1 IS NULL OR job = ?1 ORDER BY id DESC",
            (job,),
        )
        return [
            Run(
                id=row[0],
                job=row[1],
                outcome=row[2] or ("running" if self._is_alive(row[1], *row[7:]) else "stopped"),
                settings=json.loads(row[3]),
                figures=json.loads(row[4]),
                started=row[5],
                ended=row[6],
            )
            for row in rows
        ]

    def _is_alive(self, job: str, host: str, pid: int, start_time: str) -> bool:
        """Whether a run's process still runs.

        That of another machine or container: whether some process holds the lock of the jobs. Runs
        of other jobs, which have locks of their own, are assumed to go on.
        """
        if host != socket.gethostname():
            return job not in LOCKED_JOBS or self._is_locked()
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # it exists and is another user's
        return _start_time(pid) == start_time

    def _is_locked(self) -> bool:
        try:
            with (self.home / LOCK).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:  # held, or it cannot be found out
            return True
        return False


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _start_time(pid: int) -> str:
    """When a process started, in ticks since boot; empty where there is no /proc."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return status.rpartition(")")[2].split()[19]
