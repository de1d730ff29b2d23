"""`vitrine serve` as people start and end it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.client import HTTPConnection
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


BODY = json.dumps({"text": "teal kettle", "match": "words"}).encode()
JSON = "application/json"


def search(address):
    request = Request(f"{address}/v1/search", BODY, {"Content-Type": JSON})
    with urlopen(request, timeout=ENDING) as answer:
        return first_of(answer)


def first_of(answer):
    return json.load(answer)["results"][0]["id"]


@contextmanager
def begun_search(address):
    """A search that the server waits for the body of; it has read the head."""
    connection = HTTPConnection(address.removeprefix("http://"), timeout=ENDING)
    head = {"Content-Type": JSON, "Content-Length": len(BODY), "Expect": "100-continue"}
    connection.request("POST", "/v1/search", headers=head)
    assert connection.sock.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
    yield connection
    connection.close()


def wait_until_refused(process, address):
    """Wait until no connection is accepted any more, while the server runs."""
    host, _, port = address.removeprefix("http://").partition(":")
    while process.poll() is None:
        try:
            socket.create_connection((host, int(port)), timeout=ENDING).close()
        except ConnectionError:
            break
    assert process.poll() is None


def end(process, address, begun):
    """End a server with SIGTERM while a search is under way. Returns what that one finds."""
    process.send_signal(signal.SIGTERM)
    wait_until_refused(process, address)
    process.send_signal(signal.SIGTERM)  # a second one changes nothing
    begun.sock.sendall(BODY)
    with begun.getresponse() as answer:
        return first_of(answer)


def test_a_server_keeps_its_port_and_answers_what_is_under_way_when_it_is_ended(home, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(home))
    keep_settings(monkeypatch)
    with serve(home) as (process, address), begun_search(address) as begun:
        assert search(address) == "kettle-teal"
        refused = CliRunner().invoke(app, ["--port", address.rpartition(":")[2]])
        assert end(process, address, begun) == "kettle-teal"
        _, written = process.communicate(timeout=ENDING)
    assert refused.exit_code == 1
    assert "(Address already in use): name another --port, or another --host." in refused.stderr
    assert f"The API is at {address}/v1" in written
    assert "Traceback" not in written
    assert process.returncode == 0


def test_a_second_ctrl_c_ends_a_server_at_once(home):
    with serve(home) as (process, address), begun_search(address):
        process.send_signal(signal.SIGINT)
        wait_until_refused(process, address)
        process.send_signal(signal.SIGINT)
        _, written = process.communicate(timeout=ENDING)
    assert process.returncode == 0
    assert "Traceback" not in written, written


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
        with begun_search(address) as begun:
            assert end(process, address, begun) == "kettle-teal"
        _, written = process.communicate(timeout=ENDING)
    assert len(re.findall(r" POST search 200 [\d.]+ ms \w{32}\n", written)) == 9
    assert 'route="search",status="200"} 8.0' in metrics
    assert read_status(home_copy).searches == 9
    assert process.returncode == 0


def test_processes_whose_supervisor_is_killed_end_too(home):
    with serve(home, "--workers", "2") as (process, _):
        workers = workers_of(process)
        process.kill()
        _, running = psutil.wait_procs(workers, timeout=ENDING)
    assert (len(workers), running) == (2, [])


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
