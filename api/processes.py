"""The processes of a server: one, or several under one that supervises them, and how they end.

SIGTERM and Ctrl-C (SIGINT) end a server with status 0: no connection is accepted any more, and
what is under way is answered first. A second SIGTERM changes nothing; a second Ctrl-C ends the
server at once.
"""

import multiprocessing
import os
import signal
import sys
import threading
from contextlib import suppress
from multiprocessing.process import BaseProcess
from types import FrameType

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from api.connections import Connection
from vitrine import VitrineError

GRACE = 30  # seconds for the requests under way when the server is to end


class Server(uvicorn.Server):
    """Uvicorn's server, which would end with tracebacks at a second Ctrl-C."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end; at a second Ctrl-C be ended. What the log has acknowledged is on disk."""
        if self.should_exit and sig == signal.SIGINT:
            os._exit(0)
        super().handle_exit(sig, frame)


class Supervisor(Multiprocess):
    """Uvicorn's supervisor; it restarts a process that ends by itself."""

    def terminate_all(self) -> None:
        """End the processes, and accept no connection that none of them would answer."""
        for listening in self.sockets:
            listening.close()
        super().terminate_all()
        signal.signal(signal.SIGINT, self._kill_all)

    def _kill_all(self, *_: object) -> None:
        for each in self.processes:
            each.process.kill()


def run_processes(host: str, port: int, workers: int) -> None:
    """Serve until a signal ends the server.

    Args:
        host: the address to listen on.
        port: to listen on.
        workers: processes.

    Raises:
        VitrineError: the server could not start; the log has the reason.
    """
    config = uvicorn.Config(
        "api.application:create",
        factory=True,
        http=Connection,
        host=host,
        port=port,
        workers=workers,
        access_log=False,  # it has the words that people search for
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    # Uvicorn raises the signal again when it has ended, which by default would be the status.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if workers == 1:
        server = Server(config)
        with suppress(KeyboardInterrupt):
            server.run()
        started = server.started
    else:
        supervisor = Supervisor(config, [config.bind_socket()])
        supervisor.run()
        started = not any(each.exitcode == STARTUP_FAILURE for each in supervisor.processes)
    if not started:
        raise VitrineError("The server could not start: see above.")


def end_with_supervisor() -> None:
    """Have this process end when its supervisor ends it, and where that is killed."""
    if supervisor := multiprocessing.parent_process():
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both
        threading.Thread(target=_end_after, args=(supervisor,), daemon=True).start()


def _end_after(supervisor: BaseProcess) -> None:
    supervisor.join()
    os.kill(os.getpid(), signal.SIGTERM)
