"""Opening the shop, and what to say to a person where there is nothing to open yet."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

from app.escaping import escape, sentence
from catalog.catalogue import Catalogue
from catalog.errors import CatalogError
from search.service import SearchService, VariantStatus
from vitrine import DEFAULT_VARIANT, VitrineError

DEMO_NOTICE = "demo.md"  # the demo shop writes it into its folder
CHECK_EVERY = 4.0  # seconds between looks at a shop that is being filled

FIRST_STEPS = """\
vitrine add zeroshot --base openai/clip-vit-base-patch32
vitrine ingest all products.csv --category Beauty"""


@st.cache_resource(show_spinner=False)
def open_shop(home: str) -> SearchService:
    """The shop, once for all visitors; the model of its usual variant wakes in the background."""
    shop = SearchService(Path(home))
    if ready := [status for status in shop.statuses() if not status.problem]:
        threading.Thread(
            target=_load_model, args=(shop, default_variant(ready).name), daemon=True
        ).start()
    return shop


def _load_model(shop: SearchService, name: str) -> None:
    with suppress(VitrineError):  # the first search tells it to somebody
        shop.engine(name).encoder  # noqa: B018 - loads it


def default_variant(statuses: Sequence[VariantStatus]) -> VariantStatus:
    """The variant to search where none is named; there is at least one."""
    return next((status for status in statuses if status.name == DEFAULT_VARIANT), statuses[0])


def show_notice(home: Path) -> None:
    """What the demo shop has to say of itself."""
    with suppress(OSError, UnicodeDecodeError):
        st.info((home / DEMO_NOTICE).read_text(encoding="utf-8"), icon=":material/storefront:")


def explain(shop: SearchService, statuses: list[VariantStatus]) -> None:
    """Why nothing can be searched, and what to do."""
    if job := _running(shop.home):
        st.subheader("The shop is being filled", anchor=False)
        _wait(shop, job)
    elif statuses:
        st.subheader("No variant can be searched yet", anchor=False)
        for status in statuses:
            st.warning(sentence(status.problem), icon=":material/inventory_2:")
        _watch(shop)
    else:
        st.subheader("This shop is still empty", anchor=False)
        st.markdown(
            f"Nothing under {escape(str(shop.home.absolute()))} can be searched yet. "
            "Two commands fill it; the page notices by itself."
        )
        st.code(FIRST_STEPS, language="bash")
        st.caption("A shop that lies elsewhere is named by the environment’s VITRINE_HOME.")
        _watch(shop)


@st.fragment(run_every=CHECK_EVERY)
def _wait(shop: SearchService, since: str) -> None:
    st.info(since, icon=":material/hourglass_top:")
    _rerun_when_ready(shop)


@st.fragment(run_every=CHECK_EVERY)
def _watch(shop: SearchService) -> None:
    _rerun_when_ready(shop)


def _rerun_when_ready(shop: SearchService) -> None:
    if any(not status.problem for status in shop.statuses()):
        st.rerun()


def _running(home: Path) -> str:
    """What ingest job is at work, as a sentence; nothing where none is."""
    with suppress(CatalogError), Catalogue(home, create=False) as catalogue:
        for run in catalogue.runs():
            if run.outcome == "running":
                variant = escape(str(run.settings.get("variant", "")))
                job = f"`{run.job}`" + (f" of the variant {variant}" if variant else "")
                return (
                    f"The job {job} has been at work for {_ago(run.started)}. "
                    "This page opens by itself when its collection is there."
                )
    return ""


def _ago(moment: str) -> str:
    try:
        seconds = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    except ValueError:
        return "some time"
    if seconds < 90:
        return f"{max(0, seconds):.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
