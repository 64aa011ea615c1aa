"""Something that is done or not."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from protocols.conditions import Value
from protocols.parameters.levels import LevelsParameter


class BooleanParameter(LevelsParameter):
    """Something that is done or not: 1 or 0, which a file may write as true or false.

    In sums and to a model it is 1 or 0.
    """

    kind: Literal["boolean"]
    standard: Literal[0, 1] | None = None
    decided_by_well: None = Field(None, exclude=True)

    @property
    def has_order(self) -> bool:
        """It has: no comes before yes."""
        return True

    @property
    def choices(self) -> tuple[Value, ...]:
        """0 and 1."""
        return (0, 1)

    @property
    def level_labels(self) -> Mapping[str, str]:
        """True and false, as a robot receives them."""
        return {"0": "false", "1": "true"}
