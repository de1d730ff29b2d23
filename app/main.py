"""The script that Streamlit runs: `vitrine app`, or `streamlit run app/main.py`."""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from streamlit.starlette import App

from app.audience import is_operator
from app.errors import show_errors
from app.first_view import TITLE, FirstView
from app.view import end_view

LOGO = Path(__file__).with_name("logo.svg")
# A file of our own: browsers would load a named icon from a third party.
ICON = Path(__file__).with_name("icon.svg")
# Modules by title; each is imported when it is first shown: the search page need not wait for it.
WORKBENCH = {
    "Compare": "app.compare_page",
    "Judge": "app.judge_page",
    "Projection": "app.projection_page",
    "Catalogue": "app.catalogue_page",
}


def main() -> None:
    """Show the page of the address."""
    st.set_page_config(page_title=TITLE, page_icon=str(ICON), layout="wide")
    st.logo(str(LOGO), size="large")
    run_page(_show_pages)
    end_view(st.query_params.get("product", ""))


def _show_pages() -> None:
    from app import search_page  # its caches need the server

    pages = [search_page.page()]
    if is_operator():
        pages += [_workbench_page(title, module) for title, module in WORKBENCH.items()]
    page = st.navigation(pages, position="hidden")
    run_page(page.run)
    # Links of our own, after the page has written its address: Streamlit's would drop the search.
    parameters = {name: st.query_params.get_all(name) for name in st.query_params}
    if len(pages) > 1:
        # last, so that the tab key reaches the page's own elements first
        with st.container(horizontal=True, key="navigation"):
            for each in pages:
                st.page_link(each, query_params=parameters, width="content")


def _workbench_page(title: str, module: str) -> st.Page:
    def show() -> None:
        import_module(module).show()

    return st.Page(show, title=title, url_path=title.lower())


def run_page(show: Callable[[], None]) -> None:
    """Show a page, or why it cannot be shown."""
    with show_errors("The page"):
        show()


@asynccontextmanager
async def prepared(_server: App) -> AsyncIterator[None]:
    """While the server runs; the search page is imported and its model loaded meanwhile."""
    ended = threading.Event()
    threading.Thread(target=_prepare, args=(ended,), daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _prepare(ended: threading.Event) -> None:
    try:
        from app import installation, search_page  # noqa: F401

        installation.prepare()
    except RuntimeError:  # so end imports and new threads when the interpreter ends meanwhile
        if not ended.is_set():
            raise


if __name__ == "__main__":
    main()
else:  # the server imports it, and runs it as a script for each visitor
    app = App(__file__, middleware=[Middleware(FirstView)], lifespan=prepared)
