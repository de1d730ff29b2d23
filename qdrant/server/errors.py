"""What a Qdrant server's failures mean: one table of error, sentence and whether to retry.

The server's words come with the status; those used here are Qdrant's (`src/common/auth`,
`lib/storage/src/rbac`, `src/actix/helpers.rs` of version 1.20).
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc
import httpx
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import (
    ApiException,
    ResponseHandlingException,
    UnexpectedResponse,
)

from qdrant.errors import (
    AlreadyExists,
    DiskFull,
    EngineError,
    Forbidden,
    NotFound,
    RequestTooLarge,
    StoreError,
)

# What a call of the client may raise. ValueError: an answer is not JSON, or the client's local
# mode, which tests use, has no such collection.
EXCEPTIONS = (ApiException, QdrantException, ValueError, grpc.RpcError)
# The HTTP status of each of gRPC's that has one; others count as errors of the server.
GRPC_STATUSES = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.OUT_OF_RANGE: 413,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}


@dataclass(frozen=True)
class Server:
    """A server, or one node of a cluster.

    Attributes:
        address: its URL, without a password.
        url: the same as it was set, for another node that reads from it.
        key: the API key that is sent; empty for none.
    """

    address: str = "QDRANT_URL"
    url: str = field(default="", repr=False)
    key: str = field(default="", repr=False)


@dataclass(frozen=True)
class Failure:
    """One kind of failure.

    Attributes:
        on: HTTP statuses or exceptions.
        sentence: of the error, with `{address}`, `{status}`, the server's `{words}`, and `{reply}`:
            status and words.
        error: what is raised.
        retry: whether the same call may succeed later.
        words: a pattern in the server's words, in any case.
        when: what else must hold.
    """

    on: tuple[int | type[Exception], ...]
    sentence: str
    error: type[StoreError] = EngineError
    retry: bool = False
    words: str = ""
    when: Callable[[Server], bool] = lambda server: True


_ANSWERS = "The Qdrant server at {address} answers: {words}."
_DISK_FULL = (
    "The disk of the Qdrant server at {address} is full; free some space there, then run this "
    "again: what was published is untouched."
)
_BUSY = "The Qdrant server at {address} is too busy to answer ({reply}); try again later."
_TOO_LARGE = (
    "The Qdrant server at {address}, or a proxy before it, refuses a request of that size "
    "({reply}); raise the proxy's limit (client_max_body_size of nginx), or the server's "
    "(max_request_size_mb)."
)
_UNREADABLE = "The Qdrant server at {address} gave an answer that the client cannot read: {words}."

# The first that fits.
FAILURES = (
    Failure(
        (401,),
        "The Qdrant server at {address} rejects the key of QDRANT_API_KEY; set it to one of the "
        "server's.",
        when=lambda server: bool(server.key),
    ),
    Failure((401,), "The Qdrant server at {address} requires an API key; set QDRANT_API_KEY."),
    Failure(
        (403,),
        "The key of QDRANT_API_KEY may only read at {address}; building, rolling back and "
        "dropping need one that may write.",
        Forbidden,
        words="(manage|write) access",
    ),
    Failure((403,), "The Qdrant server at {address} forbids this: {words}.", Forbidden),
    Failure((404,), _ANSWERS, NotFound, words="^Not found: "),
    Failure(
        (404,),
        "What answers at {address} is not a Qdrant server, or has one at another path ({words}); "
        "set QDRANT_URL to the server's REST address with its path.",
    ),
    Failure((413,), _TOO_LARGE, RequestTooLarge),
    Failure((UnexpectedResponse,), _TOO_LARGE, RequestTooLarge, words="larger than allowed"),
    Failure((400, 409), _ANSWERS, AlreadyExists, words="already exists"),
    Failure((507,), _DISK_FULL, DiskFull),
    Failure(
        (UnexpectedResponse,),
        _DISK_FULL,
        DiskFull,
        words="no space left|not enough space|os error 28|insufficient storage|disk .*full",
    ),
    Failure(
        (UnexpectedResponse,),
        "The server at {address} requires TLS; write https:// in QDRANT_URL.",
        words="plain HTTP request was sent to HTTPS port|requires TLS",
    ),
    Failure(
        (503,),
        "No Qdrant server answers by gRPC at the host of {address} ({words}); set QDRANT_GRPC_PORT "
        "to its port, or leave it out to send points over REST.",
        retry=True,
        words="failed to connect to all addresses",
    ),
    # Time-out, rate limit, bad gateway, shard not available, gateway time-out: the server is busy
    # or starting, or a proxy before it.
    Failure((408, 429, 502, 503, 504, ResourceExhaustedResponse), _BUSY, retry=True),
    Failure(
        (UnexpectedResponse,),
        "The collection on {address} has vectors of another length ({words}); build it anew with "
        "`vitrine ingest vectors --recreate`.",
        words="dimension",
    ),
    Failure(
        (400, 422),
        "The Qdrant server at {address} cannot store vectors like this ({words}); update it, or "
        "choose another form with `vitrine ingest vectors --storage int8`.",
        words="turbo|datatype|quantization",
    ),
    Failure((UnexpectedResponse,), "The Qdrant server at {address} refused ({status}): {words}."),
    Failure((QdrantException,), _UNREADABLE, retry=True),  # a Retry-After that is not a number
    Failure(
        (httpx.TransportError,),
        "The certificate of {address} is not trusted ({words}); write its host name into "
        "QDRANT_URL, or name its authority's file in SSL_CERT_FILE.",
        words="CERTIFICATE_VERIFY_FAILED",
    ),
    Failure(
        (httpx.TransportError,),
        "The server at {address} does not speak TLS; write http:// in QDRANT_URL.",
        words=r"\[SSL",
    ),
    Failure(
        (httpx.TimeoutException,),
        "The Qdrant server at {address} did not answer in time; it may be starting, overloaded, or "
        "behind a firewall.",
        retry=True,
    ),
    Failure(
        (httpx.ConnectError,),
        "No Qdrant server answers at {address} ({words}); start it with `docker compose up -d "
        "qdrant`, or set QDRANT_URL to where it is.",
        retry=True,
    ),
    Failure((httpx.UnsupportedProtocol,), "{address} is not an address of a server ({words})."),
    Failure(
        (httpx.TransportError,),
        "The server at {address} closed the connection ({words}); if it requires TLS, write "
        "https:// in QDRANT_URL.",
        retry=True,
        when=lambda server: server.address.startswith("http://"),
    ),
    Failure(
        (httpx.TransportError,),
        "The server at {address} closed the connection ({words}).",
        retry=True,
    ),
    Failure(
        (json.JSONDecodeError,),
        "What answers at {address} is not a Qdrant server: its answer is not JSON; set QDRANT_URL "
        "to the server's REST address.",
    ),
    Failure((ValueError,), "{words}.", NotFound, words=r"Collection \S+ not found"),
    Failure((ValueError,), "{words}.", AlreadyExists, words="already exists"),
    Failure((Exception,), _UNREADABLE),
)


def store_error(error: Exception, server: Server) -> StoreError:
    """Return the store's error for a failed call."""
    cause = _cause(error)
    failure = _failure(cause, server)
    status, words = _status(cause), _words(cause)
    reply = ", ".join(str(part) for part in (status, words) if part)
    return failure.error(
        failure.sentence.format(address=server.address, words=words, status=status, reply=reply)
    )


def retry_after(error: Exception, *, answered: bool) -> float | None:
    """Return how many seconds the server requests to wait, 0 when it gives no number.

    None when a retry cannot help. A server that never answered is most likely not there, so a lost
    connection is retried only after it has.

    Args:
        error: what the call raised.
        answered: whether the server has answered any call before.
    """
    cause = _cause(error)
    if not _failure(cause, Server()).retry:
        return None
    if isinstance(cause, httpx.TransportError):
        return 0.0 if answered else None
    if isinstance(cause, ResourceExhaustedResponse):
        return float(cause.retry_after_s)
    headers = cause.headers if isinstance(cause, UnexpectedResponse) else {}
    seconds = headers.get("Retry-After", "")
    return float(seconds) if seconds.isdigit() else 0.0


def _failure(cause: Exception, server: Server) -> Failure:
    words, status = _words(cause), _status(cause)
    return next(
        failure
        for failure in FAILURES
        if any(status == on if isinstance(on, int) else isinstance(cause, on) for on in failure.on)
        and re.search(failure.words, words, re.IGNORECASE)
        and failure.when(server)
    )


def _cause(error: Exception) -> Exception:
    if isinstance(error, grpc.Call):  # every error of a call over gRPC is one
        status = GRPC_STATUSES.get(error.code(), 500)
        words = json.dumps({"status": {"error": error.details() or ""}}).encode()
        return UnexpectedResponse(status, error.code().name, words, httpx.Headers())
    return error.source if isinstance(error, ResponseHandlingException) else error


def _status(cause: Exception) -> int | None:
    return cause.status_code if isinstance(cause, UnexpectedResponse) else None


def _words(cause: Exception) -> str:
    """Return the server's own words: `{"status": {"error": …}}`, or a proxy's page, in one line."""
    text = str(cause)
    if isinstance(cause, UnexpectedResponse):
        text = cause.content.decode("utf-8", "replace")
        try:
            text = str(json.loads(text)["status"]["error"])
        except (ValueError, KeyError, TypeError):
            text = re.sub(r"<[^>]*>", " ", text)
        if not text.strip():
            text = f"{cause.status_code} {cause.reason_phrase} without a text"
    return " ".join(text.split()).rstrip(".")[:300]
