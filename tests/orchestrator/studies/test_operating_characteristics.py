"""Confirmations keep their error rates in simulation, and find what they were planned to find."""

import pytest
from scipy.stats import binom

from benchmarks.confirmations import ALPHA, CASES, EQUIVALENCE, case_row

_TRIES, _SURE = 200, 0.998
# Tukey's integrals take minutes; their critical values are compared with tables.
_QUICK = [case for case in CASES if "Tukey" not in case]


@pytest.mark.parametrize("case", [*_QUICK, EQUIVALENCE])
def test_false_alarms_are_as_rare_as_stated_and_power_is_as_planned(case: str) -> None:
    row = case_row(case, _TRIES)
    assert row.false_alarms * _TRIES <= binom.ppf(_SURE, _TRIES, ALPHA)
    if row.planned is None:
        assert row.found >= 0.8
    elif "1 run, plates" not in case:
        low, high = binom.interval(_SURE, _TRIES, row.planned)
        assert low <= row.found * _TRIES <= high
