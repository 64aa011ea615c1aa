"""Quantities with units, as people write them in a campaign file: `2 mL`, `3 min`, `37 degC`."""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

if TYPE_CHECKING:
    import pint

EXAMPLES = {
    "any": "2 uM",
    "uL": "2 mL",
    "s": "3 min",
    "mm/s": "10 mm/s",
    "degC": "37 degC",
    "day": "1 day",
    "delta_degC/min": "2 degC/min",
    "uL/s": "100 uL/min",
    "rpm": "300 rpm",
    "mg": "5 mg",
    "nm": "450 nm",
}


@cache
def _units() -> "pint.UnitRegistry[Any]":
    # Pint reads its definitions for a good part of a second's time: only who converts waits for it.
    import pint

    units: pint.UnitRegistry[Any] = pint.UnitRegistry(autoconvert_offset_to_baseunit=True)
    # What a lab counts, and pint does not know: numbers without a dimension, as its `count` is.
    for counted in (
        "cell = []",
        "colony_forming_unit = [] = CFU",
        "plaque_forming_unit = [] = PFU",
        "optical_density = [] = OD",
        "relative_fluorescence_unit = [] = RFU",
        "relative_light_unit = [] = RLU",
    ):
        units.define(counted)
    return units


def load_units() -> None:
    """Read the definitions now, in a program that should not wait for it later."""
    _units()


@lru_cache(maxsize=512)
def same_dimension(unit: str, other: str) -> bool:
    """Whether two units measure the same kind of thing.

    A rotation (rpm) and a frequency (Hz) do not: pint converts between them by 2 pi, which nobody
    means who writes Hz for turns a second.

    Raises:
        ValueError: one of them is not a unit that pint knows.
    """
    one, two = _unit(unit), _unit(other)
    return bool(one.is_compatible_with(two)) and _angles(one) == _angles(two)


@lru_cache(maxsize=512)
def conversion(value: float, unit: str, to: str) -> float:
    """`value` in `unit`, expressed in `to`.

    Raises:
        ValueError: unknown unit, or units of different dimensions.
    """
    if unit == to:
        return value
    if not same_dimension(unit, to):
        raise ValueError(f"{unit} cannot be expressed in {to}")
    # Rounding removes the binary dust of a conversion (0.1 mL -> 100.00000000000001 uL).
    return float(f"{_units().Quantity(value, _unit(unit)).to(_unit(to)).magnitude:.12g}")


def readable(value: float, unit: str) -> tuple[float, str]:
    """The same amount with the prefix that people would choose.

    >>> readable(1136000.0, "ug")
    (1.136, 'g')
    """
    prefixes = ("pmol", "nmol", "umol", "mmol"), ("ug", "mg", "g", "kg"), ("uL", "mL", "L")
    for units in prefixes:
        if unit in units:
            held = [(conversion(value, unit, other), other) for other in units]
            return next((one for one in reversed(held) if abs(one[0]) >= 1), held[0])
    return value, unit


@lru_cache(maxsize=512)
def _unit(unit: str) -> Any:
    try:
        return _units().Unit(unit)
    except Exception as error:
        raise ValueError(f"{unit!r} is not a unit") from error


def _angles(unit: Any) -> Any:
    """How often a plane angle is in a unit."""
    return dict(_units().Quantity(1.0, unit).to_root_units().unit_items()).get("radian", 0)


@dataclass(frozen=True)
class Quantity:
    """A magnitude and its unit; written and serialised as one string, such as `2 mL`."""

    magnitude: float
    unit: str

    @classmethod
    def parse(cls, text: str) -> "Quantity":
        """Read `2 mL`.

        Raises:
            ValueError: no number, no unit, or a unit that pint does not know.
        """
        number, _, unit = text.strip().partition(" ")
        try:
            magnitude = float(number)
        except ValueError:
            raise ValueError(f"{text!r} does not start with a number and a space") from None
        if not unit.strip():
            raise ValueError(f"{text!r} has no unit")
        _unit(unit.strip())
        return cls(magnitude, unit.strip())

    def to(self, unit: str) -> float:
        """The magnitude in another unit of the same dimension.

        Raises:
            ValueError: the units measure different things.
        """
        return conversion(self.magnitude, self.unit, unit)

    def __str__(self) -> str:
        return f"{self.magnitude:g} {self.unit}"


@dataclass(frozen=True)
class Dimension:
    """Annotation for a `Quantity` field of the dimension of `unit` (None: any).

    `lower` is the smallest magnitude allowed, in `unit`.
    """

    unit: str | None
    lower: float | None = 0.0

    @property
    def example(self) -> str:
        """How a person would write such a quantity."""
        return EXAMPLES[self.unit or "any"]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self._validate, serialization=core_schema.to_string_ser_schema()
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {
            "type": "string",
            "description": f"a quantity with a unit, such as '{self.example}'",
            "examples": [self.example],
        }

    def _validate(self, value: Any) -> Quantity:
        expected = f"a quantity such as '{self.example}'"
        if isinstance(value, Quantity):
            quantity = value
        elif isinstance(value, str):
            try:
                quantity = Quantity.parse(value)
            except ValueError as error:
                raise _quantity_error(str(error), expected) from None
        else:
            raise _quantity_error(f"{value!r} has no unit", expected)
        try:
            magnitude = quantity.to(self.unit or quantity.unit)
        except ValueError:
            raise _quantity_error(
                f"the unit of '{quantity}' measures something else", expected
            ) from None
        if self.lower is not None and magnitude < self.lower:
            raise _quantity_error(
                f"'{quantity}' is below {self.lower:g} {self.unit or quantity.unit}", expected
            )
        return quantity


def _quantity_error(message: str, expected: str) -> PydanticCustomError:
    return PydanticCustomError("quantity", "{message}", {"message": message, "expected": expected})


AnyQuantity = Annotated[Quantity, Dimension(None, lower=None)]
Concentration = Annotated[Quantity, Dimension(None)]
Volume = Annotated[Quantity, Dimension("uL")]
Duration = Annotated[Quantity, Dimension("s")]
Speed = Annotated[Quantity, Dimension("mm/s")]
Temperature = Annotated[Quantity, Dimension("degC", lower=None)]
Heating = Annotated[Quantity, Dimension("delta_degC/min")]
Flow = Annotated[Quantity, Dimension("uL/s")]
Rotation = Annotated[Quantity, Dimension("rpm")]
Mass = Annotated[Quantity, Dimension("mg")]
Wavelength = Annotated[Quantity, Dimension("nm")]
