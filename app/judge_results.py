"""What judgements show: the judges' agreement, the columns' measures, how many are needed."""

import math
import string
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from app.bench_state import BenchState
from app.errors import show_errors
from app.escaping import escape_sentence
from app.report_view import FOLDER, REPORT, read_results, show_report
from catalog.catalogue import Catalogue
from eval.agreement import list_disagreements, measure_agreement, merge_judgements
from eval.judges import GRADES, Grades, Judges
from eval.measures import DECIDING
from eval.queries import QuerySet
from eval.sample_size import FEWEST, POWER, queries_needed, spread_of
from eval.settings import Settings
from search.redaction import redact
from vitrine import VitrineError
from vitrine.text import printable

ALL = "All judges (median)"
MOST_DISAGREEMENTS = 200
FIT = {*string.ascii_letters, *string.digits, "-", "_", "."}  # in a folder's name


def show_results(home: Path, state: BenchState, queries: QuerySet) -> None:
    """Show what is known from the judgements of a query file.

    Args:
        home: the installation's folder.
        state: names the file and the columns.
        queries: the file's.
    """
    with show_errors("The judgements"):
        judgements = Judges(home, state.queries).read_all()
        if not judgements:
            return
        counts = ", ".join(
            f"{judge} {sum(map(len, grades.values())):,}" for judge, grades in judgements.items()
        )
        st.caption(escape_sentence(f"Products judged for {state.queries}: {counts}."))
        if len(judgements) > 1:
            with st.expander("Agreement of the judges"):
                _show_agreement(home, judgements, queries)
        with st.expander("Measure the columns on the judgements", expanded=False):
            _Measurement(home, state, queries, judgements).show()


def _show_agreement(home: Path, judgements: Mapping[str, Grades], queries: QuerySet) -> None:
    rows = [
        {
            "Judges": printable(f"{each.first}, {each.second}"),
            "Judged by both": each.pairs,
            "Equal": each.equal,
            "Cohen’s kappa": each.kappa,
            "Weighted kappa": each.weighted,
        }
        for each in measure_agreement(judgements)
    ]
    share = st.column_config.NumberColumn(format="percent")
    kappa = st.column_config.NumberColumn(format="%.2f")
    columns = {"Equal": share, "Cohen’s kappa": kappa, "Weighted kappa": kappa}
    st.dataframe(rows, hide_index=True, column_config=columns)
    st.caption(
        "Kappa is the agreement beyond chance: 0 as by chance, 1 in all. Weighted, a difference of "
        "two grades counts twice. Empty where chance alone agrees always."
    )
    found = list_disagreements(judgements)
    if not found:
        return
    texts = {query.id: query.text or "a picture" for query in queries}
    shown = found[:MOST_DISAGREEMENTS]
    with Catalogue(home, create=False) as catalogue:
        products = catalogue.get({each.product for each in shown})
    st.markdown(f"**Graded differently: {len(found):,}**")
    st.dataframe(
        [
            {
                "Query": printable(texts.get(each.query, each.query)),
                "Product": printable(
                    products[each.product].title if each.product in products else each.product
                ),
            }
            | {judge: GRADES.get(grade, str(grade)) for judge, grade in each.grades.items()}
            for each in shown
        ],
        hide_index=True,
    )


@dataclass(frozen=True)
class _Measurement:
    """The evaluation of the columns on the judgements.

    Attributes:
        home: the installation's folder.
        state: names the file and the columns.
        queries: the file's.
        judgements: grades by judge.
    """

    home: Path
    state: BenchState
    queries: QuerySet
    judgements: Mapping[str, Grades]

    def show(self) -> None:
        """The choice of judges, the button, and the last report."""
        with st.container(horizontal=True, vertical_alignment="bottom"):
            judge = st.selectbox("Judgements of", [ALL, *self.judgements], width=260)
            pressed = st.button("Measure", type="primary", icon=":material/query_stats:")
        grades = merge_judgements(self.judgements) if judge == ALL else self.judgements[judge]
        name = self._report_name(judge)
        st.caption(
            f"As `vitrine eval run` does: {DECIDING} and others with intervals. What no judge has "
            "graded counts as not relevant."
        )
        if pressed:
            self._measure(name, grades)
        folder = self.home / FOLDER / name
        if (folder / REPORT).is_file():
            _show_needed(read_results(folder))
            show_report(folder)

    def _measure(self, name: str, grades: Grades) -> None:
        # they import matplotlib, which only this needs
        from eval.evaluation import evaluate
        from eval.report import check_reports, write_report

        judged = QuerySet(
            f"{self.queries.name}, judged",
            tuple(
                replace(query, relevant=grades[query.id])
                for query in self.queries
                if query.id in grades
            ),
        )
        with st.status("Measuring …") as status:
            try:
                check_reports(self.home)
                settings = Settings.of_columns(self.state.systems)
                evaluation = evaluate(self.home, judged, settings, st.write)
                write_report(self.home, name, evaluation)
            except VitrineError as error:
                status.update(label=escape_sentence(redact(str(error))), state="error")
                return
            status.update(label="Measured", state="complete")

    def _report_name(self, judge: str) -> str:
        """A name of the letters and digits of file and judge; others are written as numbers."""
        who = "all" if judge == ALL else judge
        return "".join(
            each if each in FIT else f"-{ord(each):x}-"
            for each in f"judged-{self.state.queries}-{who}".replace(" ", "-")
        )


def _show_needed(results: Mapping[str, Any]) -> None:
    """Show how many queries a difference between two columns needs."""
    kept = results["per_query"]
    systems = list(kept["variants"])
    if len(systems) < 2:
        return
    difference = st.number_input(
        f"How many queries find a difference in {DECIDING} of",
        *(0.005, 0.5, 0.05, 0.005),
        format="%.3f",
        width=340,
    )
    rows = []
    first = np.array(kept["variants"][systems[0]][DECIDING])
    for system in systems[1:]:
        second = np.array(kept["variants"][system][DECIDING])
        spread = spread_of(first, second, np.array(kept["clusters"]))
        known = spread.clusters >= FEWEST and math.isfinite(spread.deviation)
        rows.append(
            {
                "Compared": f"{systems[0]} and {system}",
                "Difference so far": spread.mean,
                "Its standard deviation": spread.deviation if known else None,
                "Queries so far": spread.clusters,
                "Queries needed": queries_needed(spread.deviation, difference) if known else None,
            }
        )
    number = st.column_config.NumberColumn(format="%.3f")
    st.dataframe(
        rows,
        hide_index=True,
        column_config={"Difference so far": number, "Its standard deviation": number},
    )
    st.caption(
        f"With so many queries, a difference of {difference:g} is found with a chance of "
        f"{POWER:.0%} (two-sided paired t test at 5 %; Guenther 1981). The deviation is estimated "
        f"from the queries so far; with fewer than {FEWEST} it says nothing."
    )
