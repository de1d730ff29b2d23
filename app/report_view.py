"""Reports of `vitrine eval` on a page: a list, and one of them in place."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import streamlit as st

from app.escaping import shorten
from eval import EvalError
from eval.measures import DECIDING
from vitrine.text import printable

FOLDER = "reports"
REPORT = "report.html"
HEIGHT = 900  # pixels
MOST = 200  # reports in the list


def show_report(folder: Path) -> None:
    """Show a report with a button to download it; it is one file without links to others."""
    page = (folder / REPORT).read_text(encoding="utf-8")
    st.download_button(
        "Download the report", page, f"{folder.name}.html", "text/html", icon=":material/download:"
    )
    st.iframe(page, height=HEIGHT)


def read_results(folder: Path) -> dict[str, Any]:
    """The numbers of a report.

    Raises:
        EvalError: its file is damaged.
    """
    with suppress(OSError, ValueError, RecursionError):
        found = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
    raise EvalError(f"The report {folder.name} is damaged: make it again.")


def show_reports(home: Path) -> None:
    """Show the reports of an installation, the newest first, and the one that is chosen."""
    pages = sorted(
        (home / FOLDER).glob(f"[!.]*/{REPORT}"), key=lambda page: -page.stat().st_mtime_ns
    )
    if not pages:
        st.caption("None. The page Judge makes one, or `vitrine eval run --queries FILE`.")
        return
    names = [page.parent.name for page in pages[:MOST]]
    chosen = st.selectbox(
        "Report", names, index=None, placeholder="Choose a report", key="report", width=420
    )
    st.dataframe([_row(home / FOLDER / name) for name in names], hide_index=True, width="stretch")
    if chosen:
        show_report(home / FOLDER / chosen)


def _row(folder: Path) -> dict[str, str]:
    """A report in a line; one of another kind than `eval run`'s has its name alone."""
    row = {"Report": folder.name, "Made": "", DECIDING: ""}
    with suppress(EvalError, KeyError, TypeError, AttributeError):
        results = read_results(folder)
        row["Made"] = printable(str(results["created"]))
        values = [
            f"{name} {measures[DECIDING]['value']:.3f}"
            for name, measures in results["variants"].items()
        ]
        row[DECIDING] = shorten(", ".join(values), 200)
    return row
