"""The deck of an Opentrons OT-2: pipettes, tips, reservoirs, liquids and stock solutions."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from drivers.supplies import DeckPlace

PIPETTES: dict[str, tuple[float, float]] = {
    "p20_single_gen2": (1.0, 20.0),
    "p300_single_gen2": (20.0, 300.0),
    "p1000_single_gen2": (100.0, 1000.0),
}
"""Least and largest volume of the single-channel GEN2 pipettes, uL."""

PLATES: dict[str, str] = {
    "6-well": "corning_6_wellplate_16.8ml_flat",
    "12-well": "corning_12_wellplate_6.9ml_flat",
    "24-well": "corning_24_wellplate_3.4ml_flat",
    "48-well": "corning_48_wellplate_1.6ml_flat",
    "96-well": "corning_96_wellplate_360ul_flat",
    "384-well": "corning_384_wellplate_112ul_flat",
}
"""Opentrons' name of each labware."""

Slot = Literal[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Pipette(_Part):
    """A pipette and its tip racks."""

    name: Literal["p20_single_gen2", "p300_single_gen2", "p1000_single_gen2"] = Field(
        description="model"
    )
    tips: str = Field(
        description="Opentrons' name of the tip rack, such as opentrons_96_tiprack_1000ul"
    )
    slots: tuple[Slot, ...] = Field(min_length=1, description="deck slots of full racks")

    @property
    def least_ul(self) -> float:
        """The least volume, uL."""
        return PIPETTES[self.name][0]

    @property
    def most_ul(self) -> float:
        """The largest volume, uL."""
        return PIPETTES[self.name][1]


class Reservoir(_Part):
    """Labware with liquids."""

    labware: str = Field(description="Opentrons' name of the labware")
    slot: Slot


class Source(_Part):
    """Wells that hold one liquid."""

    reservoir: str
    wells: tuple[str, ...] = Field(min_length=1)
    volume_ul: float = Field(gt=0, description="how much is in each well when it is full")
    dead_ul: float = Field(0.0, ge=0, description="how much of it no pipette reaches")


class Stock(Source):
    """A stock solution of a substance."""

    concentration: float = Field(gt=0)
    unit: str = Field(description="as the campaign gives the substance's concentration")


class OpentronsOptions(_Part):
    """Options of an OT-2 in a lab file; its `address` is the URL of the robot server."""

    api_level: str = Field("2.15", description="version of the Python protocol API")
    plate_slot: Slot = Field(2, description="where the plate is")
    fresh_plate_slot: Slot = Field(3, description="where the fresh plate of a transfer is")
    pipettes: dict[Literal["left", "right"], Pipette] = Field(
        min_length=1, description="mount -> pipette and tips"
    )
    reservoirs: dict[str, Reservoir] = Field(
        default_factory=dict, description="name -> labware with liquids"
    )
    liquids: dict[str, Source] = Field(
        default_factory=dict, description="liquid of the campaign -> where it is"
    )
    stocks: dict[str, Stock] = Field(
        default_factory=dict, description="substance -> stock solution"
    )
    moves: Literal["pause", "ignore"] = Field(
        "pause", description="whether the run waits for a person at each move"
    )
    environment: Path | None = Field(
        None, description="folder of the environment with the opentrons package"
    )
    counted: bool = Field(
        True,
        description=(
            "whether tips and liquids are counted across jobs until somebody says that they are "
            "full again; else racks and reservoirs are full at the beginning of every job"
        ),
    )
    analyze: bool = Field(
        True, description="whether the opentrons package analyses each protocol before it is sent"
    )


def places(options: OpentronsOptions) -> list[DeckPlace]:
    """What is to lie in each slot that is used, by its number."""
    found = {
        options.plate_slot: ("plate", ""),
        options.fresh_plate_slot: ("fresh plate of a transfer", ""),
    }
    for mount, pipette in options.pipettes.items():
        found |= dict.fromkeys(pipette.slots, (pipette.tips, f"tips of the {mount} {pipette.name}"))
    for name, reservoir in options.reservoirs.items():
        sources = [*options.liquids.items(), *options.stocks.items()]
        held = [
            f"{', '.join(source.wells)} {liquid}"
            for liquid, source in sources
            if source.reservoir == name
        ]
        found[reservoir.slot] = (reservoir.labware, f"{name}: {'; '.join(held) or 'empty'}")
    return [DeckPlace(str(slot), *found[slot]) for slot in sorted(found)]
