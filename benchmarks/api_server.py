"""`vitrine serve` in a process of its own, without what is compared: batches, cached vectors.

python -m benchmarks.api_server --no-batches --no-cache --port 8000
"""

import sys
from functools import partial

from api import service
from api.__main__ import app
from api.search_queue import SearchQueue
from search.text_vectors import TextVectorCache

SWITCHES = {"batches": "--no-batches", "cache": "--no-cache"}


def main(words: list[str]) -> None:
    """Serve the installation VITRINE_HOME."""
    if SWITCHES["batches"] in words:
        service.SearchQueue = partial(SearchQueue, batch=1)  # type: ignore[assignment,misc]
    if SWITCHES["cache"] in words:
        TextVectorCache.find = lambda *_: {}  # type: ignore[method-assign]
    app([word for word in words if word not in SWITCHES.values()], prog_name="vitrine serve")


if __name__ == "__main__":
    main(sys.argv[1:])
