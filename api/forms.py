"""Requests as forms: the fields of a JSON body, and a picture as a file."""

from dataclasses import dataclass
from typing import Any, get_origin

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.problems import INVALID, UNREADABLE, ProblemError
from api.requests import SearchRequest

JSON = "application/json"
MULTIPART = "multipart/form-data"
MAX_FIELDS = 200
MAX_FIELD = 64 * 2**10  # bytes of a field that is no file

# Fields that may be given several times.
_LISTS = {
    name
    for name, field in SearchRequest.model_fields.items()
    if get_origin(field.annotation) is tuple or name == "where"
}


@dataclass(frozen=True, slots=True)
class SearchForm:
    """A request for a search.

    Attributes:
        search: what to search for.
        upload: the bytes of the picture's file; empty where there is none.
    """

    search: SearchRequest
    upload: bytes = b""


async def read_search(request: Request) -> SearchForm:
    """The request of a JSON body or of a form.

    Raises:
        ProblemError: the body is of neither type, or is cut off.
        RequestValidationError: it does not have the form that is described.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == JSON:
            return SearchForm(SearchRequest.model_validate_json(await request.body()))
        if kind == MULTIPART:
            return await _read_form(request)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_input=False)) from None
    except ClientDisconnect:
        raise ProblemError(INVALID, "The body was cut off.") from None
    raise ProblemError(UNREADABLE, f"A search is sent as {JSON}, or with a picture as {MULTIPART}.")


async def _read_form(request: Request) -> SearchForm:
    body = (await request.body()).rstrip()
    if not body.endswith(b"--"):  # which closes a form
        raise ProblemError(INVALID, "The form is cut off, or is none.")
    try:
        async with request.form(
            max_files=1, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD
        ) as form:
            upload = form.get("picture")
            data = await upload.read() if isinstance(upload, UploadFile) else b""
            search = SearchRequest.model_validate(_fields(form))
            return SearchForm(search, data)
    except HTTPException as error:  # of Starlette's parser, within an application
        raise ProblemError(INVALID, f"The form cannot be read: {error.detail}") from None


def _fields(form: FormData) -> dict[str, Any]:
    """The fields that are no files; one that is empty counts as left out."""
    fields: dict[str, Any] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile) or not value:
            continue
        if name in _LISTS:
            fields.setdefault(name, []).append(value)
        elif name in fields:
            raise ProblemError(INVALID, f"The form has the field “{name}” twice.")
        else:
            fields[name] = value
    return fields
