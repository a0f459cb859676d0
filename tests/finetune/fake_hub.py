"""A model hub on the loopback interface: enough of the real one's HTTP for its real client."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def serve_hub(
    repositories: dict[str, dict[str, bytes]],
    *,
    gated: frozenset[str] = frozenset(),
    tampered: frozenset[str] = frozenset(),
) -> Iterator[tuple[str, list[str]]]:
    """Serve files of repositories; yield the hub's address and the list of requests so far.

    Args:
        gated: repositories that refuse everybody.
        tampered: repositories whose large files are not what their listing says.
    """
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            """Say nothing."""

        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def answer(self) -> None:
            path = unquote(urlsplit(self.path).path)
            requests.append(f"{self.command} {path} {self.headers.get('Range', '')}".strip())
            parts = path.strip("/").split("/")
            if parts[0] == "api":
                self.listing("/".join(parts[2:4]))
            else:
                self.file("/".join(parts[:2]), "/".join(parts[4:]))

        def listing(self, repository: str) -> None:
            if not self.known(repository):
                return
            files = repositories[repository]
            siblings = []
            for name, content in files.items():
                sibling: dict[str, object] = {"rfilename": name, "size": len(content), "blobId": "0" * 40}
                if name.endswith((".safetensors", ".bin")):
                    digest = "f" * 64 if repository in tampered else hashlib.sha256(content).hexdigest()
                    sibling["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 134}
                siblings.append(sibling)
            body = {"id": repository, "sha": COMMIT, "siblings": siblings, "private": False, "tags": []}
            self.reply(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

        def file(self, repository: str, name: str) -> None:
            if not self.known(repository):
                return
            content = repositories[repository].get(name)
            if content is None:
                self.reply(404, b"", {"X-Error-Code": "EntryNotFound"})
                return
            headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha256(content).hexdigest()}"'}
            first = 0
            if "Range" in self.headers:
                first = int(self.headers["Range"].removeprefix("bytes=").split("-")[0])
                headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
            self.reply(206 if first else 200, content[first:], headers)

        def known(self, repository: str) -> bool:
            if repository in gated:
                self.reply(403, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "ask first"})
            elif repository not in repositories:
                self.reply(404, b"", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "none"})
            else:
                return True
            return False

        def reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
