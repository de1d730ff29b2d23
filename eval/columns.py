"""Columns: one query, searched by several systems side by side.

A column is written as `variant`, `variant:match` or `variant:match:vector`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL.Image import Image

from encoder.variant import NAME
from eval import EvalError
from eval.settings import System
from qdrant.model import VECTORS
from search.query import MATCHES, Query
from search.results import Results
from search.shop import Shop
from vitrine import VitrineError

DEFAULT_MATCH = "hybrid"  # of the search page
MOST = 4  # that fit side by side on a desktop's screen


@dataclass(frozen=True, slots=True)
class Column:
    """What one system finds for a query.

    Attributes:
        system: how it was searched.
        found: with its times; None where it cannot be searched.
        match: how the query was matched; another one than the system's where the collection has
            no words, or the query has none.
        vector: that was compared, where only vectors were; empty otherwise.
        problem: why it cannot be searched, and the remedy.
    """

    system: System
    found: Results | None = None
    match: str = ""
    vector: str = ""
    problem: str = ""

    @property
    def ids(self) -> list[str]:
        """The products that were found, best first."""
        return [result.id for result in self.found.results] if self.found else []


def read_system(text: str) -> System:
    """The system that a column's text names.

    Raises:
        EvalError: it names none.
    """
    variant, match, vector = [*text.split(":"), "", ""][:3]
    named = NAME.fullmatch(variant) and text.count(":") < 3
    if not named or match not in ("", *MATCHES) or vector not in ("", *VECTORS):
        raise EvalError(
            f"“{text[:80]}” is no column: write a variant, a match ({', '.join(MATCHES)}) and a "
            f"vector ({', '.join(VECTORS)}), such as zeroshot:vectors:image."
        )
    return System(variant, match or DEFAULT_MATCH, "" if match == "words" else vector)


def write_system(system: System) -> str:
    """A system as a column's text."""
    return ":".join(filter(None, (system.variant, system.match, system.vector)))


def usual_systems(variants: Sequence[str]) -> list[System]:
    """What is compared where nothing is named: two variants, or two matches of the only one.

    Args:
        variants: that can be searched; the usual one first.
    """
    if len(variants) > 1:
        return [System(name, DEFAULT_MATCH, "") for name in variants[:2]]
    return [System(name, match, "") for name in variants for match in (DEFAULT_MATCH, "vectors")]


def search_column(shop: Shop, system: System, text: str, picture: Image | None, k: int) -> Column:
    """Search one query by one system; what prevents it is the column's problem.

    Variants of an article are results of their own, as in `vitrine eval run`.

    Args:
        shop: of the installation.
        system: how it is searched.
        text: words; empty for a picture alone.
        picture: RGB.
        k: results.
    """
    try:
        query = Query(text, picture, k=k, match=system.match, vector=system.vector, fold=False)
        engine = shop.engine(system.variant)
        if not engine.collection().points:
            name = system.variant
            raise EvalError(
                f"The collection of {name} is empty: `vitrine ingest vectors --variant {name}` "
                "fills it."
            )
        match = engine.match_of(query)
        vector = engine.vector_of(query) if match == "vectors" else ""
        return Column(system, engine.search(query), match, vector)
    except VitrineError as error:
        return Column(system, problem=str(error))
