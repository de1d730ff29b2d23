"""Models whose fields have the descriptions of the class's docstring."""

import inspect
import re
from typing import Any

from pydantic import BaseModel

SECTION = "Attributes:"
# A field of a Google style docstring: its names, and what follows after the colon.
FIELD = re.compile(r"(\w+(?:, \w+)*): (.+)")


class Documented(BaseModel):
    """A model that is described once, in its docstring."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:  # noqa: ANN401 - pydantic's own
        """Give the fields their descriptions."""
        for name, description in read_fields(cls.__doc__ or "").items():
            cls.model_fields[name].description = description
        cls.model_rebuild(force=True)


def read_summary(docstring: str) -> str:
    """What comes before the fields, as one line."""
    return " ".join(docstring.partition(SECTION)[0].split())


def read_fields(docstring: str) -> dict[str, str]:
    """The descriptions of a docstring's fields, by name; what is indented further continues one."""
    described: list[tuple[str, str]] = []
    section = inspect.cleandoc(docstring.partition(SECTION)[2])
    for line in section.splitlines():
        if field := FIELD.fullmatch(line):
            described.append((field[1], field[2]))
        elif described and line.startswith(" "):
            names, description = described[-1]
            described[-1] = (names, f"{description} {line.strip()}")
    return {name: description for names, description in described for name in names.split(", ")}
