"""The OpenAPI document: what clients rely on under /v1 stays.

After a change that is meant, `python -m tests.api.test_schema` writes the contract anew.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api import answers, problems
from api.application import make_application
from api.examples import EXAMPLES
from api.settings import Settings

CONTRACT = Path(__file__).with_name("contract_v1.txt")


def document() -> dict[str, Any]:
    return make_application(None, Settings()).openapi()


def type_of(schema: dict[str, Any]) -> str:
    """A schema in a few words: types, references, and the values of an enumeration."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(type_of(each) for each in schema["anyOf"])
    if "enum" in schema:
        return "one of " + json.dumps(schema["enum"])
    if schema.get("type") == "array":
        return f"array of {type_of(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {type_of(schema['additionalProperties'])}"
    return schema.get("format") or schema.get("type", "any")


def contract() -> Iterator[str]:
    """One line for each parameter, answer and field."""
    made = document()
    for path, item in made["paths"].items():
        for method, operation in item.items():
            route = f"{method.upper()} {path}"
            for each in operation.get("parameters", ()):
                needed = "needed" if each["required"] else "optional"
                yield f"{route} {each['in']} {each['name']}: {type_of(each['schema'])}, {needed}"
            for kind, body in operation.get("requestBody", {}).get("content", {}).items():
                yield f"{route} takes {kind}: {type_of(body['schema'])}"
            for status, answer in operation["responses"].items():
                for kind, body in answer.get("content", {"nothing": {"schema": {}}}).items():
                    yield f"{route} {status} {kind}: {type_of(body['schema'])}"
    for name, schema in made["components"]["schemas"].items():
        for field, described in schema["properties"].items():
            needed = "always" if field in schema.get("required", ()) else "optional"
            yield f"{name}.{field}: {type_of(described)}, {needed}"


def test_what_clients_rely_on_is_as_it_was():
    assert sorted(contract()) == sorted(CONTRACT.read_text().splitlines())


def test_every_field_and_parameter_has_a_description():
    made = document()
    fields = [
        f"{name}.{field}"
        for name, schema in made["components"]["schemas"].items()
        for field, described in schema["properties"].items()
        if not described.get("description") and name != "Condition"  # whose names say all
    ]
    parameters = [
        f"{path} {each['name']}"
        for path, item in made["paths"].items()
        for operation in item.values()
        for each in operation.get("parameters", ())
        if not each.get("description")
    ]
    assert fields + parameters == []
    assert "Attributes:" not in json.dumps(made)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_an_answer(name):
    model = getattr(answers, name, None) or getattr(problems, name)
    model.model_validate(EXAMPLES[name])
    assert document()["components"]["schemas"][name]["examples"]


def test_every_answer_has_an_example():
    made = document()
    bare = [
        f"{method} {path} {status}"
        for path, item in made["paths"].items()
        for method, operation in item.items()
        for status, answer in operation["responses"].items()
        for kind, body in answer.get("content", {}).items()
        if "json" in kind and type_of(body["schema"]) not in EXAMPLES
    ]
    assert bare == []


if __name__ == "__main__":
    CONTRACT.write_text("\n".join(contract()) + "\n")
