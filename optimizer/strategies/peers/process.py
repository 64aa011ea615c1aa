"""A library in an interpreter of its own: a JSON line in, a JSON line out, within a time limit."""

import contextlib
import json
import queue
import subprocess
import threading
import time
import weakref
from collections import deque
from typing import Any

from protocols.errors import WellwiseError

_LONGEST_LINE = 2**24
"""Characters of one answer: a batch of thousands of conditions is a tenth of it."""

_KEPT_LINES = 5
"""How many of the last lines on its stderr are kept for when it ends."""

_LAST_WORDS_S = 1.0

_AGAIN = ": ask again; if it goes on, delete its environment and set it up again"


class PeerFailed(WellwiseError):
    """Another optimiser did not answer as it should; the message says which, what and why."""


class PeerProcess:
    """Asks one process; started by the first request, ended with this object.

    After an error the next request starts it anew. One thread at a time.
    """

    def __init__(self, title: str, command: list[str]) -> None:
        """Of what it is, for people, and what to start."""
        self._title, self._command = title, command
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()
        self._last: deque[str] = deque(maxlen=_KEPT_LINES)
        self._number = 0

    def ask(self, request: dict[str, Any], limit_s: float) -> dict[str, Any]:
        """The answer to a request.

        Raises:
            PeerFailed: the process cannot be started, ends, says something else, or has not
                answered within `limit_s` seconds; it is ended then.
        """
        self._number += 1
        try:
            answer = self._answer(json.dumps({**request, "id": self._number}), limit_s)
        except BaseException:
            self.close()
            raise
        if "error" in answer:
            raise PeerFailed(f"{self._title} made no proposals: {answer['error']}")
        return answer

    def close(self) -> None:
        """End the process, if it runs."""
        if self._process is not None:
            self._end()
            self._process = None

    def _answer(self, line: str, limit_s: float) -> dict[str, Any]:
        until = time.monotonic() + limit_s
        process = self._started()
        assert process.stdin is not None
        # It may not read while it starts: writing waits in a thread of its own.
        threading.Thread(target=_write, args=(process, line), daemon=True).start()
        try:
            said = self._lines.get(timeout=max(until - time.monotonic(), 0.0))
        except queue.Empty:
            raise PeerFailed(
                f"{self._title} has not answered within {limit_s:g} s and was ended: raise the "
                "option limit_s, or ask for fewer conditions"
            ) from None
        if not said:
            code = _code(process)
            self._errors.join(_LAST_WORDS_S)
            last = next((text for text in reversed(self._last) if text.strip()), "it said nothing")
            raise PeerFailed(f"the process of {self._title} ended ({code}): {last[:300]}{_AGAIN}")
        try:
            answer = json.loads(said)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or answer.get("id") != self._number:
            raise PeerFailed(f"{self._title} said {said[:200]!r}, which is no answer{_AGAIN}")
        return answer

    def _started(self) -> "subprocess.Popen[str]":
        if self._process is not None:
            return self._process
        try:
            process = subprocess.Popen(  # noqa: S603 - the interpreter follows from the home
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise PeerFailed(f"{self._title} cannot be started: {error}") from None
        self._process = process
        self._end = weakref.finalize(self, _ended, process)
        self._lines, self._last = queue.Queue(), deque(maxlen=_KEPT_LINES)
        threading.Thread(target=_read, args=(process, self._lines), daemon=True).start()
        self._errors = threading.Thread(target=_drain, args=(process, self._last), daemon=True)
        self._errors.start()
        return process


def _write(process: "subprocess.Popen[str]", line: str) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(line + "\n")
        process.stdin.flush()
    except (OSError, ValueError):
        pass  # it has ended, which its reader sees


def _read(process: "subprocess.Popen[str]", lines: "queue.Queue[str]") -> None:
    """Every line that it says; an empty one when it has ended."""
    assert process.stdout is not None
    try:
        while line := process.stdout.readline(_LONGEST_LINE):
            lines.put(line)
    except (OSError, ValueError):
        pass  # it was closed
    lines.put("")


def _drain(process: "subprocess.Popen[str]", last: deque[str]) -> None:
    assert process.stderr is not None
    try:
        while line := process.stderr.readline(_LONGEST_LINE):
            last.append(line.rstrip())
    except (OSError, ValueError):
        pass  # it was closed


def _code(process: "subprocess.Popen[str]") -> int | None:
    try:
        return process.wait(_LAST_WORDS_S)
    except subprocess.TimeoutExpired:
        return None


def _ended(process: "subprocess.Popen[str]") -> None:
    """End a process that keeps nothing."""
    process.kill()
    process.wait()
    if process.stdin is not None:
        with contextlib.suppress(OSError):  # what it did not read is lost with it
            process.stdin.close()
