"""A real server of the page, started as people type it, from another folder than the checkout."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

COMMANDS = Path(sys.executable).parent  # `make install` puts `vitrine` and `streamlit` there
ENDING = 120  # seconds for the server to end by itself


class PageServer:
    """A server, which is started at once.

    Args:
        words: its command line.
        folder: where that is run.
        home: the installation's folder.
        address: of the page.
    """

    def __init__(self, words: list, folder: Path, home: Path, address: str) -> None:
        self.address = address
        self._words, self._folder, self._home = words, folder, home
        self.start()

    def start(self) -> None:
        """Run the command line until it listens."""
        self.process = subprocess.Popen(
            self._words,
            cwd=self._folder,
            env=os.environ | {"VITRINE_HOME": str(self._home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        written = []
        for line in iter(self.process.stdout.readline, ""):
            written.append(line)
            if "URL:" in line:
                return
        raise AssertionError("the server ended before it listened:\n" + "".join(written))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def get(self, path: str) -> str:
        with urlopen(f"{self.address}/_stcore/{path}", timeout=120) as answer:
            return answer.read().decode()

    def press_ctrl_c(self) -> tuple[int, str]:
        """The exit status, and what the server has written to stdout and stderr since."""
        self.process.send_signal(signal.SIGINT)
        written, _ = self.process.communicate(timeout=ENDING)
        return self.process.returncode, written


@contextmanager
def serve(home: Path, folder: Path, command: str, *options: str, path: str = "") -> Iterator:
    """Run a command line in a folder until the block ends.

    Args:
        home: the installation's folder.
        folder: where the command is run.
        command: of the environment: `vitrine` or `streamlit`.
        options: the rest of the command line; PORT is replaced by a free port.
        path: where in the address the page is.
    """
    with reserved_port() as port:
        words = [COMMANDS / command, *(option.replace("PORT", str(port)) for option in options)]
        server = PageServer(words, folder, home, f"http://127.0.0.1:{port}{path}")
        try:
            yield server
        finally:
            server.kill()


@contextmanager
def reserved_port() -> Iterator[int]:
    """A free port that nobody else is given meanwhile, though a server may listen on it."""
    with socket.socket() as reservation:
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reservation.bind(("127.0.0.1", 0))
        yield reservation.getsockname()[1]
