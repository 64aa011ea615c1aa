"""A simulated Opentrons robot server: the answers that the driver asks for."""

import json
import re
import threading
import uuid
from datetime import UTC, datetime
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_MARK = re.compile(r"protocol\.comment\('(operation \d+ done: (\w+).*?)'\)")
_LASTING = {"dispense", "aspirate", "mix", "detach", "transfer", "incubate"}


class OpentronsServer(ThreadingHTTPServer):
    """A robot server on this machine; what it did is counted, and survives `crash`."""

    daemon_threads = True

    def __init__(self, operation_s: float = 0.05) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.operation_s = operation_s
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.done: list[str] = []
        """The marks of operations that were done."""
        self.lock = threading.RLock()
        self.protocols: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []
        self.down = False
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def lasting(self) -> int:
        """How many operations were done that must not be done twice."""
        return sum(mark.split(": ")[1].split()[0] in _LASTING for mark in self.done)

    def end(self) -> None:
        """Switch it off."""
        for run in self.runs:
            run["ending"].set()
        self.shutdown()
        self.server_close()

    def crash(self) -> None:
        """Kill and restart the server.

        Protocols and finished runs are remembered, a run under way is lost.
        """
        with self.lock:
            for run in self.runs:
                if run["status"] in ("idle", "running", "paused"):
                    run["ending"].set()
                    run.update(status="stopped", ok=False, current=False, commands=[])
                    run["dataError"] = {"id": "RunDataError", "title": "no engine state data"}

    def work(self, run: dict[str, Any], text: str) -> None:
        """Do the operations of a run, one after the other."""
        for mark, _ in _MARK.findall(text):
            if run["ending"].wait(self.operation_s):
                return
            while run["status"] == "paused":
                if run["ending"].wait(0.01):
                    return
            with self.lock:
                if run["ending"].is_set():
                    return
                self.done.append(mark)
                run["commands"].append(
                    {"commandType": "comment", "status": "succeeded", "params": {"message": mark}}
                )
        with self.lock:
            run.update(status="succeeded", completedAt=datetime.now(UTC).isoformat())


class _Handler(BaseHTTPRequestHandler):
    server: OpentronsServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Be silent."""

    def do_GET(self) -> None:
        """Health, protocols, runs and commands."""
        path = self.path.partition("?")[0]
        with self.server.lock:
            if self.server.down:
                self._fail(503, "HardwareNotYetInitialized", "the robot is starting")
            elif path == "/health":
                self._answer(
                    200,
                    {"name": "simulated", "robot_model": "OT-2 Standard", "api_version": "8.2.0"},
                    bare=True,
                )
            elif path == "/protocols":
                self._answer(
                    200,
                    [
                        {k: v for k, v in entry.items() if k != "text"}
                        for entry in self.server.protocols
                    ],
                )
            elif path == "/runs":
                self._answer(200, [_public(run) for run in self.server.runs])
            elif found := re.fullmatch(r"/runs/([\w-]+)(/commands)?", path):
                run = self._run(found[1])
                if run is not None:
                    self._answer(200, run["commands"] if found[2] else _public(run))
            else:
                self._fail(404, "NotFound", path)

    def do_POST(self) -> None:
        """A protocol, a run, or an action."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.server.lock:
            if self.path == "/protocols":
                self._take_protocol(body)
            elif self.path == "/runs":
                self._make_run(json.loads(body)["data"]["protocolId"])
            elif found := re.fullmatch(r"/runs/([\w-]+)/actions", self.path):
                run = self._run(found[1])
                if run is not None:
                    self._act(run, json.loads(body)["data"]["actionType"])
            else:
                self._fail(404, "NotFound", self.path)

    def _take_protocol(self, body: bytes) -> None:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts = {
            str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)
            for part in BytesParser().parsebytes(head + body).walk()
            if not part.is_multipart()
        }
        text, key = (bytes(parts[name] or b"").decode() for name in ("files", "key"))
        for entry in self.server.protocols:
            if entry["text"] == text:
                self._answer(201, {k: v for k, v in entry.items() if k != "text"})
                return
        entry = {"id": str(uuid.uuid4()), "protocolType": "python", "key": key, "text": text}
        self.server.protocols.append(entry)
        self._answer(201, {k: v for k, v in entry.items() if k != "text"})

    def _make_run(self, protocol: str) -> None:
        if any(run["status"] not in ("stopped", "succeeded", "failed") for run in self.server.runs):
            self._fail(409, "RunAlreadyActive", "another run is not idle or stopped")
            return
        for run in self.server.runs:
            run["current"] = False
        run = {
            "id": str(uuid.uuid4()), "ok": True, "status": "idle", "current": True, "actions": [],
            "errors": [], "protocolId": protocol, "commands": [], "ending": threading.Event(),
        }  # fmt: skip
        self.server.runs.append(run)
        self._answer(201, _public(run))

    def _act(self, run: dict[str, Any], action: str) -> None:
        run["actions"].append({"id": str(uuid.uuid4()), "actionType": action})
        if action == "play":
            if run["status"] == "idle":
                text = next(
                    entry["text"]
                    for entry in self.server.protocols
                    if entry["id"] == run["protocolId"]
                )
                threading.Thread(target=self.server.work, args=(run, text), daemon=True).start()
            run["status"] = "running"
        elif action == "pause":
            run["status"] = "paused"
        elif action == "stop":
            run["ending"].set()
            run.update(status="stopped", completedAt=datetime.now(UTC).isoformat())
        self._answer(201, run["actions"][-1])

    def _run(self, name: str) -> dict[str, Any] | None:
        for run in self.server.runs:
            if run["id"] == name:
                return run
        self._fail(404, "RunNotFound", name)
        return None

    def _answer(self, status: int, data: Any, bare: bool = False) -> None:
        content = json.dumps(data if bare else {"data": data}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _fail(self, status: int, name: str, detail: str) -> None:
        self._answer(status, {"errors": [{"id": name, "title": name, "detail": detail}]}, bare=True)


def _public(run: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in run.items() if name not in ("ending", "commands")}
