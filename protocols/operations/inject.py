"""Inject a sample of a well into an instrument, such as a chromatograph."""

from typing import ClassVar, Literal

from pydantic import Field

from protocols.operations.base import WellOperation, WellTemplate
from protocols.quantities import Volume
from protocols.references import OrParameter


class InjectTemplate(WellTemplate):
    """Inject a volume of each well into an instrument."""

    left_out_at_zero = frozenset({"volume"})

    do: Literal["inject"]
    volume: OrParameter[Volume]
    into: OrParameter[str] = Field("column", description="the column or the instrument")
    program: OrParameter[str] = Field("", description="the instrument's program or method")


class Inject(WellOperation):
    """Inject `volume_ul` of a well into an instrument, which runs a program."""

    template = InjectTemplate
    seconds = 30.0
    typical: ClassVar = {"volume_ul": 5.0}

    kind: Literal["inject"] = "inject"
    volume_ul: float = Field(gt=0)
    into: str = "column"
    program: str = ""

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        program = f", program {self.program}" if self.program else ""
        return f"{self.well}: inject {self.volume_ul:g} uL into the {self.into}{program}"

    @property
    def removed_ul(self) -> float:
        """The volume."""
        return self.volume_ul
