"""Opens a page of the workbench in Streamlit's test runner."""

from streamlit.testing.v1 import AppTest

from events.log import EventLog
from events.records import Search

PAGE = """
import streamlit as st
from app import {module}, main, search_page
st.navigation([search_page.page(), st.Page({module}.show, url_path="bench")])
main.run_page({module}.show)
"""


def open_bench(monkeypatch, folder, module, **parameters):
    """A page at an address: `open_bench(monkeypatch, home, "judge_page", q="coral")`."""
    monkeypatch.setenv("VITRINE_HOME", str(folder))
    monkeypatch.setenv("VITRINE_AUDIENCE", "operator")
    page = AppTest.from_string(PAGE.format(module=module), default_timeout=600)
    for name, value in parameters.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def log_searches(home, *texts):
    """Keep searches by words in the log."""
    with EventLog(home) as log:
        for text in texts:
            log.add_search(Search(text, ["kettle-teal"])).result()
