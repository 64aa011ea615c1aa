"""ResponseCache: answers that are the same for all who ask, made once for each version."""

import threading
from collections.abc import Callable, Hashable
from typing import NamedTuple


class _Made(NamedTuple):
    version: Hashable
    text: str


class ResponseCache:
    """The latest text of each answer; whoever asks while it is being made waits for it."""

    def __init__(self) -> None:
        self._made: dict[str, _Made] = {}
        self._locks: dict[str, threading.Lock] = {}

    def of(self, key: str, version: Hashable, draw: Callable[[], str]) -> str:
        """The text that was made for this version, or a new one."""
        with self._locks.setdefault(key, threading.Lock()):
            known = self._made.get(key)
            if known is None or known.version != version:
                known = self._made[key] = _Made(version, draw())
            return known.text
