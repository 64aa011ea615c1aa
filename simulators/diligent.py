"""A virtual person, who does the checklists of the manual driver item by item."""

import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from drivers.base import DriverError
from drivers.manual import Checklist
from protocols.scoring import write_png
from simulators.camera import render_well

_ITEM_S = 0.03


class Diligent(threading.Thread):
    """Does the first open item of each checklist below a folder, and counts it.

    It counts only operations that must not be done twice.
    """

    def __init__(self, home: Path) -> None:
        super().__init__(daemon=True)
        self._home = home
        self.done = 0
        self.going_home = threading.Event()

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

    def _do_one(self, checklist: Checklist, picture: bytes) -> None:
        for job, _ in checklist.open_jobs()[:1]:
            for number, _, confirmed in checklist.items(job):
                if confirmed:
                    continue
                operation = job.operations[number - 1]
                if operation.reads == "image" and operation.well_name:
                    checklist.image(job.key, operation.well_name, picture, datetime.now(UTC))
                else:
                    checklist.confirm(job.key, [number], datetime.now(UTC))
                    self.done += not operation.repeatable
                return
