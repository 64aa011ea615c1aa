"""Record a trace of a well: a spectrum, a chromatogram, a time course."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from protocols.operations.base import WellOperation, WellTemplate, at_wavelengths
from protocols.quantities import Duration, Wavelength
from protocols.references import OrParameter
from protocols.wanted_read import WantedRead

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
    wavelength: OrParameter[Wavelength] | None = Field(
        None, description="of absorbance, or of emission"
    )
    excitation: OrParameter[Wavelength] | None = None
    duration: OrParameter[Duration] | None = None


class Record(WellOperation):
    """Record a quantity of a well along an axis; the reading is a trace with axes and units.

    `wavelength_nm` is that of absorbance or emission.
    """

    template = RecordTemplate
    typical: ClassVar = {"quantity": "absorbance", "duration_s": 60.0}
    seconds = 30.0
    repeatable = True
    reads = "trace"

    kind: Literal["record"] = "record"
    quantity: str
    over: str = "time"
    wavelength_nm: float | None = Field(None, gt=0)
    excitation_nm: float | None = Field(None, gt=0)
    duration_s: float | None = Field(None, gt=0)

    @property
    def nominal_s(self) -> float:
        """As long as it says."""
        return self.seconds if self.duration_s is None else self.duration_s

    @property
    def wanted_read(self) -> WantedRead:
        """By its wavelengths, or else its quantity."""
        return WantedRead.at(self.quantity, self.wavelength_nm, self.excitation_nm)

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        at = at_wavelengths(self.wavelength_nm, self.excitation_nm)
        long = "" if self.duration_s is None else f" for {self.duration_s / 60:g} min"
        return f"{self.well}: record {self.quantity}{at} over {self.over}{long}"
