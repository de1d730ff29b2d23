"""A real server of the page, started as people type it, from another folder than the checkout."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

COMMANDS = Path(sys.executable).parent  # `make install` puts `vitrine` and `streamlit` there
ENDING = 120  # seconds for the server to end by itself


@dataclass
class PageServer:
    """A running server.

    Attributes:
        process: the server's.
        address: of the page.
    """

    process: subprocess.Popen
    address: str

    def health(self) -> str:
        with urlopen(f"{self.address}/_stcore/health", timeout=120) as answer:
            return answer.read().decode()

    def press_ctrl_c(self) -> tuple[int, str]:
        """The exit status, and what the server has written to stdout and stderr since."""
        self.process.send_signal(signal.SIGINT)
        written, _ = self.process.communicate(timeout=ENDING)
        return self.process.returncode, written


@contextmanager
def serve(home: Path, folder: Path, command: str, *options: str, path: str = "") -> Iterator:
    """Run a command line in a folder until it listens.

    Args:
        home: the installation's folder.
        folder: where the command is run.
        command: of the environment: `vitrine` or `streamlit`.
        options: the rest of the command line; PORT is replaced by a free port.
        path: where in the address the page is.
    """
    with reserved_port() as port:
        words = [option.replace("PORT", str(port)) for option in options]
        process = subprocess.Popen(
            [COMMANDS / command, *words],
            cwd=folder,
            env=os.environ | {"VITRINE_HOME": str(home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            written = []
            for line in iter(process.stdout.readline, ""):
                written.append(line)
                if "URL:" in line:
                    break
            else:
                raise AssertionError("the server ended before it listened:\n" + "".join(written))
            yield PageServer(process, f"http://127.0.0.1:{port}{path}")
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


@contextmanager
def reserved_port() -> Iterator[int]:
    """A free port that nobody else is given meanwhile, though a server may listen on it."""
    with socket.socket() as reservation:
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reservation.bind(("127.0.0.1", 0))
        yield reservation.getsockname()[1]
