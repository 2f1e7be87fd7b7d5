"""A hub on this machine.

The routes and headers of the real one, its redirect to a store elsewhere, and its faults.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

COMMIT = "e145e8bb659b2aa2669f32ef79cb4cdef6c58fef"
ROUTE = re.compile(r"/datasets/([\w-]+/[\w-]+)/resolve/([0-9a-f]{40})/([\w.]+)")


class Request(NamedTuple):
    method: str
    path: str
    range: str | None
    authorization: str | None


class Hub(ThreadingHTTPServer):
    """Serves ``files``; its other attributes are what goes wrong."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self.commit = COMMIT
        self.status = 200
        self.announced: dict[str, tuple[int, str]] = {}  # file -> size and ETag it claims to have
        self.breaks: list[int] = []  # bytes after which the next answers with a body break off

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def gets(self) -> list[Request]:
        """Requests to the store, which is where bytes come from."""
        return [
            request
            for request in self.requests
            if request.method == "GET" and request.path.startswith("/store/")
        ]

    def __enter__(self) -> Hub:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no fault of the tests."""


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def log_message(self, format: str, *args: object) -> None:
        headers = self.headers
        self.server.requests.append(
            Request(self.command, self.path, headers["Range"], headers["Authorization"])
        )

    def answer(self) -> None:
        hub = self.server
        if self.path.startswith("/store/"):
            self.body(hub.files[self.path.removeprefix("/store/")])
            return
        match = ROUTE.fullmatch(self.path)
        if hub.status != 200 or match is None or match[2] != COMMIT or match[3] not in hub.files:
            self.send_response(hub.status if hub.status != 200 else 404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.end_headers()
            return
        content = hub.files[match[3]]
        size, etag = hub.announced.get(
            match[3], (len(content), hashlib.sha256(content).hexdigest())
        )
        self.send_response(302)
        self.send_header(
            "Location", f"http://localhost:{hub.server_port}/store/{match[3]}"
        )  # another host
        self.send_header("X-Repo-Commit", hub.commit)
        self.send_header("X-Linked-Size", str(size))
        self.send_header("X-Linked-ETag", f'"{etag}"')
        self.end_headers()

    def body(self, content: bytes) -> None:
        match = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        start = int(match[1]) if match else 0
        if start and start >= len(content):
            self.send_response(416)
            self.end_headers()
            return
        self.send_response(206 if match else 200)
        if match:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = start + self.server.breaks.pop(0) if self.server.breaks else len(content)
        self.wfile.write(content[start:end])


def tar(files: dict[str, bytes]) -> bytes:
    """A tar archive as bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def contents(root: Path) -> dict[str, bytes]:
    """Every file below ``root`` by its path."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
