"""Devices in a process of their own, at the end of a TCP line; nothing of wellwise is in it.

`python device.py LOG SECONDS` prints its port. A request is one JSON object a line, and gets one
answer. What an arm did is in the log, a line an operation, on the disk before the next one begins:
the log outlives every process that speaks to the device, and is the judge of what was done.
"""

import contextlib
import json
import os
import socketserver
import sys
import threading
import time
from typing import Any

Request = dict[str, Any]


class Arm:
    """One device: it does one operation at a time, whoever asks for it."""

    def __init__(self, name: str, log: "Log", operation_s: float) -> None:
        self._name, self._log, self._operation_s = name, log, operation_s
        self._turn = threading.Lock()
        self._jobs: dict[str, Request] = {}
        self._order = 0
        self._stops = 0
        self._since = time.monotonic()
        self.answers = threading.Event()
        self.answers.set()
        self.hears = True

    def job(self, request: Request) -> Request:
        """Begin a job; one that is known by its key is not begun again."""
        key = str(request["key"])
        if request["remembers"] and key in self._jobs:
            return {"content": self._jobs[key]["content"]}
        self._log.write(robot=self._name, heard=key)
        self._order += 1
        job = request | {"state": "running", "order": self._order, "readings": []}
        self._jobs[key] = job
        threading.Thread(target=self._carry_out, args=(job, self._stops), daemon=True).start()
        return {"content": job["content"], "order": self._order}

    def ask(self, request: Request) -> Request:
        """How far a job is."""
        job = self._jobs.get(request["key"])
        remembers_s = time.monotonic() - self._since
        return {"state": "unknown", "remembers_s": remembers_s} if job is None else job

    def operation(self, request: Request) -> Request:
        """Do one operation and answer when it is done."""
        self._log.write(robot=self._name, heard=request["key"])
        return {"number": self._done(request["key"], request["operation"], self._stops)}

    def stop(self, _: Request) -> Request:
        """Nothing moves any more when this is answered."""
        self._stops += 1
        with self._turn:
            self._log.write(robot=self._name, stopped=True)
        return {}

    def forget(self, request: Request) -> Request:
        """The power fails for a moment: nothing moves, nothing is remembered."""
        self.stop(request)
        self._jobs.clear()
        self._since = time.monotonic()
        return {}

    def hang(self, request: Request) -> Request:
        """Answer nothing from now on, or answer again; `hears`: whether requests arrive."""
        self.hears = bool(request["hears"])
        (self.answers.clear if request["on"] else self.answers.set)()
        return {}

    def busy(self, _: Request) -> Request:
        """Whether a job is under way."""
        return {"busy": any(job["state"] == "running" for job in self._jobs.values())}

    def _carry_out(self, job: Request, stops: int) -> None:
        for operation in job["operations"]:
            number = self._done(job["key"], operation, stops)
            if number is None:
                job["state"] = "failed"
                return
            if operation["kind"] == "measure":
                job["readings"].append([operation["well"], number])
        job["state"] = "done"

    def _done(self, key: str, operation: Request, stops: int) -> float | None:
        with self._turn:
            if self._stops != stops:
                return None
            time.sleep(self._operation_s)
            self._log.write(robot=self._name, key=key, did=operation)
        return float(ord(operation["well"][0]) + int(operation["well"][1:]))


class Log:
    """An append-only file; what is written is on the disk when `write` returns."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._lock = threading.Lock()

    def write(self, **entry: Any) -> None:
        """One line."""
        with self._lock:
            os.write(self._file, (json.dumps({"at": time.time()} | entry) + "\n").encode())
            os.fsync(self._file)


class Line(socketserver.StreamRequestHandler):
    """A connection to one of the arms."""

    def handle(self) -> None:
        """Answer until the other side has gone."""
        with contextlib.suppress(OSError):
            self._answer()

    def _answer(self) -> None:
        arms: dict[str, Arm] = self.server.arms  # type: ignore[attr-defined]
        for text in self.rfile:
            request = json.loads(text)
            arm = arms[request["robot"]]
            works = request["do"] in ("hang", "busy", "forget")
            if not works and not arm.answers.is_set() and not arm.hears:
                arm.answers.wait()
                return
            answer = getattr(arm, request["do"])(request)
            if not works:
                arm.answers.wait()
            self.wfile.write((json.dumps(answer) + "\n").encode())


class Server(socketserver.ThreadingTCPServer):
    """Every arm behind one port."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64


def main() -> None:
    """Serve until killed."""
    log = Log(sys.argv[1])
    with Server(("127.0.0.1", 0), Line) as server:
        server.arms = {  # type: ignore[attr-defined]
            name: Arm(name, log, float(sys.argv[2])) for name in ("hand", "spare", "reader")
        }
        print(server.server_address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
