"""An open log, and searches and events for it."""

import pytest

from events.log import EventLog
from events.records import Event, Search


@pytest.fixture
def log(tmp_path):
    with EventLog(tmp_path) as log:
        yield log


@pytest.fixture
def searched(log):
    """Keeps a search; returns its query id."""

    def search(text="red kettle", shown=("k1", "k2", "k3"), **more):
        return log.add_search(Search(text, shown, **more)).result()

    return search


@pytest.fixture
def acted(log):
    """Keeps an event; returns what became of it."""

    def act(query_id, action="click", product="k1", **more):
        return log.add_events([Event(action, query_id, product, **more)]).result()

    return act
