"""Answers about the checklists of people."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from orchestrator.service.schema.base import Body, View


class SaidView(View):
    """Who said something of an item or a well, when, and what they gave, in words."""

    who: str
    at: datetime
    what: str


class ItemView(View):
    """An item of a checklist, from 1.

    `reads` is what is to be given for it, if anything is; `not_needed` says why nothing is to be
    done any more, as where its well went wrong.
    """

    number: int
    words: str
    kind: str
    well: str | None
    reads: Literal["image", "number", "plate", "trace"] | None
    done: bool
    said: SaidView | None
    not_needed: str


class ChecklistSummary(View):
    """An open job of a person; `when` says how its time stands by the campaign's clock.

    A job that is late may still be done: `until` is how late it may begin by its protocol.
    """

    robot: str
    person: str
    simulated: bool
    campaign: str
    title: str
    job: str
    round: int
    plate: int
    plate_id: str
    labware: str
    step: str
    step_title: str
    due_at: datetime
    until: datetime
    when: Literal["later", "due", "late"]
    items: int
    done: int


class ChecklistView(ChecklistSummary):
    """The same with its items. `over` says how it ended, if it did: there are no items then.

    `unit` is the one in which its numbers are wanted, if the campaign says so. `blocks` says where
    its plate belongs: the label of each block, or its labels with their parts of the plate.
    """

    over: str
    unit: str
    blocks: dict[str, str]
    wells: list[str]
    went_wrong: dict[str, SaidView]
    entries: list[ItemView]


class TableOfNumbers(Body):
    """A table with a number for each well, as it comes out of a spreadsheet or a reader's file."""

    table: Annotated[str, Field(min_length=1, max_length=1_000_000)]
    block: Annotated[str, Field(max_length=100)] = ""


class NumbersOfItems(View):
    """Which item gets which number of a table, and the wells that no item reads."""

    numbers: dict[int, float]
    wells: dict[int, str]
    left_out: list[str]
