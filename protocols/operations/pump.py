"""Pump a liquid into a well at a rate."""

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from protocols.errors import Finding, refuse
from protocols.operations.base import Liquid, WellOperation, WellTemplate
from protocols.quantities import Duration, Flow, Volume
from protocols.references import OrParameter, WellOnDay


class PumpTemplate(WellTemplate):
    """Pump a liquid into each well at a rate: so much of it, or for so long."""

    left_out_at_zero = frozenset({"rate", "volume", "duration"})

    do: Literal["pump"]
    liquid: OrParameter[str]
    rate: OrParameter[Flow]
    volume: OrParameter[Volume] | None = None
    duration: OrParameter[Duration] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.volume is None) == (self.duration is None):
            message = "missing" if self.volume is None else "volume and duration both say how much"
            expected = "either volume or duration"
            refuse([Finding(loc=("volume",), message=message, expected=expected)])
        return self

    def fields_in(self, well: WellOnDay) -> dict[str, Any]:
        """With the volume that the rate gives in the duration."""
        found = super().fields_in(well)
        seconds = found.pop("duration", None)
        return found if seconds is None else found | {"volume_ul": found["rate_ul_s"] * seconds}


class Pump(WellOperation):
    """Pump `volume_ul` of a liquid into a well at `rate_ul_s`."""

    template = PumpTemplate
    typical: ClassVar = {"liquid": "water", "rate_ul_s": 10.0, "volume_ul": 50.0}

    kind: Literal["pump"] = "pump"
    liquid: str
    rate_ul_s: float = Field(gt=0)
    volume_ul: float = Field(gt=0)

    @property
    def nominal_s(self) -> float:
        """As long as the volume takes at the rate."""
        return self.volume_ul / self.rate_ul_s

    @property
    def added(self) -> Liquid:
        """The liquid pumped."""
        return Liquid(self.liquid, self.volume_ul, ())

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        rate = f"{self.rate_ul_s * 60:g} uL/min"
        return f"{self.well}: pump {self.volume_ul:g} uL {self.liquid} at {rate}"

    @property
    def removed_ul(self) -> None:
        """Not known: what is pumped through a reactor leaves it again."""
        return None
