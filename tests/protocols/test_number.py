"""Numbers as they are, in the unit of the outcome."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from protocols.jobs import Reading
from protocols.scorers.number import Number
from protocols.scoring import Score


def score(number: float | None, unit: str = "", wanted: str = "") -> Score:
    reading = Reading(well="A1", kind="number", number=number, unit=unit)
    return Number(Number.Options(unit=wanted)).score(reading)


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(("", "mg", "ohm")))
def test_a_number_stays_what_it_is(number: float, unit: str) -> None:
    assert score(number, unit) == Score(value=number)
    assert score(number, unit, unit) == Score(value=number)


@pytest.mark.reproduction("B2")
def test_another_unit_is_converted_or_flagged() -> None:
    assert score(1.495, "g", "mg") == Score(value=1495)
    assert score(25, "degC", "kelvin") == Score(value=298.15)
    assert score(1.5, "g", "ohm") == Score(value=1.5, flags=("other_unit",))
    assert score(None) == Score(value=None, flags=("no_number",))
    with pytest.raises(ValidationError, match="'ohmm' is not a unit"):
        Number.Options(unit="ohmm")
