"""Read the whole plate in a plate reader, which gives a table of numbers."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from protocols.operations.base import PlateOperation, PlateTemplate, at_wavelengths
from protocols.quantities import Wavelength
from protocols.references import OrParameter
from protocols.wanted_read import WantedRead


class ReadTemplate(PlateTemplate):
    """Read the plate in a plate reader."""

    do: Literal["read"]
    quantity: OrParameter[Annotated[str, Field(min_length=1, max_length=100)]] = Field(
        "absorbance", description="what is read, such as absorbance, fluorescence or luminescence"
    )
    wavelength: OrParameter[Wavelength] | None = Field(
        None, description="of absorbance, or of emission"
    )
    excitation: OrParameter[Wavelength] | None = None


class Read(PlateOperation):
    """Read the whole plate; the reading is a table with a number for each well.

    `wavelength_nm` is that of absorbance or emission.
    """

    template = ReadTemplate
    typical: ClassVar = {"quantity": "absorbance", "wavelength_nm": 450.0}
    seconds = 60.0
    repeatable = True
    reads = "plate"

    kind: Literal["read"] = "read"
    quantity: str = "absorbance"
    wavelength_nm: float | None = Field(None, gt=0)
    excitation_nm: float | None = Field(None, gt=0)

    @property
    def wanted_read(self) -> WantedRead:
        """By its wavelengths, or else its quantity."""
        return WantedRead.at(self.quantity, self.wavelength_nm, self.excitation_nm)

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        at = at_wavelengths(self.wavelength_nm, self.excitation_nm)
        return f"read {self.quantity} of the plate{at}"
