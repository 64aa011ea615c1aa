"""Provenance of a round: with what it was made, as it is written down with its plan."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class RoundProvenance(BaseModel):
    """What a round was planned with; the journal keeps it with the event `round_planned`.

    Rounds of journals from before this was recorded have only `wellwise`, or nothing.
    """

    model_config = ConfigDict(frozen=True)

    wellwise: str = ""
    """The version that planned the round; empty where it was not recorded."""
    seed: int | None = None
    strategy: str = ""
    """What proposed the batch: the name of a strategy."""
    options: Mapping[str, Any] = Field(default_factory=dict)
    """Those of the strategy that differ from its defaults."""
    versions: Mapping[str, str] = Field(default_factory=dict)
    """Package -> version, of what the strategy and the drivers came from or computed with."""
    python: str = ""
    machine: str = ""
    observations: int | None = None
    """How many values were known, past results included."""
    usable: int | None = None
    """How many of them the model could learn from."""
    pending: int = 0
    """How many conditions were under way."""
    drivers: Mapping[str, str] = Field(default_factory=dict)
    """Robot -> its driver."""
    simulated: Mapping[str, bool] = Field(default_factory=dict)
    """Robot -> whether its driver simulates its work."""

    @classmethod
    def of_event(cls, data: Mapping[str, Any]) -> "RoundProvenance":
        """From the data of an event `round_planned`, of any version of wellwise."""
        made = dict(data.get("made", {}))
        return cls.model_validate({"wellwise": data.get("version", "")} | made)
