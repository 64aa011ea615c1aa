"""A kill at every boundary, and lines that drop: the short form of `make crash`."""

from pathlib import Path

import pytest

from drivers.base import KeyMemory
from tests.postgres import temporary_database
from tests.system.crash import campaign, one_plate
from tests.system.kills import Tally, every_point, kill_at, sqlite


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


def test_a_kill_at_any_boundary_does_no_harm_with_a_robot_that_cannot_say() -> None:
    tally, small = Tally(), one_plate(campaign(KeyMemory.CANNOT_SAY))
    with temporary_database() as url:

        def postgres(_: Path) -> str:
            return url

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
