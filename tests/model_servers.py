"""A web server and a Hugging Face Hub on this machine, whose failures a test chooses."""

import base64
import hashlib
import json
import re
import threading
import time
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit


class Server:
    """An HTTP server of files, in its own threads.

    Attributes
    ----------
    files : dict of str to bytes
    plans : dict of str to list of str
        How to answer the next requests for a path, one each: "break" (send half),
        "long" (state more bytes than are sent), "short" (state fewer), "corrupt", "slow",
        "ignore-range", "wrong-range", "unsized", "redirect URL", or a status.
    served : Counter
        GET requests by path.
    ranges : list of str
        The Range headers received.
    """

    def __init__(self):
        self.files = {}
        self.plans = defaultdict(list)
        self.served = Counter()
        self.ranges = []
        self.sent = 0
        self.repositories = defaultdict(dict)  # repository -> revision -> commit
        self.commits = {}  # commit -> files
        self.lock = threading.Lock()
        self.closed = False
        handler = type("Handler", (_Handler,), {"owner": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *arguments: None  # clients that hang up
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.closed = True
        self.http.shutdown()
        self.http.server_close()

    def put(self, path, content):
        """Serve a file, and return its address with its digest."""
        self.files[path] = content
        return f"{self.url}{path}#sha256={hashlib.sha256(content).hexdigest()}"

    def commit(self, repository, files, revision="main"):
        """Add a version of a repository on the Hub, and return its commit."""
        previous = self.commits.get(self.repositories[repository].get(revision), {})
        content = {**previous, **files}
        commit = hashlib.sha1(repr(sorted(content.items())).encode()).hexdigest()
        self.commits[commit] = content
        self.repositories[repository][revision] = commit
        return commit


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Server

    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        self.route()

    def do_GET(self):
        self.route()

    def do_POST(self):
        self.route()

    def route(self):
        if self.owner.closed:  # a connection that was still open
            self.close_connection = True
            return
        path = unquote(urlsplit(self.path).path)
        with self.owner.lock:
            if self.command == "GET":
                self.owner.served[path] += 1
            plans = self.owner.plans[path]
            plan = plans.pop(0) if plans and self.command == "GET" else ""
        if plan.isdigit():
            self.answer(int(plan), b"")
        elif path in self.owner.files:
            self.send_file(self.owner.files[path], plan)
        elif path.startswith("/api/"):
            self.api(path)
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self.resolve(*match.groups(), plan)
        elif plan.startswith("redirect "):
            self.answer(302, b"", {"Location": plan.split()[1]})
        else:
            self.answer(404, b"")

    def answer(self, status, body, headers=None):
        self.send_response(status)
        for key, value in {"Content-Length": len(body), **(headers or {})}.items():
            self.send_header(key, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def json(self, value, status=200):
        self.answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def send_file(self, content, plan="", headers=None):
        first = 0
        if asked := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            self.owner.ranges.append(asked[0])
            first = int(asked[1]) if plan != "ignore-range" else 0
        if first and first >= len(content):
            return self.answer(416, b"")
        body = content[first:]
        if plan == "corrupt":
            body = body[:-1] + bytes([body[-1] ^ 1])
        length = len(body) + {"long": 1000, "short": -1000}.get(plan, 0)
        self.send_response(206 if first else 200)
        if first:
            start = 0 if plan == "wrong-range" else first
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if plan == "unsized":
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(length))
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.send_body(body, length, plan)
        return None

    def send_body(self, body, length, plan):
        if plan == "slow":
            half = len(body) // 2
            self.wfile.write(body[:half])
            self.wfile.flush()
            time.sleep(1.5)
            body = body[half:]
        if plan in ("break", "long", "short"):
            self.close_connection = True
            body = {"break": body[: len(body) // 2], "short": body[:length]}.get(plan, body)
        self.owner.sent += len(body)
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def resolve(self, repository, revision, name, plan):
        commit = self.owner.repositories[repository].get(revision, revision)
        content = self.owner.commits.get(commit, {}).get(name)
        if content is None:
            return self.answer(404, b"", {"X-Error-Code": "EntryNotFound"})
        etag = hashlib.sha256(content).hexdigest()
        return self.send_file(content, plan, {"X-Repo-Commit": commit, "ETag": f'"{etag}"'})

    def api(self, path):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if path == "/api/repos/create":
            wanted = json.loads(body)
            return self.json({"url": f"{self.owner.url}/{wanted['organization']}/{wanted['name']}"})
        if path == "/api/validate-yaml":
            return self.json({"errors": [], "warnings": []})
        match = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/([\w-]+)/(.+))?", path)
        repository, verb, revision = match.groups() if match else (None, None, None)
        revisions = self.owner.repositories.get(repository)
        if verb == "preupload":
            wanted = json.loads(body)["files"]
            files = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False}
                     for f in wanted]  # fmt: skip
            return self.json({"files": files})
        if verb == "commit":
            return self.store(repository, revision, body)
        if verb == "branch":
            return self.json({})
        if revisions is None:
            return self.answer(404, b"", {"X-Error-Code": "RepoNotFound"})
        commit = revisions.get(revision or "main", revision)
        if commit not in self.owner.commits:
            return self.answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
        if verb == "paths-info":
            asked = parse_qs(body.decode()).get("paths", [])
            files = self.owner.commits[commit]
            return self.json([describe(name, files[name]) for name in asked if name in files])
        return self.json({"id": repository, "sha": commit, "siblings": []})

    def store(self, repository, revision, body):
        lines = [json.loads(line) for line in body.splitlines()]
        files = {
            line["value"]["path"]: base64.b64decode(line["value"]["content"])
            for line in lines
            if line["key"] == "file"
        }
        commit = self.owner.commit(repository, files, revision)
        return self.json(
            {
                "success": True,
                "commitOid": commit,
                "commitUrl": f"{self.owner.url}/{repository}/commit/{commit}",
            }
        )


def describe(name, content):
    """List a file as the Hub does: weights in LFS, the others in git."""
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    info = {"type": "file", "path": name, "size": len(content), "oid": blob}
    if name.endswith(".safetensors"):
        digest = hashlib.sha256(content).hexdigest()
        info["lfs"] = {"oid": digest, "size": len(content), "pointerSize": 130}
    return info
