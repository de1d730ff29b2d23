"""The installation behind the pages: opened once, and explained where nothing can be searched."""

import threading
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

import vitrine
from app.audience import is_operator
from app.escaping import escape, escape_sentence
from catalog import CatalogError
from catalog.catalogue import Catalogue
from catalog.database import FILE as CATALOGUE
from events import EventsError
from events.settings import Settings as Log
from search.redaction import redact
from search.shop import Shop, VariantStatus, open_shop
from vitrine import VitrineError, home
from vitrine.command import messages

DEMO_NOTICE = "demo.md"  # the demo shop has it in its folder
CHECK_EVERY = 4.0  # seconds between looks at an installation that is being filled

ADD_VARIANT = "vitrine add zeroshot --base openai/clip-vit-base-patch32"
ADD_PRODUCTS = "vitrine ingest all products.csv --category Beauty"


def prepare() -> None:
    """Open the shop and load its model before the first visitor comes, who would wait for both."""
    with suppress(VitrineError):  # the page reports it
        shared_shop()


def shared_shop() -> Shop:
    """The shop of VITRINE_HOME, open for all visitors."""
    return _cached_shop(home())


@st.cache_resource(show_spinner=False)
def _cached_shop(folder: Path) -> Shop:
    """Open the shop; the collection and the model of its default variant in the background."""
    try:
        shop = open_shop(folder, log=Log.read().enabled)
    except EventsError as error:  # the search is open all the same
        messages.print(f"No searches are kept: {error}", markup=False, soft_wrap=True)
        shop = open_shop(folder)
    if ready := searchable(shop.statuses()):
        name = default_variant(ready).name
        threading.Thread(target=_prepare_search, args=(shop, name), daemon=True).start()
    return shop


def _prepare_search(shop: Shop, name: str) -> None:
    with suppress(VitrineError):  # the first view reports it
        shop.engine(name).open()
    with suppress(VitrineError):  # the first search reports it
        encoder = shop.engine(name).encoder
        encoder.encode_texts([""])  # a converted model is compiled for its first text
        encoder.encode_queries([""])


def statuses(shop: Shop) -> list[VariantStatus]:
    """Every variant with what can be searched of it; visitors may read the problems."""
    return [replace(each, problem=redact(each.problem)) for each in shop.statuses()]


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


def searchable(statuses: list[VariantStatus]) -> list[VariantStatus]:
    """The variants that can be searched and have products."""
    return [
        each for each in statuses if not each.problem and each.collection and each.collection.points
    ]


def explain_problems(shop: Shop, statuses: list[VariantStatus]) -> None:
    """Show why nothing can be searched, to operators with the remedy; search once it can be."""
    if is_operator():
        heading, sentences, commands = _explanation(shop.home, statuses)
        if not shop.is_reachable():
            heading = "The Qdrant server cannot be reached"
        st.header(heading, anchor=False)
        for sentence in sentences:
            st.info(escape_sentence(sentence), icon=":material/inventory_2:")
        if commands:
            st.code("\n".join(commands), language="bash")
        st.caption(
            f"The installation’s folder is {escape(str(shop.home.absolute()))}; VITRINE_HOME "
            "names another one. This page opens by itself."
        )
    elif not shop.is_reachable():
        st.header("The search is closed for a moment", anchor=False)
        st.info("It cannot be reached. This page opens by itself.")
    else:
        st.header("This shop is not open yet", anchor=False)
        st.info("Its products are being prepared. This page opens by itself.")
    _rerun_when_ready(shop)


def _explanation(folder: Path, statuses: list[VariantStatus]) -> tuple[str, list[str], list[str]]:
    """A heading, sentences, and commands that help beside those in the sentences."""
    products, running = 0, ""
    if (folder / CATALOGUE).exists():
        try:
            with Catalogue(folder, create=False) as catalogue:
                products, running = len(catalogue), _running_job(catalogue)
        except CatalogError as error:
            return "The catalogue cannot be read", [redact(str(error))], []
    if running:
        return "Ingest is running", [running], []
    if not products:
        commands = [ADD_PRODUCTS] if statuses else [ADD_VARIANT, ADD_PRODUCTS]
        return "There are no products yet", [], commands
    if not statuses:
        sentence = f"The catalogue has {products:,} products, and no variant that searches them."
        return "There is no variant yet", [sentence], [ADD_VARIANT, "vitrine ingest vectors"]
    sentences = [
        status.problem
        or f"The collection of {status.name} is empty: "
        f"`vitrine ingest vectors --variant {status.name}` fills it."
        for status in statuses
    ]
    return "No variant can be searched yet", sentences, []


@st.fragment(run_every=CHECK_EVERY)
def _rerun_when_ready(shop: Shop) -> None:
    if searchable(shop.statuses()):
        st.rerun()


def _running_job(catalogue: Catalogue) -> str:
    """A sentence about the ingest job that is running; nothing where none is."""
    for run in catalogue.runs():
        if run.outcome == "running":
            variant = run.settings.get("variant", "")
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
