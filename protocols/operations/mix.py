"""Mix a well by drawing and returning a volume."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from protocols.operations.base import WellOperation, WellTemplate
from protocols.quantities import Volume
from protocols.references import OrParameter


class MixTemplate(WellTemplate):
    """Draw and return a volume in each well."""

    left_out_at_zero = frozenset({"volume", "cycles"})

    do: Literal["mix"]
    volume: OrParameter[Volume]
    cycles: OrParameter[Annotated[int, Field(ge=1, le=10_000)]]


class Mix(WellOperation):
    """Draw and return `volume_ul`, `cycles` times."""

    template = MixTemplate
    leaves_volume = True
    seconds = 20.0
    typical: ClassVar = {"volume_ul": 50.0, "cycles": 2}

    kind: Literal["mix"] = "mix"
    volume_ul: float = Field(gt=0)
    cycles: int = Field(ge=1)

    @property
    def tip_ul(self) -> float:
        """The volume drawn."""
        return self.volume_ul

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        return f"{self.well}: mix {self.volume_ul:g} uL, {self.cycles} times"
