"""Carry the plate to a named place."""

from typing import ClassVar, Literal

from protocols.operations.base import PlateOperation, PlateTemplate
from protocols.references import OrParameter


class MoveTemplate(PlateTemplate):
    """Carry the plate to a named place."""

    do: Literal["move"]
    to: OrParameter[str]


class Move(PlateOperation):
    """Carry the plate to a named place, such as `deck` or `incubator`."""

    template = MoveTemplate
    leaves_volume = True
    seconds = 30.0
    typical: ClassVar = {"to": "deck"}
    repeatable = True

    kind: Literal["move"] = "move"
    to: str

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        return f"carry the plate to the {self.to}"
