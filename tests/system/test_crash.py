"""The short form of `make crash`: each mishap once (its kills are in `test_kills`)."""

from itertools import cycle

import pytest

from drivers.base import KeyMemory
from tests.system.crash import try_once
from tests.system.mishaps import SCENARIOS, why_not
from tests.system.verdict import Verdict

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
    # On a computer that is busy a run may be over before it is struck.
    assert (verdict.runs, verdict.duplicates, verdict.never_done) == (3, 0, 0)
    assert verdict.struck > 0
    assert verdict.doubts > 0
