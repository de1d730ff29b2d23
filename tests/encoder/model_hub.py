"""A model hub on this machine: the few requests of huggingface_hub's client."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from encoder.hub import CONVERSION, CONVERTER


class ModelHub:
    """One repository with branches; each branch is a folder of files.

    Attributes:
        base: the repository's id.
        branches: folder by branch, such as `main` or `refs/pr/1`.
        author: who opened the pull request.
        requests: paths requested so far.
        address: of the server; what HF_ENDPOINT must name.
    """

    def __init__(self, base: str, branches: dict[str, Path], author: str = CONVERTER) -> None:
        self.base, self.branches, self.author = base, branches, author
        self.requests: list[str] = []
        self.address = ""

    def commit(self, branch: str) -> str:
        return hashlib.sha1(branch.encode(), usedforsecurity=False).hexdigest()

    def folder(self, revision: str) -> Path | None:
        return next(
            (
                folder
                for branch, folder in self.branches.items()
                if revision in (branch, self.commit(branch))
            ),
            None,
        )

    @contextmanager
    def serving(self) -> Iterator["ModelHub"]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub.requests.append(self.path)
                status, headers, body = hub.answer(urlsplit(self.path).path)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET  # noqa: N815 (http.server's name)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        api = f"/api/models/{self.base}"
        if path == f"{api}/discussions":
            return self.as_json({"discussions": self.discussions(), "count": 1, "start": 0})
        if path.startswith((f"{api}/revision/", f"{api}/tree/")):
            kind, revision = path.removeprefix(f"{api}/").split("/", 1)
            revision = revision.replace("%2F", "/")
            folder = self.folder(revision)
            if folder is None:
                return 404, {"X-Error-Code": "RevisionNotFound"}, b""
            if kind == "tree":
                files = sorted(file for file in folder.rglob("*") if file.is_file())
                return self.as_json([self.entry(file, folder) for file in files])
            branch = next(name for name, value in self.branches.items() if value == folder)
            return self.as_json({"id": self.base, "sha": self.commit(branch), "siblings": []})
        if path.startswith(f"/{self.base}/resolve/"):
            revision, name = path.removeprefix(f"/{self.base}/resolve/").split("/", 1)
            folder = self.folder(revision)
            if folder and (folder / name).is_file():
                body = (folder / name).read_bytes()
                tag = f'"{hashlib.sha256(body).hexdigest()}"'
                return 200, {"ETag": tag, "X-Repo-Commit": revision}, body
            return 404, {"X-Error-Code": "EntryNotFound"}, b""
        return 404, {"X-Error-Code": "RepoNotFound"}, b""

    def entry(self, file: Path, folder: Path) -> dict[str, object]:
        digest = hashlib.sha1(file.read_bytes(), usedforsecurity=False).hexdigest()
        path = str(file.relative_to(folder))
        return {"type": "file", "path": path, "size": file.stat().st_size, "oid": digest}

    def discussions(self) -> list[dict[str, object]]:
        return [
            {
                "title": CONVERSION,
                "num": int(branch.removeprefix("refs/pr/")),
                "author": {"name": self.author},
                "repo": {"name": self.base, "type": "model"},
                "status": "open",
                "isPullRequest": True,
                "createdAt": "2023-03-01T12:00:00.000Z",
            }
            for branch in self.branches
            if branch.startswith("refs/pr/")
        ]

    @staticmethod
    def as_json(value: object) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()
