"""A job as a process of its own, as a user runs it: its time, its memory, what it stores."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.process_cost import own_mb

SAMPLING = 0.05  # seconds between two samples of memory: a shorter peak may be missed


@dataclass(frozen=True)
class Job:
    """One run of a job.

    Attributes:
        what: which.
        seconds: the process's whole time.
        cpu_seconds: of the process and those that it started, which other work on the machine
            changes less.
        own_mb: peak memory of the process, without mapped files.
        builder_mb: the same of the processes that it started: the collection's builder.
        encoded: vectors encoded; None for a job that encodes none.
        stored_bytes: of what the job fills, on disk afterwards; 0 for a job that fills nothing.
        first_ms: of a job that answers: milliseconds of its first answer.
        p50_ms, p99_ms: percentiles of those of the others.
        collection_mb: memory of the open collection, of a job that opens it: part of `own_mb`.
    """

    what: str
    seconds: float
    cpu_seconds: float
    own_mb: float
    builder_mb: float
    encoded: int | None = None
    stored_bytes: int = 0
    first_ms: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    collection_mb: float = 0


def run_job(what: str, command: Sequence[str], home: Path) -> Job:
    """Run `vitrine` to its end.

    Args:
        what: the job's name in tables.
        command: the words behind `vitrine`; with --json.
        home: VITRINE_HOME.

    Raises:
        RuntimeError: it failed; with what it wrote on stderr.
    """
    started, cpu_before = time.perf_counter(), _cpu_seconds()
    process = psutil.Popen(
        [sys.executable, "-m", "vitrine", *command],
        env={**os.environ, "VITRINE_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    own = builder = 0.0
    while process.returncode is None:
        try:
            result, messages = process.communicate(timeout=SAMPLING)
        except subprocess.TimeoutExpired:
            own = max(own, own_mb(process))
            builder = max(builder, sum(map(own_mb, process.children(recursive=True))))
    seconds = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(f"{what} failed: {messages.strip()}")
    encoded = json.loads(result).get("encoded")
    cpu = round(_cpu_seconds() - cpu_before, 1)
    return Job(what, round(seconds, 1), cpu, round(own), round(builder), encoded)


def _cpu_seconds() -> float:
    """Processor time of this process's children that have ended, and of theirs."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def size_of(path: Path) -> int:
    """Bytes on disk of a file, or of the files in a folder; a hard link counts once."""
    files = path.rglob("*") if path.is_dir() else path.parent.glob(f"{path.name}*")
    found = {each.stat().st_ino: each.stat() for each in files if each.is_file()}
    return sum(each.st_blocks * 512 for each in found.values())
