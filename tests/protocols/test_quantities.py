import pytest
from pydantic import TypeAdapter, ValidationError

from protocols.quantities import Quantity, Temperature, Volume, readable


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


@pytest.mark.parametrize(
    ("amount", "unit", "shown"),
    [
        (1_208_000.0, "pmol", (1.208, "umol")),
        (936_800.0, "ug", (936.8, "mg")),
        (0.2, "ug", (0.2, "ug")),
        (0.0, "uL", (0.0, "uL")),
        (40.0, "U", (40.0, "U")),
    ],
)
def test_an_amount_has_the_prefix_that_a_balance_or_a_pipette_has(
    amount: float, unit: str, shown: tuple[float, str]
) -> None:
    assert readable(amount, unit) == shown


@pytest.mark.parametrize("text", ["2e5 cells/mL", "300 CFU/mL", "0.6 OD", "1200 RFU", "9 mAU*s"])
def test_what_a_lab_counts_has_a_unit(text: str) -> None:
    assert str(Quantity.parse(text)).split()[1] == text.split()[1]
