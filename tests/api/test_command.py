"""`vitrine serve` as people start and end it."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import Request, urlopen

import psutil
import pytest
from typer.testing import CliRunner

from api.__main__ import app
from api.settings import FETCH, ORIGINS, RATE
from events.settings import DAYS, ENABLED
from events.status import read_status
from pictures.public_addresses import PUBLIC_URL
from tests.app.page_server import reserved_port

ENDING = 120  # seconds for the server to begin and to end by itself


@contextmanager
def serve(home, *options):
    """A server that listens, and its address."""
    with reserved_port() as port:
        process = subprocess.Popen(
            [sys.executable, "-m", "vitrine", "serve", "--port", str(port), *options],
            env=os.environ | {"VITRINE_HOME": str(home)},
            stderr=subprocess.PIPE,
            text=True,
        )
        address = f"http://localhost:{port}"
        try:
            for _ in range(20 * ENDING):
                if process.poll() is not None or _listens(address):
                    break
                threading.Event().wait(0.05)
            yield process, address
        finally:
            process.kill()
            process.communicate()


def _listens(address):
    try:
        with urlopen(f"{address}/health/live", timeout=ENDING):
            return True
    except (URLError, ConnectionError):
        return False


def keep_settings(monkeypatch):
    """Undo, after the test, what the command writes into this process's environment."""
    for name in (PUBLIC_URL, FETCH, ORIGINS, RATE, ENABLED, DAYS):
        monkeypatch.delenv(name, raising=False)


def workers_of(process):
    """The processes of a server that answer requests."""
    children = psutil.Process(process.pid).children()
    return [each for each in children if "spawn_main" in " ".join(_words_of(each))]


def _words_of(process):
    """The command line of a process; of one that has just ended, none."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def search(address):
    body = json.dumps({"text": "teal kettle", "match": "words"}).encode()
    request = Request(f"{address}/v1/search", body, {"Content-Type": "application/json"})
    with urlopen(request, timeout=ENDING) as answer:
        return json.load(answer)["results"][0]["id"]


def test_a_server_answers_until_it_is_ended_and_keeps_its_port(home, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(home))
    keep_settings(monkeypatch)
    with serve(home) as (process, address):
        assert search(address) == "kettle-teal"
        refused = CliRunner().invoke(app, ["--port", address.rpartition(":")[2]])
        process.send_signal(signal.SIGTERM)
        _, written = process.communicate(timeout=ENDING)
    assert refused.exit_code == 1
    assert "(Address already in use): name another --port, or another --host." in refused.stderr
    assert f"The API is at {address}/v1" in written
    assert "Traceback" not in written
    assert process.returncode in (0, -signal.SIGTERM)


def test_several_processes_serve_count_and_keep_a_log_together_also_where_one_is_killed(home_copy):
    with serve(home_copy, "--workers", "2", "--events") as (process, address):
        assert {search(address) for _ in range(4)} == {"kettle-teal"}
        before = workers_of(process)
        killed = before.pop()
        killed.kill()
        assert {search(address) for _ in range(4)} == {"kettle-teal"}
        while len({*workers_of(process)} - {killed}) < 2:  # the supervisor starts another one
            assert process.poll() is None
            threading.Event().wait(0.05)
        with urlopen(f"{address}/metrics", timeout=ENDING) as answer:
            metrics = answer.read().decode()
        process.send_signal(signal.SIGINT)
        _, written = process.communicate(timeout=ENDING)
    assert len(re.findall(r" POST search 200 [\d.]+ ms \w{32}\n", written)) == 8
    assert 'route="search",status="200"} 8.0' in metrics
    assert read_status(home_copy).searches == 8


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--host", "192.0.2.1"], "Error: Other machines reach 192.0.2.1: set VITRINE_API_KEYS"),
        (["--public-url", "shop"], "Error: VITRINE_PUBLIC_URL is 'shop': set it to the API's"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(home, monkeypatch, options, sentence):
    monkeypatch.setenv("VITRINE_HOME", str(home))
    keep_settings(monkeypatch)
    ran = CliRunner().invoke(app, options)
    assert ran.exit_code == 1
    assert ran.stderr.startswith(sentence)
    assert len(ran.stderr.splitlines()) == 1


def test_host_and_port_may_come_from_the_environment(home, monkeypatch):
    keep_settings(monkeypatch)
    monkeypatch.setenv("VITRINE_HOME", str(home))
    monkeypatch.setenv("VITRINE_API_PORT", "70000")
    assert CliRunner().invoke(app, []).exit_code == 2
    monkeypatch.setenv("VITRINE_API_HOST", "192.0.2.1")
    monkeypatch.delenv("VITRINE_API_PORT")
    assert "Other machines reach 192.0.2.1" in CliRunner().invoke(app, []).stderr
