"""A real server under generated requests, valid and not, and under clients that go away."""

import socket
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

# Uvicorn's own answer to an address of more than 64 KiB, before the application is called.
UNPARSED = "Invalid HTTP request received."


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
        if answer.text != UNPARSED:
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
