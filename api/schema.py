"""The OpenAPI document: descriptions from docstrings, and problems as the errors of every route."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.access import OPEN
from api.documented import read_fields, read_summary
from api.event_requests import MAX_EVENTS, EventRequest
from api.examples import EXAMPLES
from api.problems import (
    BUSY,
    FOREIGN_ORIGIN,
    INVALID,
    LOG_OFF,
    LOG_UNWRITABLE,
    MEDIA_TYPE,
    NOT_FOUND,
    TIMEOUT,
    TOO_LARGE,
    TOO_MANY,
    UNAUTHORIZED,
    UNREADABLE,
    UNREADY,
    WRONG_HOST,
    Kind,
    Problem,
)
from api.requests import MAX_WHERE, SearchRequest

TITLE = "Vitrine"
VERSION = "1"
DESCRIPTION = "Search a shop's products by words, a picture, or both."
REFERENCE = "#/components/schemas/{model}"

SEARCH_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": REFERENCE.format(model="SearchRequest")}},
            "multipart/form-data": {"schema": {"$ref": REFERENCE.format(model="SearchForm")}},
        },
    }
}

_EVENT = {"$ref": REFERENCE.format(model="EventRequest")}
EVENTS_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "anyOf": [
                        _EVENT,
                        {
                            "type": "array",
                            "items": _EVENT,
                            "minItems": 1,
                            "maxItems": MAX_EVENTS,
                        },
                    ]
                }
            }
        },
    }
}

KEYS = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
SECURITY: list[dict[str, list[str]]] = [{name: []} for name in KEYS]  # one of both

# Errors that any route may answer with, and those of some.
ERRORS = (UNAUTHORIZED, FOREIGN_ORIGIN, WRONG_HOST, INVALID, TOO_MANY, BUSY, UNREADY)
ERRORS_OF = {
    "/v1/search": (TIMEOUT, TOO_LARGE, UNREADABLE),
    "/v1/events": (LOG_OFF, LOG_UNWRITABLE, TIMEOUT, TOO_LARGE, UNREADABLE),
    "/v1/products": (NOT_FOUND,),
    "/v1/pictures": (NOT_FOUND,),
}


def set_schema(app: FastAPI, *, with_keys: bool) -> None:
    """Have an application answer with this module's document; it is made once."""

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = _make(app) | ({"security": SECURITY} if with_keys else {})
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's own way


def _make(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=TITLE, version=VERSION, description=DESCRIPTION, routes=app.routes)
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for model in (SearchRequest, EventRequest, Problem):
        schema = model.model_json_schema(ref_template=REFERENCE)
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
    for name, schema in schemas.items():
        schemas[name] = _described(schema)
        if name in EXAMPLES:
            schemas[name]["examples"] = [EXAMPLES[name]]
    schemas["SearchForm"] = _form(schemas["SearchRequest"])
    document["components"]["securitySchemes"] = KEYS
    for path, item in document["paths"].items():
        for operation in item.values():
            if path.startswith(OPEN):
                operation["security"] = []
            operation["responses"] = _with_problems(path, operation["responses"])
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return document


def _form(search: dict[str, Any]) -> dict[str, Any]:
    """The schema of a form: the fields of a JSON body, a file, and conditions as text."""
    written = {"type": "array", "items": {"type": "string"}, "maxItems": MAX_WHERE}
    changed = {
        "picture": {
            "type": "string",
            "format": "binary",
            "description": "The picture's file; with a text, both count.",
        },
        "where": written | {"description": "Conditions on attributes, as text."},
    }
    return {
        "type": "object",
        "title": "SearchForm",
        "description": "What to search for, with a picture as a file.",
        "properties": search["properties"] | changed,
        "additionalProperties": False,
    }


def _with_problems(path: str, responses: dict[str, Any]) -> dict[str, Any]:
    """The answers of a route, with problems among them."""
    if not path.startswith("/v1/"):
        responses.pop("422", None)
        return responses
    kinds = [*ERRORS]
    for prefix, more in ERRORS_OF.items():
        kinds += more if path.startswith(prefix) else ()
    by_status: dict[str, list[Kind]] = {}
    for kind in sorted(kinds, key=lambda kind: kind.status):
        by_status.setdefault(str(kind.status), []).append(kind)
    schema = {"$ref": REFERENCE.format(model="Problem")}
    return responses | {
        status: {
            "description": ", or: ".join(kind.title for kind in same),
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status, same in by_status.items()
    }


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema whose fields have the descriptions of its docstring, as those of dataclasses."""
    docstring = schema.get("description", "")
    properties = schema.get("properties", {})
    for name, description in read_fields(docstring).items():
        properties[name] = {**properties[name], "description": description}
    return {**schema, "description": read_summary(docstring)}
