"""A scorer of a plate reader's numbers, between those of a blank and of a full well."""

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from protocols.jobs import Reading
from protocols.plate_reference import Blank, blank_of, reference_wells
from protocols.scoring import Score


class Absorbance:
    """(reading - blank) / (full - blank), clipped to 0..1; above `saturated` it is flagged."""

    version: ClassVar[str] = "1"
    natural_range: ClassVar[tuple[float, float]] = (0.0, 1.0)

    class Options(BaseModel):
        """What a campaign file says of it."""

        model_config = ConfigDict(frozen=True, extra="forbid")

        blank: Blank = 0.0
        full: float = Field(allow_inf_nan=False, description="what a well that counts as 1 gives")
        saturated: float = Field(
            4.0, allow_inf_nan=False, description="above it the reader is not linear"
        )

        @model_validator(mode="after")
        def _check(self) -> Self:
            if isinstance(self.blank, float) and self.full == self.blank:
                raise ValueError("full must differ from blank")
            return self

    def __init__(self, options: Options) -> None:
        """With the options of the campaign's outcome."""
        self._options = options

    @property
    def reference_wells(self) -> frozenset[str]:
        """The wells of the plate that hold blanks."""
        return reference_wells(self._options.blank)

    def score(self, reading: Reading) -> Score:
        """The share of a full well, 0 to 1.

        Flags: `no_number`, `no_reference` (the plate table lacks a blank, or it is as full as a
        full well), `saturated`, `beyond_full`, `below_blank`.
        """
        if reading.number is None:
            return Score(value=None, flags=("no_number",))
        blank = blank_of(reading, self._options.blank)
        if blank is None or blank == self._options.full:
            return Score(value=None, flags=("no_reference",))
        ratio = (reading.number - blank) / (self._options.full - blank)
        flags = ["saturated"] if reading.number > self._options.saturated else []
        # Noise about a blank or a full well is no reason for distrust; a tenth beyond is.
        flags += ["beyond_full"] if ratio > 1.1 else ["below_blank"] if ratio < -0.1 else []
        return Score(value=round(min(max(ratio, 0.0), 1.0), 4), flags=tuple(flags))
