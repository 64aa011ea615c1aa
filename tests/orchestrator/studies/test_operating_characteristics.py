"""Confirmations keep their error rates in simulation, and find what they were planned to find."""

import pytest

from benchmarks.confirmations import CASES, EQUIVALENCE, case_row

_TRIES = 300
# These integrals take minutes; their critical values are compared with tables.
_QUICK = [case for case in CASES if "4 conditions" not in case]


@pytest.mark.parametrize("case", [*_QUICK, EQUIVALENCE])
def test_false_alarms_are_as_rare_as_stated_and_power_is_as_planned(case: str) -> None:
    row = case_row(case, _TRIES)
    # 5 % of 300 tries, and three standard errors.
    assert row.false_alarms <= 0.05 + 3 * (0.05 * 0.95 / _TRIES) ** 0.5
    assert row.found >= 0.8 or row.planned is not None
    if row.planned is not None and "1 run, plates" not in case:
        assert row.found == pytest.approx(row.planned, abs=0.09)
