"""The log of runs: the settings, figures and outcome of every job, and the locks that jobs hold."""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from catalog import CatalogError
from catalog.database import Database, Row


@dataclass(frozen=True, slots=True)
class JobLock:
    """The lock that a job holds while it runs.

    Attributes:
        file: Below the shop's folder; `{variant}` stands for the job's variant.
        holder: Whoever has it, for a sentence.
    """

    file: str
    holder: str


LOCKS = {"finetune": JobLock("training/.{variant}.lock", "training of {variant!r}")}
INGEST_LOCK = JobLock("ingest.lock", "ingest job")  # of every other job: one at a time
LOCK_PAUSE = 0.05  # seconds between two tries, while somebody reads the state of the runs


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


@dataclass(slots=True)
class ActiveRun:
    """A run that has not ended.

    Attributes:
        id: Its number.
        figures: What it has counted so far; recorded when it ends, however it ends.
    """

    id: int
    figures: dict[str, Any] = field(default_factory=dict)


class RunLog(Database):
    """The part of the catalogue with the log of runs.

    A run is running while its job's lock is held, and only then. The system releases a lock when
    its process ends, even when that is killed, and containers that share the folder see it.
    """

    @contextmanager
    def exclusive(self, job: str, variant: str = "") -> Iterator[None]:
        """Hold the lock of a job, so that no other process runs it here.

        Args:
            job: Its name.
            variant: The variant that it makes, where each has a lock of its own.

        Raises:
            CatalogError: Another process holds it.
        """
        kind = LOCKS.get(job, INGEST_LOCK)
        path = self.home / kind.file.format(variant=variant)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        while not _acquired(lock):
            if _is_held(path):
                raise CatalogError(
                    f"Another {kind.holder.format(variant=variant)} is running in {self.home}. "
                    "Let it finish, or stop it, and run this again."
                )
        try:
            self._stop_killed(path)
            yield
        finally:
            lock.release()

    @contextmanager
    def recorded(self, job: str, settings: Mapping[str, Any]) -> Iterator[ActiveRun]:
        """Record a run, which has the job's lock: its settings, outcome, figures and seconds.

        Where rows of the catalogue are damaged, the figures have `damaged`, as `damage` returns it.
        """
        run = ActiveRun(self._begin(job, settings))
        started = time.monotonic()

        def end(outcome: str, **more: str) -> None:
            if damage := self.damage():
                run.figures["damaged"] = damage
            seconds = round(time.monotonic() - started, 3)
            self._end(run.id, outcome, run.figures | more | {"seconds": seconds})

        try:
            yield run
        except BaseException as error:
            end("stopped" if isinstance(error, KeyboardInterrupt) else "failed", error=str(error))
            raise
        end("done")

    def runs(self, job: str | None = None) -> list[Run]:
        """All runs, or those of one job, the newest first."""
        found = self._rows("?1 IS NULL OR job = ?1", job)
        return [run if run.outcome else self._unended(run) for run in found]

    def _rows(self, condition: str, value: object) -> list[Run]:
        """The runs that fulfil a condition of SQL, the newest first, as their rows have them."""
        rows = self._select(
            "SELECT id, job, outcome, settings, figures, started, ended "  # noqa: S608
            f"FROM run WHERE {condition} ORDER BY id DESC",
            (value,),
        )
        return [_run(row) for row in rows]

    def _unended(self, run: Run) -> Run:
        """A run without an outcome: it runs, was killed, or has ended since its row was read."""
        if _is_held(self._lock_of(run)):
            return replace(run, outcome="running")
        now = next(iter(self._rows("id = ?", run.id)), run)
        return now if now.outcome else replace(run, outcome="stopped")

    def _stop_killed(self, lock: Path) -> None:
        """Record that whatever had a lock before, which is held now, has ended."""
        killed = [
            (run.id,)
            for run in self.runs()
            if run.outcome == "running" and self._lock_of(run) == lock
        ]
        if killed:
            with self._transaction() as connection:
                connection.executemany("UPDATE run SET outcome = 'stopped' WHERE id = ?", killed)

    def _lock_of(self, run: Run) -> Path:
        """The file of a run's lock."""
        variant = run.settings.get("variant", "")
        return self.home / LOCKS.get(run.job, INGEST_LOCK).file.format(variant=variant)

    def _begin(self, job: str, settings: Mapping[str, Any]) -> int:
        """Record that a run begins. Returns its number."""
        with self._transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO run (job, settings, host, pid, process, started, figures) "
                "VALUES (?, ?, ?, ?, '', ?, '{}')",
                (
                    job,
                    json.dumps(dict(settings), default=str),
                    socket.gethostname(),
                    os.getpid(),
                    _now(),
                ),
            )
        return cursor.lastrowid or 0

    def _end(self, run: int, outcome: str, figures: Mapping[str, Any]) -> None:
        """Record how a run ended, with its figures."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE run SET outcome = ?, figures = ?, ended = ? WHERE id = ?",
                (outcome, json.dumps(dict(figures), default=str), _now(), run),
            )


def _run(row: Row) -> Run:
    """The run of a row of the table; of a damaged one, what can be read, and the damage."""
    number, job, outcome, settings, figures, started, ended = row
    run = Run(number, str(job), str(outcome or ""), {}, {}, str(started), ended and str(ended))
    try:
        return replace(run, settings=_object(settings), figures=_object(figures))
    except (TypeError, ValueError):
        return replace(run, figures={"error": "The record of this run is damaged."})


def _object(text: str) -> Mapping[str, Any]:
    """A JSON object.

    Raises:
        TypeError, ValueError: It is none.
    """
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError(f"{text!r} is no JSON object")
    return found


def _acquired(lock: FileLock) -> bool:
    """Take a lock; False where a job has it, or whoever reads the state of the runs."""
    try:
        lock.acquire(timeout=LOCK_PAUSE)
    except Timeout:
        return False
    return True


def _is_held(lock: Path) -> bool:
    """Whether a job, of this process or another, holds a lock.

    Jobs hold it exclusively. This takes it together with whoever else reads the state of the runs.
    """
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (OSError, ValueError):  # never taken; a damaged record names no file
        return False
    return False


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
