"""What lies on a robot's deck, and what of it is used up: what drivers may say without a line."""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol, runtime_checkable


class Supply(NamedTuple):
    """One thing that is used up: its name, what it holds, how much is left and was there when full.

    `left` is less than 0 if more was taken than there can have been.
    """

    name: str
    what: str
    left: float
    full: float
    unit: str

    def __str__(self) -> str:
        return f"{self.name} ({self.what}): {self.left:g} of {self.full:g} {self.unit}"


class DeckPlace(NamedTuple):
    """A place on a deck and what lies there, each as people call it; `holds` may be empty."""

    place: str
    labware: str
    holds: str = ""


@runtime_checkable
class Supplied(Protocol):
    """A driver that counts what its robot uses up."""

    def supplies(self) -> Sequence[Supply]:
        """What is left of everything, as jobs were counted; also without a connection."""
        ...

    def refill(self, names: Collection[str] = ()) -> Sequence[Supply]:
        """Note that these are full again, or everything; also while a campaign has the robot.

        Returns: what was refilled, as it is now.

        Raises:
            DriverError: there is no such supply.
        """
        ...


@runtime_checkable
class HasDeck(Protocol):
    """A driver that knows what is to lie where."""

    def deck(self) -> Sequence[DeckPlace]:
        """Every place that is in use, in the order of its number; also without a connection."""
        ...
