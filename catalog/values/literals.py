"""Lists and objects that a cell holds as text, in JSON or as Python's repr."""

import ast
import json

MAX_LITERAL = 2**16  # characters; Python's own literals come from CSV cells that pandas wrote
BRACKETS = (("[", "]"), ("{", "}"))


def parse_literal(value: object) -> object:
    """A list or an object that is written as text, in JSON or as Python repr; else `value`."""
    if not isinstance(value, str):
        return value
    written = value.strip()
    if (written[:1], written[-1:]) not in BRACKETS:
        return value
    try:
        return json.loads(written)
    except (ValueError, RecursionError):
        pass
    try:
        parsed = ast.literal_eval(written) if len(written) <= MAX_LITERAL else value
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return value
    return parsed if isinstance(parsed, list | dict) else value
