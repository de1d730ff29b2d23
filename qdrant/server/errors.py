"""What a Qdrant server's failures mean: worth another try, or a sentence for a person.

The server's own words come with the status; those used here are Qdrant's (`src/common/auth`,
`lib/storage/src/rbac`, `src/actix/helpers.rs` of version 1.20).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import httpx
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import (
    ApiException,
    ResponseHandlingException,
    UnexpectedResponse,
)

from qdrant.errors import (
    AccessRefused,
    AlreadyThere,
    DiskFull,
    EngineError,
    NotThere,
    SpecMismatch,
    StoreError,
    Unreachable,
)

# What a call through the client may fail with. It says by ValueError that an answer is no JSON,
# and its local mode, which tests use, that there is no such collection.
FAILURES = (ApiException, QdrantException, ValueError)
# Busy, starting, or a proxy before a server that is: time-out, rate limit, bad gateway, shard not
# available, gateway time-out.
PASSING = frozenset({408, 429, 502, 503, 504})
_DISK = re.compile(r"no space left|not enough space|os error 28|insufficient storage|disk .*full")
_LOCAL_MISSING = re.compile(r"Collection \S+ not found")
_EXISTS = re.compile(r"already exists")
_TLS_WANTED = re.compile(r"plain HTTP request was sent to HTTPS port|requires TLS", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """Where the server is, for sentences.

    Attributes:
        address: its URL.
        has_key: whether an API key is sent.
    """

    address: str = "QDRANT_URL"
    has_key: bool = False


def patience_asked(error: Exception, *, answered: bool) -> float | None:
    """Return how many seconds the server asks to wait, 0 when it names none.

    None when trying again cannot help. A server that never answered is most likely not there, so
    only one that has is worth waiting for when nothing is heard of it.

    Args:
        error: what the call failed with.
        answered: whether the server has answered any call before.
    """
    if isinstance(error, ResourceExhaustedResponse):
        return float(error.retry_after_s)
    if isinstance(error, QdrantException):  # a Retry-After that is no number of seconds
        return 0.0
    if isinstance(error, UnexpectedResponse):
        if error.status_code not in PASSING:
            return None
        asked = error.headers.get("Retry-After", "")
        return float(asked) if asked.isdigit() else 0.0
    if isinstance(error, ResponseHandlingException) and answered:
        lost = isinstance(error.source, httpx.TransportError)
        return 0.0 if lost and not _is_tls(error.source) else None
    return None


def sentence(error: Exception, place: Place) -> StoreError:
    """Return what a person should read about a failed call, as the store's own error."""
    match error:
        case UnexpectedResponse():
            return _of_status(error.status_code or 0, _words(error.content), place)
        case ResourceExhaustedResponse():
            return _busy(str(error), place)
        case ResponseHandlingException(source=httpx.TransportError() as source):
            return _of_transport(source, place)
        case json.JSONDecodeError():
            return EngineError(
                f"What answers at {place.address} is not a Qdrant server: its answer is not JSON; "
                "set QDRANT_URL to the server's REST address."
            )
        case ValueError() if _LOCAL_MISSING.search(str(error)):
            return NotThere(f"{error}.")
        case ValueError() if _EXISTS.search(str(error)):
            return AlreadyThere(f"{error}.")
    return EngineError(
        f"The Qdrant server at {place.address} gave an answer that the client cannot read: "
        f"{_one_line(str(getattr(error, 'source', error)))}."
    )


def _of_status(status: int, words: str, place: Place) -> StoreError:
    told = words.lower()
    if status == 401:
        if place.has_key:
            return AccessRefused(
                f"The Qdrant server at {place.address} does not know the key of QDRANT_API_KEY; "
                "set it to one of the server's."
            )
        return AccessRefused(
            f"The Qdrant server at {place.address} wants an API key; set QDRANT_API_KEY."
        )
    if status == 403:
        if "manage access" in told or "write access" in told:
            return AccessRefused(
                f"The key of QDRANT_API_KEY may only read at {place.address}; building, rolling "
                "back and dropping want the one that may write."
            )
        return AccessRefused(f"The Qdrant server at {place.address} forbids this: {words}.")
    if status == 404:
        return NotThere(f"The Qdrant server at {place.address} answers: {words}.")
    if status in (400, 409) and _EXISTS.search(told):
        return AlreadyThere(f"The Qdrant server at {place.address} answers: {words}.")
    if status == 507 or _DISK.search(told):
        return DiskFull(
            f"The disk of the Qdrant server at {place.address} is full; free some space there, "
            "then run this again: what was published is untouched."
        )
    if _TLS_WANTED.search(words):
        return _wants_tls(place)
    if status in PASSING:
        return _busy(f"{status}, {words}" if words else str(status), place)
    if "dimension" in told:
        return SpecMismatch(
            f"The collection on {place.address} has vectors of another length ({words}); build it "
            "anew with `vitrine ingest vectors --recreate`."
        )
    return EngineError(f"The Qdrant server at {place.address} refused ({status}): {words}.")


def _of_transport(error: httpx.TransportError, place: Place) -> StoreError:
    words = _one_line(str(error))
    if "CERTIFICATE_VERIFY_FAILED" in words:
        return EngineError(
            f"The certificate of {place.address} is not to be trusted ({words}); write the name "
            "that it bears into QDRANT_URL, or name its authority's file in SSL_CERT_FILE."
        )
    if _is_tls(error):
        return EngineError(
            f"The server at {place.address} does not speak TLS; write http:// in QDRANT_URL."
        )
    if isinstance(error, httpx.TimeoutException):
        return Unreachable(
            f"The Qdrant server at {place.address} did not answer in time; it may be starting, "
            "overloaded, or behind a firewall."
        )
    if isinstance(error, httpx.ConnectError):
        return Unreachable(
            f"No Qdrant server answers at {place.address} ({words}); start it with `docker "
            "compose up -d qdrant`, or set QDRANT_URL to where it is."
        )
    if isinstance(error, httpx.UnsupportedProtocol):
        return EngineError(f"{place.address} is not an address of a server ({words}).")
    if place.address.startswith("http://"):
        return Unreachable(
            f"The server at {place.address} broke the connection off ({words}); if it wants TLS, "
            "write https:// in QDRANT_URL."
        )
    return Unreachable(f"The server at {place.address} broke the connection off ({words}).")


def _wants_tls(place: Place) -> StoreError:
    return EngineError(f"The server at {place.address} wants TLS; write https:// in QDRANT_URL.")


def _busy(words: str, place: Place) -> StoreError:
    return Unreachable(
        f"The Qdrant server at {place.address} is too busy to answer ({_one_line(words)}); try "
        "again later."
    )


def _is_tls(error: Exception) -> bool:
    return "[SSL" in str(error)


def _words(content: bytes) -> str:
    """Return the server's own words: `{"status": {"error": …}}`, or a proxy's page."""
    text = content.decode("utf-8", "replace")
    try:
        text = json.loads(text)["status"]["error"]
    except (ValueError, KeyError, TypeError):
        text = re.sub(r"<[^>]*>", " ", text)
    return _one_line(str(text))


def _one_line(words: str) -> str:
    return " ".join(words.split()).rstrip(".")[:300]
