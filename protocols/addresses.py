"""Addresses: the names of rounds, plates, wells and jobs in events and commands.

rpe/r1                 round 1 of the campaign rpe
rpe/r1/p3              its plate 3
rpe/r1/p3/B2           well B2 of that plate
rpe/r1/p3/C/1          the first occurrence of step C on that plate: a job
"""

import re
from typing import Annotated, NamedTuple, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from protocols.errors import InvalidInput, Problem
from protocols.wells import WELL_TEXT, WellName, well_name

_ADDRESS = re.compile(
    r"(?P<campaign>[^/\s]+)/r(?P<round>\d+)"
    rf"(?:/p(?P<plate>\d+)(?:/(?P<well>{WELL_TEXT})|/(?P<step>[^/\s]+)/(?P<occurrence>\d+))?)?"
)


class RoundAddress(NamedTuple):
    """A round of a campaign; rounds count from 1."""

    campaign: str
    round_number: int

    def __str__(self) -> str:
        return f"{self.campaign}/r{self.round_number}"


class PlateAddress(NamedTuple):
    """A plate of a round; plates count from 1."""

    campaign: str
    round_number: int
    plate: int

    def __str__(self) -> str:
        return f"{self.campaign}/r{self.round_number}/p{self.plate}"


class WellAddress(NamedTuple):
    """A well of a plate."""

    campaign: str
    round_number: int
    plate: int
    well: str

    def __str__(self) -> str:
        return f"{self.campaign}/r{self.round_number}/p{self.plate}/{self.well}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The well that is named so.

        Raises:
            InvalidInput: it names none.
        """
        return _parsed(cls, text, "a well such as rpe/r1/p3/B2")


class JobAddress(NamedTuple):
    """A job: an occurrence (from 1) of a step on a plate."""

    campaign: str
    round_number: int
    plate: int
    step: str
    occurrence: int

    def __str__(self) -> str:
        return f"{self.campaign}/r{self.round_number}/p{self.plate}/{self.step}/{self.occurrence}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The job whose key this is.

        Raises:
            InvalidInput: it names none.
        """
        return _parsed(cls, text, "a job such as rpe/r1/p3/C/1")


class WellPlace(BaseModel):
    """A well of the campaign that is spoken of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    round: Annotated[int, Field(ge=1, le=10_000)]
    plate: Annotated[int, Field(ge=1, le=1_000)]
    well: WellName

    def of(self, campaign: str) -> WellAddress:
        """Its address."""
        return WellAddress(campaign, self.round, self.plate, self.well)


Address = RoundAddress | PlateAddress | WellAddress | JobAddress
_A = TypeVar("_A", bound=Address)


def parse_address(text: str) -> Address | None:
    """What an address names; None for other text, such as the name of a robot or campaign."""
    found = _ADDRESS.fullmatch(text)
    if found is None:
        return None
    round_address = RoundAddress(found["campaign"], int(found["round"]))
    if found["plate"] is None:
        return round_address
    plate = PlateAddress(*round_address, int(found["plate"]))
    if found["well"] is not None:
        return WellAddress(*plate, well_name(found["well"]) or found["well"])
    if found["step"] is not None:
        return JobAddress(*plate, found["step"], int(found["occurrence"]))
    return plate


def _parsed(kind: type[_A], text: str, expected: str) -> _A:
    found = parse_address(text)
    if not isinstance(found, kind):
        word = "well" if kind is WellAddress else "job"
        problem = Problem(where=word, message=f"{text!r} is not understood", expected=expected)
        raise InvalidInput([problem])
    return found
