"""A simulated Opentrons robot server: the answers that the driver asks for."""

import json
import re
import threading
import uuid
from datetime import UTC, datetime, timedelta
from email.parser import BytesParser
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_MARK = re.compile(r"protocol\.comment\('(operation \d+ done: (\w+).*?)'\)")
_KEPT_RUNS = 20
_ENDED = ("stopped", "succeeded", "failed")
LASTING = {"dispense", "aspirate", "mix", "detach", "transfer", "incubate"}


class OpentronsServer(ThreadingHTTPServer):
    """A robot server on this machine; what it did is counted, and survives `crash`.

    As the real one it keeps twenty runs, lets anybody delete one, and replaces a run that was made
    and not started. `version` 7.2.2 calls comments `custom`; its clock may be `clock_off`.
    """

    daemon_threads = True

    def __init__(
        self,
        operation_s: float = 0.05,
        version: str = "8.2.0",
        clock_off: timedelta = timedelta(0),
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.version, self.clock_off = version, clock_off
        self.operation_s = operation_s
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.done: list[str] = []
        """The marks of operations that were done."""
        self.lock = threading.RLock()
        self.protocols: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []
        self.modules: list[dict[str, Any]] = []
        """Those that are attached, as `GET /modules` has them."""
        self.down = False
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def lasting(self) -> int:
        """How many operations were done that must not be done twice."""
        return sum(mark.split(": ")[1].split()[0] in LASTING for mark in self.done)

    @property
    def moving(self) -> bool:
        """Whether a run is under way, and not paused."""
        with self.lock:
            return any(run["status"] == "running" for run in self.runs)

    def now(self) -> datetime:
        """The time on its clock."""
        return datetime.now(UTC) + self.clock_off

    def finish(self, run: dict[str, Any], status: str) -> None:
        """End a run where it is, as from the App."""
        with self.lock:
            run["ending"].set()
            run.update(status=status, completedAt=self.now().isoformat())

    def delete(self, name: str) -> None:
        """Forget a run."""
        with self.lock:
            self.runs[:] = [run for run in self.runs if run["id"] != name]

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
                run["commands"].append(self._comment(mark))
        with self.lock:
            run.update(status="succeeded", completedAt=self.now().isoformat())

    def _comment(self, message: str) -> dict[str, Any]:
        if self.version.startswith("7."):
            params = {"legacyCommandType": "command.COMMENT", "legacyCommandText": message}
            return {"commandType": "custom", "status": "succeeded", "params": params}
        return {"commandType": "comment", "status": "succeeded", "params": {"message": message}}


class _Handler(BaseHTTPRequestHandler):
    server: OpentronsServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Be silent."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The time of its answers, on its own clock."""
        return format_datetime(self.server.now(), usegmt=True)

    def do_GET(self) -> None:
        """Health, protocols, runs and commands."""
        path = self.path.partition("?")[0]
        with self.server.lock:
            if self.server.down:
                self._fail(503, "HardwareNotYetInitialized", "the robot is starting")
            elif path == "/health":
                health = {"name": "simulated", "robot_model": "OT-2 Standard"}
                self._answer(200, health | {"api_version": self.server.version}, bare=True)
            elif path == "/protocols":
                self._answer(
                    200,
                    [
                        {k: v for k, v in entry.items() if k != "text"}
                        for entry in self.server.protocols
                    ],
                )
            elif path == "/modules":
                self._answer(200, self.server.modules)
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

    def do_DELETE(self) -> None:
        """A run that is not under way."""
        found = re.fullmatch(r"/runs/([\w-]+)", self.path)
        with self.server.lock:
            run = None if found is None else self._run(found[1])
            if run is None:
                return
            if run["current"] and run["status"] not in (*_ENDED, "idle"):
                self._fail(409, "RunNotIdle", "it is under way")
                return
            self.server.delete(run["id"])
            self._answer(200, {})

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
        current = [run for run in self.server.runs if run["current"]]
        if any(run["status"] not in (*_ENDED, "idle") for run in current):
            self._fail(409, "RunAlreadyActive", "another run is not idle or stopped")
            return
        for run in self.server.runs:
            run["current"] = False
        run = {
            "id": str(uuid.uuid4()), "ok": True, "status": "idle", "current": True, "actions": [],
            "errors": [], "protocolId": protocol, "commands": [], "ending": threading.Event(),
        }  # fmt: skip
        self.server.runs.append(run)
        del self.server.runs[:-_KEPT_RUNS]
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
            run.update(status="stopped", completedAt=self.server.now().isoformat())
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
