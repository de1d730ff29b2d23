"""The engines Daft and Ray; `make test-engines` runs these with both installed."""

import json
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from pyarrow import parquet

from encoder.variants import Variants
from ingest.distributed import plan
from tests.ingest.commands import begin, end, run_here

# Engine → a part of its workers' command lines.
WORKERS = {"daft": "daft.execution.udf_worker", "ray": "ray::MapWorker"}


@pytest.fixture(params=sorted(WORKERS))
def engine(request) -> str:
    pytest.importorskip(request.param, reason=f"{request.param} is not installed")
    return request.param


@pytest.fixture
def want(home, tmp_path, monkeypatch) -> Path:
    """A plan of all 24 vectors in 24 blocks."""
    monkeypatch.setattr(plan, "BLOCK", 1)
    shutil.rmtree(home / "vectors")
    run_here(home, "plan", "--out", tmp_path / "want")
    return tmp_path / "want"


def vectors(got: Path) -> dict[bytes, list[float]]:
    rows = [row for path in got.glob("block-*") for row in parquet.read_table(path).to_pylist()]
    return {row["hash"]: row["vector"] for row in rows}


def embed(home: Path, *words: object) -> dict:
    ended = end(begin(home, "embed", *words, "--json"))
    assert ended.status == 0, ended.stderr
    return json.loads(ended.stdout)


def test_an_engine_gives_the_vectors_of_the_local_one(home, want, tmp_path, engine):
    local, got = tmp_path / "local", tmp_path / "got"
    run_here(home, "embed", want, local)
    found = embed(home, want, got, "--engine", engine, "--workers", 2)
    assert found == {"blocks": 24, "rows": 24, "encoded": 24, "known": 0, "failed": {}}
    expected = vectors(local)
    assert vectors(got).keys() == expected.keys()
    for key, vector in vectors(got).items():
        assert np.abs(np.subtract(vector, expected[key])).max() < 1e-5


def test_two_workers_of_an_engine_killed_in_the_middle_lose_nothing(home, want, tmp_path, engine):
    got = tmp_path / "got"
    words = ("embed", want, got, "--engine", engine, "--workers", 2, "--json")
    process = begin(home, *words)
    while process.poll() is None and not list(got.glob("block-*")):
        time.sleep(0.01)
    for worker in workers_of(process, engine):
        worker.kill()
    whole = {path.name: path.stat().st_ino for path in got.glob("block-*")}
    ended = end(process)
    if engine == "daft" and ended.status:  # Ray starts a lost worker again
        assert "Daft ended before the last block" in ended.error
        assert "run the same command again" in ended.error
        ended = end(begin(home, *words))
    assert ended.status == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert (found["blocks"], found["encoded"] + found["known"], found["failed"]) == (24, 24, {})
    assert {name: (got / name).stat().st_ino for name in whole} == whole
    merged = run_here(home, "merge", got, "--json")
    assert json.loads(merged.stdout)["merged"] == 24


def test_a_worker_of_an_engine_with_another_variant_refuses(
    home, want, tmp_path, tiny_clip, engine
):
    Variants(home).add("tiny", tiny_clip, template="title", force=True)
    ended = end(begin(home, "embed", want, tmp_path / "got", "--engine", engine))
    assert ended.status == 1
    assert "the plan was made for" in ended.error
    assert not (tmp_path / "got").exists()


@pytest.mark.parametrize("name", sorted(WORKERS))
def test_an_engine_that_is_not_installed_is_named(home, want, tmp_path, monkeypatch, name):
    monkeypatch.setattr("ingest.distributed.engines.find_spec", lambda library: None)
    ended = run_here(home, "embed", want, tmp_path / "got", "--engine", name)
    assert f"The engine {name} is not installed" in ended.error


def test_rays_workers_leave_a_cpu_to_its_readers():
    pytest.importorskip("ray", reason="ray is not installed")
    from ingest.distributed.ray_engine import cores_each

    for cores in (1, 2, 3, 8, 64):
        for workers in (1, 2, 3, 8, 100):
            each = cores_each(cores, workers)
            assert 0 < each <= max(cores - 1, 0.5) / workers
            assert each < 1 or each == int(each)


def workers_of(process: subprocess.Popen, engine: str) -> list[psutil.Process]:
    """The processes of an engine that have an encoder, or will have one."""
    try:
        started = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    found = []
    for each in started:
        with suppress(psutil.Error):
            if WORKERS[engine] in " ".join(each.cmdline()):
                found.append(each)
    return found
