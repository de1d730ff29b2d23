"""What a change did to each query: two runs on the same queries, side by side.

The runs are those of two settings, two variants, two matches or two days.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval import EvalError
from eval.clusters import cluster_queries
from eval.comparison import Difference, compare_variants
from eval.measures import DECIDING, Qrels, score
from eval.queries import LabelledQuery
from eval.trec import keep_judged, read_run

SHOWN = 5  # results of each run that are shown
NOTICEABLE = 1e-9  # a smaller difference is rounding


@dataclass(frozen=True)
class Change:
    """One query in both runs.

    Attributes:
        query: its id.
        text: what was typed; empty where it is not known.
        before, after: its nDCG@10 in each run.
        first, second: the first product ids of each run.
        relevant: grade by product.
    """

    query: str
    text: str
    before: float
    after: float
    first: Sequence[str]
    second: Sequence[str]
    relevant: Mapping[str, int]

    @property
    def difference(self) -> float:
        """How much the query gained."""
        return self.after - self.before


@dataclass(frozen=True)
class Changes:
    """All queries in both runs.

    Attributes:
        names: of the runs.
        difference: of their means, with its interval and its test.
        each: the queries, those that lost most first.
    """

    names: tuple[str, str]
    difference: Difference
    each: Sequence[Change]

    @property
    def better(self) -> list[Change]:
        """The queries that gained, the most first."""
        return [change for change in reversed(self.each) if change.difference > NOTICEABLE]

    @property
    def worse(self) -> list[Change]:
        """The queries that lost, the most first."""
        return [change for change in self.each if change.difference < -NOTICEABLE]

    @property
    def reordered(self) -> int:
        """How many queries have other first results and the same nDCG@10."""
        return sum(
            change.first != change.second and abs(change.difference) <= NOTICEABLE
            for change in self.each
        )

    @property
    def products(self) -> set[str]:
        """The ids of all products that are shown."""
        return {name for change in self.each for name in (*change.first, *change.second)}


def compare_runs(
    before: Path, after: Path, qrels: Qrels, texts: Mapping[str, str], *, resamples: int, seed: int
) -> Changes:
    """Compare two run files query by query.

    Args:
        before: a run file.
        after: the run file it is compared with.
        qrels: grades by product by query.
        texts: of the queries, where they are known.
        resamples: of the bootstrap and of the randomisation test.
        seed: of their draws.

    Raises:
        EvalError: a file is no run, or the two have no judged query in common.
    """
    judged = keep_judged(qrels)
    runs = [read_run(path) for path in (before, after)]
    common = [query for query in judged if all(query in run for run in runs)]
    if not common:
        raise EvalError(f"{before} and {after} have no query of the qrels in common.")
    grades = {query: judged[query] for query in common}
    found = [{query: [name for name, _ in run[query]] for query in common} for run in runs]
    scores = [score(grades, each) for each in found]
    names = _names(before, after)
    clusters = cluster_queries(
        [LabelledQuery(query, texts.get(query, ""), relevant=grades[query]) for query in common],
        groups={},
    )
    [difference] = [
        each
        for each in compare_variants(
            dict(zip(names, scores, strict=True)), resamples=resamples, seed=seed, clusters=clusters
        )
        if each.measure == DECIDING
    ]
    changes = [
        Change(
            query=query,
            text=texts.get(query, ""),
            before=float(scores[0][DECIDING][row]),
            after=float(scores[1][DECIDING][row]),
            first=found[0][query][:SHOWN],
            second=found[1][query][:SHOWN],
            relevant=grades[query],
        )
        for row, query in enumerate(common)
    ]
    order = np.argsort([change.difference for change in changes], kind="stable")
    return Changes(names, difference, [changes[row] for row in order])


def texts_beside(run: Path) -> dict[str, str]:
    """The queries' texts from the `results.json` beside a run file; empty where it has none."""
    with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        kept = json.loads((run.parent / "results.json").read_text("utf-8"))["per_query"]
        return dict(zip(kept["queries"], kept["texts"], strict=True))
    return {}


def as_object(changes: Changes) -> dict[str, Any]:
    """Changes as JSON: every query, those that lost most first."""
    return {
        "before": changes.names[0],
        "after": changes.names[1],
        "measure": DECIDING,
        "difference": asdict(changes.difference) | {"winner": changes.difference.winner},
        "better": len(changes.better),
        "worse": len(changes.worse),
        "reordered": changes.reordered,
        "queries": [asdict(change) | {"difference": change.difference} for change in changes.each],
    }


def _names(before: Path, after: Path) -> tuple[str, str]:
    """The runs' names: the files', and the folders' where these are equal."""
    if before.stem != after.stem:
        return before.stem, after.stem
    first, second = (f"{path.resolve().parent.name}/{path.stem}" for path in (before, after))
    return (first, second) if first != second else (str(before), f"{after} (2)")
