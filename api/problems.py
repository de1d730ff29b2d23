"""Errors as problem details (RFC 9457): one sentence with the remedy, and never a path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api import metrics
from api.documented import Documented
from events import EventsError
from pictures.errors import PictureError
from pictures.limit import Busy
from search.query import QueryError
from search.redaction import redact_error
from vitrine import VitrineError
from vitrine.text import printable

MEDIA_TYPE = "application/problem+json"
LONGEST = 500  # characters of a sentence, which may quote what a client sent
RETRY_SECONDS = 1  # what waits is answered within some seconds
UNREADY_SECONDS = 30  # a job is needed, or is running


class FieldProblem(Documented):
    """What is wrong with one field.

    Attributes:
        field: its name; names within it follow after a dot.
        problem: what is wrong with it.
    """

    field: str
    problem: str


class Problem(Documented):
    """An error.

    Attributes:
        type: which kind of error it is.
        title: the kind in words; the same for every error of the kind.
        status: the HTTP status.
        detail: what happened, and the remedy.
        request_id: names the request in the server's log.
        errors: the fields at fault, where the request does not have the form that is described.
    """

    type: str
    title: str
    status: int
    detail: str
    request_id: str = ""
    errors: tuple[FieldProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of error.

    Attributes:
        name: ends the problem's type.
        status: of HTTP.
        title: in words.
    """

    name: str
    status: int
    title: str


INVALID = Kind("invalid-request", 422, "The request is not valid")
UNAUTHORIZED = Kind("key-missing", 401, "A valid API key is needed")
NOT_FOUND = Kind("not-found", 404, "There is no such thing")
TOO_LARGE = Kind("too-large", 413, "The request is too large")
UNREADABLE = Kind("unsupported-media-type", 415, "The body is of another type")
TOO_MANY = Kind("rate-limit", 429, "Too many requests with this key")
INTERNAL = Kind("internal-error", 500, "The server failed")
BUSY = Kind("busy", 503, "The server is busy")
UNREADY = Kind("not-ready", 503, "The shop cannot be searched")
TIMEOUT = Kind("timeout", 408, "The request took too long to arrive")
LOG_OFF = Kind("log-off", 403, "The server keeps no events")
LOG_UNWRITABLE = Kind("log-unwritable", 503, "The log of events cannot be written")
FOREIGN_ORIGIN = Kind("foreign-origin", 403, "A page of another origin sent the request")
WRONG_HOST = Kind("wrong-host", 421, "The request is meant for another host")

DETAILS = {
    400: "The request cannot be read: check how it is written.",
    404: "There is nothing at this address. /openapi.json lists what there is.",
    405: "This address does not take that method. /openapi.json lists those that it takes.",
}


class ProblemError(Exception):
    """Ends a request with a problem.

    Args:
        kind: of the error.
        detail: one sentence with the remedy.
        headers: of the answer.
    """

    def __init__(self, kind: Kind, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.headers = headers


def respond(
    request_id: str,
    kind: Kind,
    detail: str,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[FieldProblem] = (),
) -> Response:
    """The answer to a request that failed."""
    problem = Problem(
        type=f"urn:vitrine:{kind.name}",
        title=kind.title,
        status=kind.status,
        detail=shorten(detail),
        request_id=request_id,
        errors=tuple(errors),
    )
    body = problem.model_dump_json(exclude=None if errors else {"errors"})
    return Response(body, kind.status, headers, MEDIA_TYPE)


def shorten(sentence: str) -> str:
    """A sentence that can be shown, of a bounded length."""
    sentence = printable(sentence)
    return sentence if len(sentence) <= LONGEST else sentence[: LONGEST - 1] + "…"


def add_handlers(app: FastAPI) -> None:
    """Have every error of an application answered as a problem."""
    app.add_exception_handler(ProblemError, _problem)  # type: ignore[arg-type] # its own class
    app.add_exception_handler(VitrineError, _vitrine)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _invalid)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, _http)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, _unexpected)


async def _problem(request: Request, error: ProblemError) -> Response:
    return respond(id_of(request), error.kind, error.detail, error.headers)


async def _vitrine(request: Request, error: VitrineError) -> Response:
    detail = redact_error(error)
    if isinstance(error, Busy):
        metrics.REFUSED.labels("busy").inc()
        return respond(id_of(request), BUSY, detail, {"Retry-After": str(RETRY_SECONDS)})
    if isinstance(error, EventsError):
        return respond(
            id_of(request), LOG_UNWRITABLE, detail, {"Retry-After": str(UNREADY_SECONDS)}
        )
    if isinstance(error, QueryError | PictureError):
        return respond(id_of(request), INVALID, detail)
    return respond(id_of(request), UNREADY, detail, {"Retry-After": str(UNREADY_SECONDS)})


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    errors = field_problems(error.errors())
    first = errors[0]
    detail = f"{first.field}: {first.problem}" if first.field else first.problem
    return respond(id_of(request), INVALID, f"{detail}.", errors=errors)


def field_problems(errors: Sequence[ErrorDetails]) -> list[FieldProblem]:
    """What pydantic found, without the values that a client sent."""
    return [
        FieldProblem(
            field=shorten(".".join(str(each) for each in error["loc"] if each not in PLACES)),
            problem=shorten(error["msg"].removeprefix("Value error, ").rstrip(".")),
        )
        for error in errors[:20]
    ]


PLACES = ("body", "query", "path", "header")  # where FastAPI found a field


async def _http(request: Request, error: HTTPException) -> Response:
    """An error of the framework's own, such as an address that there is not."""
    status = HTTPStatus(error.status_code)
    kind = Kind(status.phrase.lower().replace(" ", "-"), status, status.phrase)
    detail = DETAILS.get(status, f"{status.phrase}.")
    return respond(id_of(request), kind, detail, error.headers)


async def _unexpected(request: Request, error: Exception) -> Response:
    """The last resort; the server's log has the traceback."""
    kind = type(error).__name__
    detail = f"An unexpected {kind} ended the request; the server’s log has the details."
    return respond(id_of(request), INTERNAL, detail, {"X-Request-Id": id_of(request)})


def id_of(request: Request) -> str:
    """The request's id; empty outside of the observer."""
    return getattr(request.state, "request_id", "")
