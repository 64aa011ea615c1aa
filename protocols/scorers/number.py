"""A scorer of numbers as they are: what an instrument, or its file, says of a well."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from protocols.jobs import Reading
from protocols.quantities import conversion, same_dimension
from protocols.scoring import Score


class Number:
    """The number of a reading, in `unit` if one is given."""

    version: ClassVar[str] = "1"

    class Options(BaseModel):
        """What a campaign file says of it."""

        model_config = ConfigDict(frozen=True, extra="forbid")

        unit: str = Field(
            "",
            max_length=50,
            description="of the outcome; readings in another unit are converted to it",
        )

        @field_validator("unit")
        @classmethod
        def _known(cls, unit: str) -> str:
            same_dimension(unit or "dimensionless", "dimensionless")
            return unit

    def __init__(self, options: Options) -> None:
        """With the options of the campaign's outcome."""
        self._unit = options.unit

    def score(self, reading: Reading) -> Score:
        """The number. Flags: `no_number`, `other_unit` where it cannot be converted."""
        if reading.number is None:
            return Score(value=None, flags=("no_number",))
        if not self._unit or not reading.unit:
            return Score(value=reading.number)
        try:
            return Score(value=conversion(reading.number, reading.unit, self._unit))
        except ValueError:
            return Score(value=reading.number, flags=("other_unit",))
