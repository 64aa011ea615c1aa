"""Simulated twins of our drivers, for the conformance kit."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from drivers.clock import RealClock
from drivers.conformance.bench import amount_of
from drivers.job_book import JobBook
from drivers.twin import Done, Twin
from protocols.operations import well_of
from simulators.clock import AcceleratedClock
from simulators.diligent import Diligent
from simulators.firmware import CavroFirmware, Firmware, MasterflexFirmware, NE1000Firmware
from simulators.opentrons_server import LASTING, OpentronsServer
from simulators.robot import lab_log_path
from simulators.robot_log import Performed, RobotLog

_SPEED = 3000.0


@contextmanager
def simulated(home: Path) -> Iterator[Twin]:
    """The virtual robot is its own twin; its log counts what it did."""

    def logged() -> list[Performed]:
        """What was done, in every log below the folder, one log after the other as they began.

        A folder lists its files in no particular order.
        """
        logs = []
        for file in home.rglob(lab_log_path(Path(), "bench").name):
            log = RobotLog(file)
            logs.append([done for done in log.everything() if not done.operation.repeatable])
            log.close()
        begun = sorted((log for log in logs if log), key=lambda log: log[0].started_at)
        return list(chain.from_iterable(begun))

    def did() -> list[Done]:
        return [
            Done(done.operation.kind, well_of(done.operation), amount_of(done.operation))
            for done in logged()
        ]

    yield Twin(
        clock=AcceleratedClock(datetime.now(UTC), _SPEED),
        options={"lab": "bench", "culture": "enzyme-assay"},
        performed=lambda: len(logged()),
        did=did,
    )


@contextmanager
def _pump(firmware: type[Firmware], options: dict[str, Any]) -> Iterator[Twin]:
    running = firmware()
    try:
        yield Twin(
            clock=RealClock(),
            address=running.path,
            options=options,
            performed=lambda: len(running.moved_ul),
            did=lambda: [Done(amount=moved) for moved in running.moved_ul],
            crash=running.power_off_and_on,
            moving=lambda: running.moving,
        )
    finally:
        running.end()


def masterflex(home: Path) -> AbstractContextManager[Twin]:
    """A Masterflex L/S drive on a pseudo-terminal."""
    return _pump(MasterflexFirmware, {})


def serial(home: Path) -> AbstractContextManager[Twin]:
    """The same drive, for the driver that takes any profile."""
    return _pump(MasterflexFirmware, {"profile": "masterflex-ls"})


def ne1000(home: Path) -> AbstractContextManager[Twin]:
    """An NE-1000 on a pseudo-terminal."""
    return _pump(NE1000Firmware, {})


def cavro(home: Path) -> AbstractContextManager[Twin]:
    """A Cavro XLP 6000 on a pseudo-terminal, slow enough that a stop finds its plunger moving."""
    return _pump(CavroFirmware, {"settings": {"steps_per_s": 200}})


@contextmanager
def manual(home: Path) -> Iterator[Twin]:
    """A person who does every checklist below a folder, item by item, and counts."""
    person = Diligent(home)
    person.start()
    try:
        yield Twin(clock=RealClock(), performed=lambda: person.done)
    finally:
        person.going_home.set()
        person.join()


@contextmanager
def simulated_person(home: Path) -> Iterator[Twin]:
    """The simulated person is their own twin; their job book counts what they did."""

    def confirmed() -> int:
        """Items that were done and must not be done twice."""
        found = 0
        for file in home.rglob("people/*.sqlite"):
            book = JobBook(file)
            for job in book.taken():
                found += sum(not job.operations[n].repeatable for n in book.done(job.key))
            book.close()
        return found

    yield Twin(clock=AcceleratedClock(datetime.now(UTC), _SPEED), performed=confirmed)


OT2_DECK: dict[str, Any] = {
    "analyze": False,
    "pipettes": {
        "left": {
            "name": "p1000_single_gen2",
            "tips": "opentrons_96_tiprack_1000ul",
            "slots": [8, 9],
        },
        "right": {"name": "p20_single_gen2", "tips": "opentrons_96_tiprack_20ul", "slots": [10]},
    },
    "reservoirs": {"media": {"labware": "nest_12_reservoir_15ml", "slot": 5}},
    "liquids": {"water": {"reservoir": "media", "wells": ["A1"], "volume_ul": 14000}},
}
"""A deck with two pipettes and water."""


@contextmanager
def opentrons(home: Path) -> Iterator[Twin]:
    """A robot server on this machine."""
    server = OpentronsServer()
    try:
        yield Twin(
            clock=RealClock(),
            address=server.url,
            options=OT2_DECK,
            performed=lambda: server.lasting,
            did=lambda: [
                Done(kind, well or None)
                for kind, _, well in (
                    mark.split(": ")[1].partition(" ") for mark in list(server.done)
                )
                if kind in LASTING
            ],
            crash=server.crash,
            moving=lambda: server.moving,
        )
    finally:
        server.end()
