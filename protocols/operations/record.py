"""Record a trace of a well: a spectrum, a chromatogram, a time course."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from protocols.operations.base import WellOperation, WellTemplate
from protocols.quantities import Duration
from protocols.references import OrParameter

_Text = Annotated[str, Field(min_length=1, max_length=100)]


class RecordTemplate(WellTemplate):
    """Record a trace of each well."""

    do: Literal["record"]
    quantity: OrParameter[_Text] = Field(
        description="what is recorded, such as absorbance or ion current"
    )
    over: OrParameter[_Text] = Field(
        "time", description="along what, such as time, wavelength or retention time"
    )
    duration: OrParameter[Duration] | None = None


class Record(WellOperation):
    """Record a quantity of a well along an axis; the reading is a trace with axes and units."""

    template = RecordTemplate
    typical: ClassVar = {"quantity": "absorbance", "duration_s": 60.0}
    seconds = 30.0
    repeatable = True
    reads = "trace"

    kind: Literal["record"] = "record"
    quantity: str
    over: str = "time"
    duration_s: float | None = Field(None, gt=0)

    @property
    def nominal_s(self) -> float:
        """As long as it says."""
        return self.seconds if self.duration_s is None else self.duration_s

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        long = "" if self.duration_s is None else f" for {self.duration_s / 60:g} min"
        return f"{self.well}: record {self.quantity} over {self.over}{long}"
