"""Weigh a well, which gives its mass."""

from typing import Literal

from protocols.operations.base import WellOperation, WellTemplate


class WeighTemplate(WellTemplate):
    """Weigh each well."""

    do: Literal["weigh"]


class Weigh(WellOperation):
    """Weigh a well; the reading is a number with the balance's unit."""

    template = WeighTemplate
    seconds = 10.0
    repeatable = True
    reads = "number"

    kind: Literal["weigh"] = "weigh"

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        return f"{self.well}: weigh"
