"""The catalogue page: counts, failures, variants with their collections, the last runs."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app import installation
from app.escaping import escape_sentence
from catalog.catalogue import Catalogue
from search.service import VariantStatus

NO_CATEGORY = "(none)"
LAST_RUNS = 20


def show() -> None:
    """The page."""
    service = installation.search_service()
    statuses = service.statuses()
    st.title("Catalogue", anchor=False)
    with Catalogue(service.home, create=False) as catalogue:
        _show_totals(catalogue, statuses)
        _show_categories(catalogue)
        _show_failures(catalogue)
        _show_variants(catalogue, statuses)
        _show_runs(catalogue)


def _show_totals(catalogue: Catalogue, statuses: list[VariantStatus]) -> None:
    counts = catalogue.picture_counts().values()
    stored = sum(each.get("stored", 0) for each in counts)
    figures = {
        "Products": len(catalogue),
        "Categories": sum(1 for category in catalogue.categories() if category),
        "With a picture": stored,
        "Searchable variants": sum(1 for status in statuses if not status.problem),
    }
    cells = st.grid(len(figures), min_column_width=140, border=True)
    for label, figure in figures.items():
        cells.metric(label, f"{figure:,}")


def _show_categories(catalogue: Catalogue) -> None:
    st.subheader("Categories", anchor=False)
    pictures = catalogue.picture_counts()
    rows = []
    for category, count in catalogue.categories().items():
        states = dict(pictures.get(category, {}))
        stored, pending = states.pop("stored", 0), states.pop("pending", 0)
        rows.append(
            {
                "Category": category or NO_CATEGORY,
                "Products": count,
                "With a picture": stored,
                "Share": stored / count,
                "Not tried yet": pending,
                "Missing": ", ".join(f"{many:,} {why}" for why, many in states.items()),
            }
        )
    if not rows:
        st.info(
            "The catalogue is empty; fill it with `vitrine ingest products FILE`.",
            icon=":material/inbox:",
        )
        return
    if {row["Category"] for row in rows} == {NO_CATEGORY}:
        st.caption(
            "No product has a category, so there is no filter by category. Name one to "
            "`vitrine ingest products` with `--category` or `--category-field`."
        )
    share = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
    _table(rows, {"Share": share})


def _show_failures(catalogue: Catalogue) -> None:
    st.subheader("Pictures that failed", anchor=False)
    failures = catalogue.picture_failures()
    if not failures:
        st.caption("None.")
        return
    _table(
        [
            {"Reason": each.reason, "Products": each.count, "For example": each.example}
            for each in failures
        ]
    )
    st.caption("`vitrine ingest images --retry-failed` tries them again.")


def _show_variants(catalogue: Catalogue, statuses: list[VariantStatus]) -> None:
    st.subheader("Variants and their collections", anchor=False)
    rows: list[dict[str, Any]] = []
    for status in statuses:
        variant, collection = status.variant, status.collection
        rows.append(
            {
                "Variant": status.name,
                "State": "cannot be searched" if status.problem else "ready",
                "Products": collection.points if collection else None,
                "Built": collection.created if collection else None,
                "Generation": collection.generation if collection else "",
                "Model": variant.base if variant else collection.base if collection else "",
                "Adapter": "LoRA" if variant and variant.adapter_folder else "",
                "Text": variant.template.name if variant else "",
                "Dimensions": variant.dim if variant else None,
                "Fingerprint": variant.fingerprint if variant else "",
            }
        )
    if not rows:
        st.info(
            "There is no variant yet; add the default one with `vitrine add zeroshot`.",
            icon=":material/inbox:",
        )
        return
    _table(rows)
    for status in statuses:
        if status.problem:
            st.warning(
                escape_sentence(f"{status.name}: {status.problem}"), icon=":material/inventory_2:"
            )
        elif status.collection and status.collection.points != len(catalogue):
            st.caption(
                f"{status.name} holds {status.collection.points:,} of {len(catalogue):,} products; "
                f"`vitrine ingest vectors --variant {status.name}` brings it up to date."
            )


def _show_runs(catalogue: Catalogue) -> None:
    st.subheader("Last runs", anchor=False)
    runs = catalogue.runs()[:LAST_RUNS]
    if not runs:
        st.caption("None.")
        return
    _table(
        [
            {
                "Job": run.job,
                "Outcome": run.outcome,
                "Started": run.started,
                "Ended": run.ended,
                "Settings": _listed(run.settings),
                "Figures": _listed(run.figures),
            }
            for run in runs
        ]
    )


def _table(rows: list[dict[str, Any]], columns: dict[str, Any] | None = None) -> None:
    """Show rows as a table, whose cells are plain text."""
    numbers = {
        name: st.column_config.NumberColumn(format="localized")
        for name, value in rows[0].items()
        if isinstance(value, int)
    }
    st.dataframe(rows, hide_index=True, column_config=numbers | (columns or {}), width="stretch")


def _listed(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())
