"""How an evaluation is done."""

from collections.abc import Sequence
from dataclasses import dataclass

from eval.intervals import RESAMPLES
from eval.queries import LabelledQuery

DEFAULT_VECTOR = "fused"


@dataclass(frozen=True, slots=True)
class System:
    """One row of an evaluation: how a variant's collection is searched.

    Attributes:
        variant: its name.
        match: how texts are matched.
        vector: as in a search, the only vector that is compared; empty takes each query's own, else
            what a search takes.
    """

    variant: str
    match: str
    vector: str

    @property
    def name(self) -> str:
        """How it is called beside systems of other matches and vectors."""
        return "-".join(filter(None, (self.variant, self.match, self.vector)))


@dataclass(frozen=True)
class Settings:
    """How an evaluation is done.

    Attributes:
        variants: names; the others are compared with the first.
        matches: how texts are matched, each of `search.query.MATCHES`; every variant is measured
            with each.
        vectors: those searched for every query, each of them measured; empty takes each query's
            own, else `fused`.
        engine: of `eval.baseline.ENGINES`.
        within_category: search only each query's category, as the reference system does.
        depth: results per query.
        k: of AvgMeanSimilarity@k.
        text_fallback: search by the text alone where a query's picture cannot be read.
        precision: the encoder's.
        resamples: of the bootstrap and of the randomisation test.
        seed: of their draws.
        columns: systems that are measured in place of every variant with every match; `of_columns`
            sets the other fields to what they have.
    """

    variants: tuple[str, ...]
    matches: tuple[str, ...] = ("vectors",)
    vectors: tuple[str, ...] = ()
    engine: str = "qdrant"
    within_category: bool = False
    depth: int = 100
    k: int = 5
    text_fallback: bool = False
    precision: str = "auto"
    resamples: int = RESAMPLES
    seed: int = 0
    columns: tuple[System, ...] = ()

    @classmethod
    def of_columns(cls, columns: Sequence[System]) -> "Settings":
        """The settings that measure these systems and no others."""
        return cls(
            variants=tuple(dict.fromkeys(each.variant for each in columns)),
            matches=tuple(dict.fromkeys(each.match for each in columns)),
            vectors=tuple(dict.fromkeys(each.vector for each in columns if each.vector)),
            columns=tuple(columns),
        )

    def systems(self) -> dict[str, System]:
        """What is measured, by name: each variant with each match, and `vectors` with each vector.

        Beside `vectors`, a hybrid search weighs the vectors as its settings do, whatever
        `vectors` searches; a search by words has none.
        """
        if self.columns:
            return {each.name: each for each in self.columns}
        matches = tuple(dict.fromkeys(self.matches))
        vectors = tuple(dict.fromkeys(self.vectors))
        beside = self.vector if "vectors" not in matches else ""
        found = {}
        for variant in dict.fromkeys(self.variants):
            for match in matches:
                if match == "vectors" and len(vectors) > 1:
                    for vector in vectors:
                        found[f"{variant}-{vector}"] = System(variant, match, vector)
                else:
                    name = variant if len(matches) == 1 else f"{variant}-{match}"
                    searched = self.vector if match == "vectors" else beside
                    found[name] = System(variant, match, searched)
        return found

    @property
    def vector(self) -> str:
        """The one vector that is searched; empty where there is none, or several."""
        return self.vectors[0] if len(set(self.vectors)) == 1 else ""

    def vector_of(self, query: LabelledQuery) -> str:
        """The vector that a query is scored against; `fused`, of text and picture, for several."""
        return query.vector or self.vector or DEFAULT_VECTOR

    def finds_any(self, query: LabelledQuery) -> bool:
        """Whether products without a picture are searched, too."""
        by_words = any(match != "vectors" for match in self.matches)
        by_text = "text" in (self.vector_of(query), *self.vectors)
        return by_text or (by_words and query.text != "")
