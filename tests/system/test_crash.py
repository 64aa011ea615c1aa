"""The short form of `make crash`: every boundary on each engine, each mishap once."""

from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import pytest

from drivers.base import KeyMemory
from tests.postgres import temporary_database
from tests.system.crash import campaign, one_plate, try_once
from tests.system.kills import Tally, every_point, kill_at, sqlite
from tests.system.mishaps import SCENARIOS, why_not
from tests.system.verdict import Verdict


@pytest.fixture(scope="module")
def postgres() -> Iterator[Callable[[Path], str]]:
    with temporary_database() as url:
        yield lambda home: url


def no_harm(tally: Tally, points: list[int]) -> None:
    assert tally.kills == len(points)
    assert tally.duplicates == 0
    assert tally.lost == 0
    assert tally.problems == []


def test_a_kill_at_any_boundary_does_no_harm_with_a_robot_that_remembers() -> None:
    tally, small = Tally(), one_plate(campaign(KeyMemory.REMEMBERS_KEYS))
    points = every_point(sqlite, small)
    kill_at(points, sqlite, small, tally)
    no_harm(tally, points)
    assert tally.doubts == 0


def test_a_kill_at_any_boundary_does_no_harm_with_a_robot_that_cannot_say(
    postgres: Callable[[Path], str],
) -> None:
    tally, small = Tally(), one_plate(campaign(KeyMemory.CANNOT_SAY))
    points = every_point(postgres, small)
    kill_at(points, postgres, small, tally)
    no_harm(tally, points)
    assert tally.doubts > 0


@pytest.mark.parametrize("memory", list(KeyMemory))
@pytest.mark.parametrize("received", [False, True])
def test_a_line_that_drops_does_no_harm(memory: KeyMemory, received: bool) -> None:
    drop = {"kind": "disconnect", "round": 1, "plate": 1, "step": "react", "heard": received}
    tally, small = Tally(), one_plate(campaign(memory, drop))
    points = every_point(sqlite, small)[::12]
    kill_at(points, sqlite, small, tally)
    no_harm(tally, points)


MEMORIES = list(KeyMemory)
CASES = [
    (scenario, "sqlite" if number % 2 and not why_not(scenario, "sqlite") else "postgresql", memory)
    for number, (scenario, memory) in enumerate(zip(SCENARIOS, cycle(MEMORIES), strict=False))
]


@pytest.mark.reproduction("A1", "A2", "A4", "A5", "A7", "A8", "A9")
@pytest.mark.parametrize(("scenario", "database", "memory"), CASES)
def test_a_mishap_does_no_harm(scenario: str, database: str, memory: KeyMemory) -> None:
    if reason := why_not(scenario, database):
        pytest.skip(reason)
    verdict = Verdict()
    try_once(scenario, database, memory, 2, verdict)
    assert verdict.problems == []
    assert (verdict.duplicates, verdict.never_done, verdict.false_doubts) == (0, 0, 0)
    assert verdict.runs >= 1


@pytest.mark.reproduction("A5")
def test_a_robot_that_forgot_what_it_was_told_is_not_told_again() -> None:
    verdict = Verdict()
    for seed in range(3):
        try_once("forgets", "sqlite", KeyMemory.REMEMBERS_KEYS, seed, verdict)
    assert (verdict.runs, verdict.struck, verdict.duplicates) == (3, 3, 0)
    assert verdict.doubts > 0
