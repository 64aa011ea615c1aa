"""How far a driver may be trusted, and what a check found."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How far a driver may be trusted."""

    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"


class Failure(Exception):
    """A check that did not hold; the message says what was seen."""


@dataclass(frozen=True)
class Outcome:
    """What one check found: nothing, or what was seen and what a lab would suffer from it."""

    level: Level
    title: str
    seen: str = ""
    harm: str = ""

    @property
    def passed(self) -> bool:
        """Whether it held."""
        return not self.seen
