import pytest
from pydantic import TypeAdapter, ValidationError

from protocols.quantities import Quantity, Temperature, Volume


@pytest.mark.parametrize(
    ("text", "unit", "magnitude"),
    [("2 mL", "uL", 2000), ("3 min", "s", 180), ("98.6 degF", "degC", 37)],
)
def test_a_quantity_is_expressed_in_another_unit(text: str, unit: str, magnitude: float) -> None:
    assert Quantity.parse(text).to(unit) == pytest.approx(magnitude)


def test_a_quantity_prints_as_it_is_written() -> None:
    assert str(TypeAdapter(Volume).validate_python("0.1 mL")) == "0.1 mL"
    assert TypeAdapter(Volume).validate_python("0.1 mL").to("uL") == 100.0


@pytest.mark.parametrize("text", ["2", "mL", "2 h", "-1 mL", "2 mLL", 2])
def test_a_volume_that_is_none_is_refused(text: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Volume).validate_python(text)


def test_a_temperature_may_be_below_zero() -> None:
    assert TypeAdapter(Temperature).validate_python("-20 degC").to("degC") == -20
