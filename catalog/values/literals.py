"""Lists and objects that a cell holds as text: JSON, Python's repr, Ruby's inspect."""

import ast
import json
import re

MAX_LITERAL = 2**16  # characters; Python's own literals come from CSV cells that pandas wrote
RUBY_PAIR = re.compile(r'"\s*=>\s*(nil\b)?')
BRACKETS = (("[", "]"), ("{", "}"))


def parse_literal(value: object) -> object:
    """A list or an object that is written as text, in JSON, Python or Ruby; else `value`."""
    if not isinstance(value, str):
        return value
    written = value.strip()
    if (written[:1], written[-1:]) not in BRACKETS:
        return value
    if '"=>' in written:  # {"key"=>"value"}, as in Flipkart's exports
        written = RUBY_PAIR.sub(lambda found: '": null' if found[1] else '": ', written)
    try:
        return json.loads(written)
    except (ValueError, RecursionError):
        pass
    try:
        parsed = ast.literal_eval(written) if len(written) <= MAX_LITERAL else value
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return value
    return parsed if isinstance(parsed, list | dict) else value
