"""The catalogue page: the feed, failures, variants with their collections, jobs, reports, sizes."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import streamlit as st

from app import installation
from app.bench_page import show_title
from app.errors import show_errors
from app.escaping import escape_sentence
from app.picture_retry import show_retry
from app.report_view import show_reports
from app.search_log import show_log
from app.sizes import show_sizes
from app.variant_details import as_moment, show_variant_details
from catalog.catalogue import Catalogue
from catalog.database import FILE as CATALOGUE
from search.redaction import redact, redact_setting
from search.shop import VariantStatus
from vitrine.text import printable

NO_CATEGORY = "(none)"
LAST_RUNS = 20
EXAMPLES = 10  # products of each reason of failure


def show() -> None:
    """The page."""
    shop = installation.shared_shop()
    statuses = installation.statuses(shop)
    show_title("Catalogue")
    with Catalogue(shop.home, create=False) as catalogue:
        with show_errors("The totals"):
            _show_totals(catalogue, statuses)
        with show_errors("The table of categories"):
            _show_categories(catalogue)
        with show_errors("The columns of the feed"):
            _show_feed(catalogue)
        with show_errors("The table of failures"):
            _show_failures(catalogue)
        with show_errors("The table of variants"):
            _show_variants(catalogue, statuses)
        for status in statuses:
            with show_errors(f"The variant {status.name}"):
                show_variant_details(shop, status)
        with show_errors("The table of runs"):
            _show_runs(catalogue)
    with show_errors("The log of searches"):
        st.header("Searches", anchor=False)
        show_log(shop.home)
    with show_errors("The reports"):
        st.header("Reports", anchor=False)
        show_reports(shop.home)
    with show_errors("The sizes"):
        show_sizes(shop.home)


def _show_totals(catalogue: Catalogue, statuses: list[VariantStatus]) -> None:
    counts = _count_pictures(catalogue, _state(catalogue.home)).values()
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
    pictures = _count_pictures(catalogue, _state(catalogue.home))
    rows = []
    for category, count in catalogue.categories().items():
        outcomes = dict(pictures.get(category, {}))
        stored, pending = outcomes.pop("stored", 0), outcomes.pop("pending", 0)
        rows.append(
            {
                "Category": category or NO_CATEGORY,
                "Products": count,
                "With a picture": stored,
                "Share": stored / count,
                "Not tried yet": pending,
                "Missing": ", ".join(f"{many:,} {reason}" for reason, many in outcomes.items()),
            }
        )
    empty = "The catalogue is empty; fill it with `vitrine ingest products FILE`."
    _show_table("Categories", rows, empty)
    if {row["Category"] for row in rows} == {NO_CATEGORY}:
        st.caption(
            "No product has a category, so there is no filter by category. Name one to "
            "`vitrine ingest products` with `--category` or `--category-field`."
        )


@st.cache_data(max_entries=4, show_spinner="Counting the pictures …")
def _count_pictures(_catalogue: Catalogue, state: object) -> dict[str, dict[str, int]]:
    """`Catalogue.picture_counts`: of a million products it takes 1.5 s of processor time.

    Args:
        _catalogue: of which.
        state: of its file.
    """
    return _catalogue.picture_counts()


def _state(home: Path) -> list[tuple[int, int, int]]:
    """What differs between two states of the catalogue's file and its log of writes."""
    found = []
    for file in (home / CATALOGUE, home / f"{CATALOGUE}-wal"):
        with suppress(OSError):  # there is no log
            status = file.stat()
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return found


def _show_feed(catalogue: Catalogue) -> None:
    """Show what the columns of the last feed became: fields, attributes, or nothing."""
    read = next((run for run in catalogue.runs("products") if run.figures.get("columns")), None)
    if read is None:
        return
    report = read.figures["columns"]
    rows = [
        {
            "Became": field,
            "Columns": ", ".join(f"{name} ({rows:,})" for name, rows in found["columns"].items()),
            "Products with it": found["products"],
        }
        for field, found in report["fields"].items()
    ]
    types = report.get("attribute_types", {})
    rows += [
        {"Became": f"attribute {name}", "Columns": types.get(name, ""), "Products with it": count}
        for name, count in report["attributes"].items()
    ]
    _show_table("What the feed’s columns became", rows)
    facts = [f"{redact_setting(read.settings.get('source', 'The feed'))}, read {read.started}"]
    if convention := report.get("convention"):
        facts.append(f"as {convention}")
    if unused := report.get("unused"):
        facts.append(f"not used: {', '.join(map(str, unused))}")
    dropped = read.figures.get("dropped", {}) | read.figures.get("not_for_sale", {})
    facts += [f"{count:,} rows left out, {reason}" for reason, count in dropped.items()]
    st.caption(escape_sentence("; ".join(facts) + "."))
    st.caption("`vitrine ingest products FILE --preview 5` shows it of another file.")


def _show_failures(catalogue: Catalogue) -> None:
    rows = [
        {"Reason": each.reason, "Products": each.count, "For example": redact(each.example)}
        for each in catalogue.picture_failures()
    ]
    _show_table("Pictures that failed", rows)
    if not rows:
        return
    show_retry(catalogue)
    with st.expander(f"Up to {EXAMPLES} products of each reason"):
        examples = [
            {
                "Reason": each.reason,
                "Id": printable(each.product),
                "Title": printable(each.title),
                "What happened": printable(redact(each.sentence)),
            }
            for each in catalogue.failed_pictures(EXAMPLES)
        ]
        st.dataframe(examples, hide_index=True, width="stretch")


def _show_variants(catalogue: Catalogue, statuses: list[VariantStatus]) -> None:
    rows = []
    for status in statuses:
        variant, collection = status.variant, status.collection
        rows.append(
            {
                "Variant": status.name,
                "State": "cannot be searched" if status.problem else "ready",
                "Products": collection.points if collection else None,
                "Built": as_moment(collection.created) if collection else None,
                "Generation": collection.generation if collection else "",
                "Model": redact_setting(base.base) if (base := variant or collection) else "",
                "Adapter": "LoRA" if variant and variant.adapter_folder else "",
                "Text": variant.template.name if variant else "",
                "Dimensions": variant.dim if variant else None,
                "Fingerprint": variant.fingerprint if variant else "",
            }
        )
    empty = "There is no variant yet; add the default one with `vitrine add zeroshot`."
    _show_table("Variants and their collections", rows, empty)
    for status in statuses:
        if status.problem:
            sentence = escape_sentence(f"{status.name}: {status.problem}")
            st.warning(sentence, icon=":material/inventory_2:")
        elif status.collection and status.collection.points != len(catalogue):
            st.caption(
                f"{status.name} holds {status.collection.points:,} of {len(catalogue):,} products; "
                f"`vitrine ingest vectors --variant {status.name}` brings it up to date."
            )


def _show_runs(catalogue: Catalogue) -> None:
    rows = [
        {
            "Job": run.job,
            "Outcome": run.outcome,
            "Started": as_moment(run.started),
            "Ended": as_moment(run.ended),
            "Settings": _listed(run.settings),
            "Figures": _listed(run.figures),
        }
        for run in catalogue.runs()[:LAST_RUNS]
    ]
    _show_table("Last runs", rows)


def _show_table(heading: str, rows: list[dict[str, Any]], empty: str = "None.") -> None:
    """Show rows under a heading, or a sentence where there are none; cells are plain text."""
    st.header(heading, anchor=False)
    if not rows:
        st.caption(empty)
        return
    rows = [{name: _cell(value) for name, value in row.items()} for row in rows]
    number = st.column_config.NumberColumn(format="localized")
    share = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
    columns = {name: number for name, value in rows[0].items() if isinstance(value, int)}
    columns["Share"] = share
    st.dataframe(rows, hide_index=True, column_config=columns, width="stretch")


def _cell(value: object) -> object:
    return printable(value) if isinstance(value, str) else value


def _listed(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {redact_setting(value)}" for name, value in facts.items())
