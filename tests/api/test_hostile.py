"""A real server under generated requests, valid and not, and under clients that go away."""

import json
import socket
from contextlib import ExitStack, suppress
from urllib.request import urlopen

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.api.test_schema import document

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]

# Answers to an address of more than 64 KiB, before the application is called.
UNPARSED = ("Invalid HTTP request received.", "The head of the request is too large.")


SCHEMA = schemathesis.openapi.from_dict(document())
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]
# Of a route without parameters and body no request is wrong.
CASES = [
    pytest.param(operation, mode, id=f"{operation.label} {mode.value}")
    for operation in OPERATIONS
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or list(operation.iter_parameters()) or operation.body
]


@pytest.mark.parametrize(("operation", "mode"), CASES)
def test_every_answer_is_as_the_document_says(address, operation, mode):
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=10,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def check(case):
        answer = case.call(base_url=address)
        if answer.text not in UNPARSED:
            case.validate_response(answer, checks=CHECKS)

    check()


@pytest.mark.parametrize(
    "sent",
    [
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 5000\r\n\r\n"
        b'--x\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\n\x89PNG',
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nff\r\n{",
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Le",
        b"GET /v1/search\x00 HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",  # TLS to a server without it
    ],
)
def test_a_client_that_goes_away_in_the_middle_harms_no_other(address, caplog, sent):
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(sent)
    with urlopen(f"{address}/health/live", timeout=120) as answer:
        assert answer.status == 200
    assert not [record for record in caplog.records if record.exc_info]


def connect(address):
    host, _, port = address.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=120)


def read_all(connection):
    """What the server sends until it closes the connection; a reset closes it, too."""
    received = b""
    with suppress(ConnectionError):
        while part := connection.recv(65_536):
            received += part
    return received


def head(*lines):
    return "\r\n".join(("POST /v1/search HTTP/1.1", "Host: localhost", *lines, "", "")).encode()


@pytest.mark.parametrize("sent", [b"", b"GET /health/live HTTP/1.1\r\nHost: local", b"\r\n"])
def test_a_connection_without_a_whole_head_is_closed_after_a_time(address, monkeypatch, sent):
    monkeypatch.setattr("api.connections.HEAD_SECONDS", 0.05)
    with connect(address) as connection:
        connection.sendall(sent)
        assert read_all(connection) == b""


def test_a_second_head_on_a_connection_is_awaited_no_longer_than_the_first(address, monkeypatch):
    monkeypatch.setattr("api.connections.HEAD_SECONDS", 0.05)
    with connect(address) as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\nGET /health")
        assert read_all(connection).count(b"HTTP/1.1 200 OK") == 1


def test_an_endless_head_is_refused(address):
    with connect(address) as connection:
        with suppress(ConnectionError):
            connection.sendall(head()[:-2] + b"X-Long: " + b"a" * 2**20)
        assert b"400 Bad Request" in read_all(connection)


def test_a_body_without_an_end_is_refused_at_the_limit(address):
    chunk = b"100000\r\n" + bytes(2**20) + b"\r\n"
    with connect(address) as connection:
        connection.sendall(head("Content-Type: application/json", "Transfer-Encoding: chunked"))
        sent = 0
        with suppress(ConnectionError):
            while sent < 1024:
                connection.sendall(chunk)
                sent += 1
        answer = read_all(connection)
    assert sent < 100
    assert not answer or b"413" in answer.partition(b"\r\n")[0]


def test_an_announced_gigabyte_is_refused_before_it_is_sent(address):
    with connect(address) as connection:
        connection.sendall(head("Content-Type: application/json", f"Content-Length: {2**30}"))
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    "body",
    [
        '{"where": ' + "[" * 100_000,
        '{"where": {"a": ' + '{"not": ' * 5_000 + "1" + "}" * 5_002,
        '{"text": "\\ud800"}',
        '{"text": 1e999}',
        '{"text": "a", "text": ["b"]}',
        "null",
    ],
)
def test_json_that_is_no_search_is_a_problem_of_the_request(client, body):
    answer = client.post("/v1/search", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_form_with_two_pictures_or_two_texts_is_refused(client):
    picture = ("picture", ("a.png", b"x", "image/png"))
    twice = client.post("/v1/search", files=[picture, picture])
    assert (twice.status_code, "Too many files" in twice.json()["detail"]) == (422, True)
    texts = [("text", (None, "red")), ("text", (None, "blue"))]
    answer = client.post("/v1/search", files=[*texts, ("brands", (None, "A"))])
    assert answer.json()["detail"] == "The form has the field “text” twice."


def test_a_client_of_http_1_0_is_answered_and_its_connection_closed(address):
    with connect(address) as connection:
        connection.sendall(b"GET /health/live HTTP/1.0\r\nHost: localhost\r\n\r\n")
        answer = read_all(connection)
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"status": "ok"}


def test_hundreds_of_idle_connections_keep_no_other_client_waiting(address):
    with ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(connect(address))
        with urlopen(f"{address}/v1/variants", timeout=120) as answer:
            assert answer.status == 200
