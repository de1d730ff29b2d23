"""The button that fetches again the pictures that failed: a job beside the server.

It is the command line's own job, with nothing of a visitor's in it: it holds the lock of ingest
jobs, is recorded as they are, is idempotent, and goes on when the server ends. It changes nothing
that is searched. Embedding the pictures does, and needs the memory of a model and all cores beside
the searches of this server, so that its command is shown, and run by whoever chooses the moment.
"""

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO

import streamlit as st

import vitrine
from app.escaping import escape_sentence
from catalog.catalogue import Catalogue
from search.redaction import redact
from vitrine.command import describe

COMMAND = (sys.executable, "-m", "vitrine", "ingest", "images", "--retry-failed")
CHECKOUT = Path(vitrine.__file__).parents[1]  # where `python -m vitrine` finds the packages
CHECK_EVERY = 2.0  # seconds between looks at the job


class PictureRetry:
    """The last job of this server.

    Args:
        home: the installation's folder.
    """

    def __init__(self, home: Path) -> None:
        self._home = home.absolute()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._written: IO[bytes] | None = None
        self._problem = ""

    @property
    def is_running(self) -> bool:
        """Whether the job has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def problem(self) -> str:
        """Why the last job failed; empty where it has not."""
        if self._process and self._process.poll() and self._written:
            self._written.seek(0)
            lines = self._written.read().decode(errors="replace").strip().splitlines()
            written = lines[-1] if lines else f"It ended with status {self._process.returncode}."
            return written.removeprefix("Error: ")
        return self._problem

    def start(self) -> None:
        """Start the job, unless it runs."""
        with self._lock:
            if self.is_running:
                return
            self._problem = ""
            try:
                self._written = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the job
                self._process = subprocess.Popen(
                    COMMAND,
                    cwd=CHECKOUT,
                    env=os.environ | {"VITRINE_HOME": str(self._home)},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=self._written,
                    start_new_session=True,  # Ctrl-C of the server is not the job's
                )
            except OSError as error:
                self._process = None
                self._problem = f"The job could not be started: {describe(error)}."


@st.cache_resource(show_spinner=False)
def _retry_of(home: Path) -> PictureRetry:
    return PictureRetry(home)


def show_retry(catalogue: Catalogue) -> None:
    """Show the button, or how far its job is.

    Args:
        catalogue: of the installation.
    """
    retry = _retry_of(catalogue.home)
    if retry.is_running:
        _follow(catalogue.home)
        return
    if problem := retry.problem:
        st.error(escape_sentence(redact(problem)), icon=":material/error:")
    busy = next((run.job for run in catalogue.runs() if run.outcome == "running"), "")
    st.button(
        "Fetch these again",
        icon=":material/refresh:",
        on_click=retry.start,
        disabled=bool(busy),
        help=f"The job `{busy}` is running." if busy else None,
    )
    st.caption(
        "As `vitrine ingest images --retry-failed` does; `vitrine ingest vectors` then embeds what "
        "has come."
    )


@st.fragment(run_every=CHECK_EVERY)
def _follow(home: Path) -> None:
    if not _retry_of(home).is_running:
        st.rerun()
    with Catalogue(home, create=False) as catalogue:
        left = sum(each.count for each in catalogue.picture_failures())
    st.info(
        f"They are fetched again; {left:,} have not come yet.", icon=":material/cloud_download:"
    )
