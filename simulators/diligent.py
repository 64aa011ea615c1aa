"""A virtual person, who does the checklists of the manual driver item by item."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from drivers.base import DriverError
from drivers.checklist import Checklist
from protocols.images import write_png
from protocols.operations import Operation
from simulators.camera import render_well

_ITEM_S = 0.03


class Diligent(threading.Thread):
    """Does the first open item of each checklist below a folder, and counts it.

    It counts only operations that must not be done twice. `pictures` are the images that it gives
    of wells, by their names; of others it gives one that is rendered.
    """

    def __init__(self, home: Path, pictures: Mapping[str, bytes] | None = None) -> None:
        super().__init__(daemon=True)
        self._pictures = pictures or {}
        self._home = home
        self._done = 0
        # What a checklist says and what is counted are one: a stop may come between them.
        self._at_it = threading.Lock()
        self.going_home = threading.Event()

    @property
    def done(self) -> int:
        """How many operations that must not be done twice it has done."""
        with self._at_it:
            return self._done

    def run(self) -> None:
        """Work until it is time to go home."""
        picture = write_png(render_well(0.5, np.random.default_rng(0)))
        checklists: dict[Path, Checklist] = {}
        while not self.going_home.wait(_ITEM_S):
            for book in sorted(self._home.rglob("people/*.sqlite")):
                if book not in checklists:
                    checklists[book] = Checklist(book.parent.parent, book.stem)
                # A job may be stopped between looking and doing.
                with suppress(DriverError):
                    self._do_one(checklists[book], picture)
        for checklist in checklists.values():
            checklist.close()

    def _given(self, operation: Operation, picture: bytes) -> float | bytes:
        """What the person's instruments give."""
        if operation.reads == "image":
            return self._pictures.get(operation.well_name or "", picture)
        if operation.reads == "plate":
            return b"well,value\n" + b"".join(b"A%d,0.5\n" % n for n in range(1, 13))
        return b"time [s],signal\n0,0.1\n1,0.2\n" if operation.reads == "trace" else 0.5

    def _do_one(self, checklist: Checklist, picture: bytes) -> None:
        for job, _ in checklist.open_jobs()[:1]:
            for item in checklist.items(job):
                if item.done:
                    continue
                number, operation = item.number, item.operation
                if operation.reads is not None:
                    given = self._given(operation, picture)
                    checklist.read(job.key, number, given, datetime.now(UTC))
                else:
                    with self._at_it:
                        checklist.confirm(job.key, [number], datetime.now(UTC))
                        self._done += not operation.repeatable
                return
