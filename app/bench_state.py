"""The workbench's state, shared by its pages, and the address bar's query parameters.

Parameters: `q`, `picture`, `upload` and `crop` are the query, as on the search page; `queries`, a
file, and `query`, an id in it, are one in their place; `column` (repeatable, as `eval.columns`
writes it) says what searches; `depth`, how many results count; `judge`, who judges, and `seed`, in
which order; `vector` and `colour`, what is projected.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from app.state import PART, PICTURE, Parameters, read_crop
from eval import EvalError
from eval.columns import MOST, read_system
from eval.settings import System

DEFAULT_DEPTH = 10
MAX_DEPTH = 50
TYPED = ("text", *PICTURE)  # in whose place a query of a file is


@dataclass(frozen=True)
class BenchState:
    """What is compared and judged; the session has the fields' names as keys.

    Attributes:
        text: words.
        picture: a picture's web address.
        upload: the content hash of an uploaded picture.
        crop: the part of the picture that is searched with, as `SearchState` has it.
        columns: what searches, as `eval.columns` writes it; empty takes the usual ones.
        depth: results of each column that count.
        queries: a file of the installation's queries.
        query: the id of a query in it, which is searched for; empty where one is typed.
        judge: the name of who judges.
        seed: of the order in which products are judged.
        vector: of the products, which is projected; empty is the usual one.
        colour: the category, brand or attribute by which they are coloured; empty is the category.
    """

    text: str = ""
    picture: str = ""
    upload: str = ""
    crop: tuple[int, ...] = ()
    columns: tuple[str, ...] = ()
    depth: int = DEFAULT_DEPTH
    queries: str = ""
    query: str = ""
    judge: str = ""
    seed: int = 0
    vector: str = ""
    colour: str = ""

    @property
    def systems(self) -> list[System]:
        """The columns as systems."""
        return [read_system(column) for column in self.columns]


FIELDS = tuple(field.name for field in fields(BenchState))


def follow(before: BenchState, after: BenchState) -> BenchState:
    """The state after an act, with what the act ends.

    What is typed ends a query of a file, and another picture is searched with whole.
    """
    if any(getattr(before, name) != getattr(after, name) for name in PICTURE):
        after = replace(after, crop=())
    typed = any(getattr(before, name) != getattr(after, name) for name in TYPED)
    if typed and before.query == after.query:
        after = replace(after, query="")
    return after if after.queries else replace(after, query="")


def write_parameters(state: BenchState) -> Parameters:
    """A state as query parameters; defaults are left out."""
    parameters: Parameters = {
        "q": [state.text],
        "picture": [state.picture],
        "upload": [state.upload],
        "crop": [",".join(map(str, state.crop))],
        "column": list(state.columns),
        "depth": [] if state.depth == DEFAULT_DEPTH else [str(state.depth)],
        "queries": [state.queries],
        "query": [state.query],
        "judge": [state.judge],
        "seed": [str(state.seed)] if state.seed else [],
        "vector": [state.vector],
        "colour": [state.colour],
    }
    return {name: values for name, values in parameters.items() if any(values)}


def read_parameters(parameters: Mapping[str, list[str]]) -> tuple[BenchState, list[str]]:
    """Query parameters as a state, and a sentence about each that is invalid.

    Whether the file, the query and the variants exist is not checked here.
    """
    problems: list[str] = []

    def word(name: str) -> str:
        return (parameters.get(name) or [""])[-1].strip()

    def number(name: str, least: int, most: int, default: int) -> int:
        text = word(name)
        if not text:
            return default
        if text.isdecimal() and len(text) < 10 and least <= int(text) <= most:
            return int(text)
        problems.append(
            f"The address has {name}={text[:40]}, which is not a whole number from {least} to "
            f"{most:,}; it was ignored."
        )
        return default

    crop = read_crop(word("crop"))
    if crop is None:
        problems.append(
            f"The address has crop={word('crop')[:40]}, which is not {PART}; it was ignored."
        )
    columns = []
    for text in parameters.get("column", []):
        try:
            read_system(text)
        except EvalError as error:
            problems.append(f"{error} The address’s column was ignored.")
        else:
            columns.append(text)
    if len(columns) > MOST:
        problems.append(f"The address has {len(columns)} columns; the first {MOST} are shown.")
    state = BenchState(
        text=word("q"),
        picture=word("picture"),
        upload=word("upload"),
        crop=crop or (),
        columns=tuple(columns[:MOST]),
        depth=number("depth", 1, MAX_DEPTH, DEFAULT_DEPTH),
        queries=word("queries"),
        query=word("query"),
        judge=word("judge"),
        seed=number("seed", 0, 999_999_999, 0),
        vector=word("vector"),
        colour=word("colour"),
    )
    return state, problems
