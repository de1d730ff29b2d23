"""The installation behind the pages: opened once, and explained where nothing can be searched."""

import threading
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

import vitrine
from app.escaping import escape, escape_sentence
from app.redaction import redact
from catalog import CatalogError
from catalog.catalogue import Catalogue
from search.service import SearchService, VariantStatus
from vitrine import VitrineError, home

DEMO_NOTICE = "demo.md"  # the demo shop has it in its folder
CHECK_EVERY = 4.0  # seconds between looks at an installation that is being filled

FIRST_STEPS = """\
vitrine add zeroshot --base openai/clip-vit-base-patch32
vitrine ingest all products.csv --category Beauty"""


def open_service() -> SearchService:
    """The search service of VITRINE_HOME, shared by all visitors."""
    return _cached_service(home())


@st.cache_resource(show_spinner=False)
def _cached_service(folder: Path) -> SearchService:
    """Open the service; the model of its default variant is loaded in the background."""
    service = SearchService(folder)
    if ready := [status for status in service.statuses() if not status.problem]:
        name = default_variant(ready).name
        threading.Thread(target=_load_model, args=(service, name), daemon=True).start()
    return service


def _load_model(service: SearchService, name: str) -> None:
    with suppress(VitrineError):  # the first search reports it
        service.engine(name).encoder  # noqa: B018 - loads it
        loaded_variants(service.home).add(name)


@st.cache_resource(show_spinner=False)
def loaded_variants(folder: Path) -> set[str]:
    """Names of the variants whose model has been loaded, of an installation; callers add to it."""
    return set()


def statuses(service: SearchService) -> list[VariantStatus]:
    """Every variant with what can be searched of it; visitors may read the problems."""
    return [replace(each, problem=redact(each.problem)) for each in service.statuses()]


def default_variant(ready: list[VariantStatus]) -> VariantStatus:
    """The variant to search where none is named; there is at least one.

    Where the rule of the command lines requires a name, it is the first: visitors can choose.
    """
    by_name = {status.name: status for status in ready}
    with suppress(VitrineError):
        return by_name[vitrine.default_variant(list(by_name))]
    return ready[0]


def show_notice(folder: Path) -> None:
    """The demo shop's note that it is one."""
    with suppress(OSError, UnicodeDecodeError):
        st.info((folder / DEMO_NOTICE).read_text(encoding="utf-8"), icon=":material/storefront:")


def explain_problems(service: SearchService, statuses: list[VariantStatus]) -> None:
    """Show why nothing can be searched, and the remedy; search as soon as it can be."""
    if job := _running_job(service.home):
        st.subheader("Ingest is running", anchor=False)
        st.info(job, icon=":material/hourglass_top:")
    elif statuses:
        st.subheader("No variant can be searched yet", anchor=False)
        for status in statuses:
            st.warning(escape_sentence(status.problem), icon=":material/inventory_2:")
    else:
        st.subheader("There are no products yet", anchor=False)
        st.markdown("Two commands fill the shop; this page then opens by itself.")
        st.code(FIRST_STEPS, language="bash")
        st.caption("Set VITRINE_HOME to use another folder.")
    _rerun_when_ready(service)


@st.fragment(run_every=CHECK_EVERY)
def _rerun_when_ready(service: SearchService) -> None:
    if any(not status.problem for status in service.statuses()):
        st.rerun()


def _running_job(folder: Path) -> str:
    """A sentence about the ingest job that is running; nothing where none is."""
    with suppress(CatalogError), Catalogue(folder, create=False) as catalogue:
        for run in catalogue.runs():
            if run.outcome == "running":
                variant = escape(str(run.settings.get("variant", "")))
                job = f"`{run.job}`" + (f" of the variant {variant}" if variant else "")
                return (
                    f"The job {job} has been running for {_duration_since(run.started)}. "
                    "This page opens by itself when its collection is there."
                )
    return ""


def _duration_since(moment: str) -> str:
    try:
        seconds = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    except ValueError:
        return "some time"
    if seconds < 90:
        return f"{max(0, seconds):.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
