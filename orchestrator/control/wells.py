"""Acts on wells: values by hand or from a plate reader, and lost conditions to retry."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from orchestrator.control.act import Act, Acting, Answer, Text, Typed, WellAct
from orchestrator.core.events import EventKind
from orchestrator.errors import JournalError
from orchestrator.intake.readings_table import read_covariates, read_readings_table
from orchestrator.journal.durable import write_durably
from orchestrator.journal.scores import ScoredReadings, add_scores
from orchestrator.journal.store import existing
from orchestrator.journal.tables import (
    BY_HAND,
    CovariateRow,
    JobRow,
    MeasurementRow,
    ObservationRow,
    ReadingRow,
    WellRow,
)
from orchestrator.lab.scoring import score, scorer_of
from protocols.addresses import PlateAddress, WellAddress, WellPlace
from protocols.campaign import Campaign
from protocols.computed import bases
from protocols.errors import InvalidInput, Problem
from protocols.jobs import Job, Reading
from protocols.number_words import counted
from protocols.outcomes import Outcome
from protocols.plate_table import read_plate_table
from protocols.quantities import conversion
from protocols.scoring import Score
from protocols.wanted_read import NOT_SAID, WantedRead


class CorrectWell(WellAct):
    """Enter the value of a well by hand, or exclude it; earlier values are kept."""

    name: ClassVar[str] = "enter_reading"
    path: ClassVar[str] = "/reading"
    command: ClassVar[str] = "correct-well"

    value: Annotated[
        Annotated[float, Field(allow_inf_nan=False)] | None,
        Typed("The value, read by hand, in the outcome's unit.", none="exclude"),
    ]

    def apply(self, acting: Acting, prepared: Any) -> None:
        """Write the value as a reading and an observation by hand."""
        enter_values(acting, {self.place.of(acting.campaign_id): self.value})

    def done(self, campaign_id: str, outcome: Any) -> str:
        """What counts now."""
        what = "excluded." if self.value is None else f"{self.value:g} entered."
        return f"{self.place.of(campaign_id)}: {what}"


class EnterValues(Act):
    """Enter the values of many wells from a table; all of them or, if one is wrong, none."""

    name: ClassVar[str] = "upload_readings"
    path: ClassVar[str] = "/readings"
    command: ClassVar[str] = "enter-values"
    answer: ClassVar[Answer] = "entered"

    csv: Annotated[
        Text,
        Typed(
            "CSV with the headers round, plate, well, and value or names of outcomes.",
            positional=True,
            file=True,
        ),
        Field(
            description="CSV with the headers round, plate, well, and value or names of outcomes"
        ),
    ]

    def apply(self, acting: Acting, prepared: Any) -> set[WellAddress]:
        """Write the values; returns the wells that have one."""
        values: dict[str, dict[WellAddress, float]] = {}
        found = read_readings_table(self.csv, acting.state.campaign)
        recorded = read_covariates(self.csv, acting.state.campaign)
        for place, outcome, value in found:
            values.setdefault(outcome, {})[place.of(acting.campaign_id)] = value
        for outcome, of_wells in values.items():
            enter_values(acting, of_wells, outcome)
        for entry in recorded:
            _record_covariate(acting, entry.place.of(acting.campaign_id), entry.name, entry.value)
        places = [*(entry.place for entry in found), *(entry.place for entry in recorded)]
        return {place.of(acting.campaign_id) for place in places}

    def done(self, campaign_id: str, outcome: Any) -> str:
        """How many."""
        return f"{counted(len(outcome), 'well')} of {campaign_id} entered."


class ReadTable(Act):
    """Enter a plate reader's table of one plate; the campaign's scorer derives the values."""

    name: ClassVar[str] = "read_table"
    path: ClassVar[str] = "/plate-tables"
    command: ClassVar[str] = "read-table"

    table: Annotated[
        Text,
        Typed("A plate reader's file: well,value or a grid.", positional=True, file=True),
        Field(description="a plate reader's file: well,value or a grid"),
    ]
    round_number: Annotated[
        int, Field(ge=1, le=10_000), Typed("The round that was read.", option="round")
    ]
    plate: Annotated[int, Field(ge=1, le=1_000), Typed("The plate that was read.")]
    unit: Annotated[str, Field(max_length=50), Typed("Unit of the numbers.")] = ""
    block: Annotated[
        str, Field(max_length=100), Typed("Which block of the file, by its name or number.")
    ] = ""

    def apply(self, acting: Acting, prepared: Any) -> dict[str, Score]:
        """Write readings and their scores, all of them or nothing; returns each well's score."""
        outcome = self._outcome(acting.state.campaign)
        wanted = self._wanted_read(acting, outcome)
        numbers = read_plate_table(self.table, "plate table", self.block, wanted)
        if outcome.by_hand:
            return self._by_hand(acting, numbers, outcome)
        scorer = scorer_of(outcome)
        job = plate_job(
            acting.session, PlateAddress(acting.campaign_id, self.round_number, self.plate)
        )
        measurement = "" if outcome is acting.state.campaign.outcome else outcome.name
        references: frozenset[str] = getattr(scorer, "reference_wells", frozenset())
        table = Reading(kind="plate", numbers=dict(numbers), unit=self.unit)
        file: dict[str, Any] = self._kept(acting, table) if references else {}
        scores = {}
        for well, number in numbers.items():
            if well in references:
                continue
            address = WellAddress(acting.campaign_id, self.round_number, self.plate, well)
            existing(acting.session, WellRow, address)
            reading = table.model_copy(update={"well": well, "kind": "number", "number": number})
            row = ReadingRow(
                **_columns(address),
                **file,
                job_key=job.key,
                kind="number",
                number=number,
                unit=self.unit,
            )
            scores[well] = score(reading, scorer, outcome, str(address))
            acting.session.add(row)
            acting.session.flush()
            assert row.id is not None
            derived = [(row.id, scores[well])]
            add_scores(
                acting.session,
                ScoredReadings(measurement, outcome.scorer or "", scorer.version, derived),
                acting.now,
            )
        plate = PlateAddress(acting.campaign_id, self.round_number, self.plate)
        acting.record(EventKind.READINGS_ENTERED, plate, {"wells": len(numbers)})
        return scores

    def _outcome(self, campaign: Campaign) -> Outcome:
        """What the numbers are of: the objective's outcome, or the one that it is computed from."""
        outcome = campaign.outcome
        if outcome.expression is None:
            return outcome
        parts = [part for part in bases(outcome, campaign.outcomes) if part in campaign.awaited]
        if len(parts) == 1:
            return parts[0]
        names = ", ".join(part.name for part in parts)
        message = f"{outcome.name} is computed, and a table of numbers is of one outcome"
        expected = f"enter-values with columns for {names}" if parts else "readings of the robots"
        raise InvalidInput([Problem(where="plate table", message=message, expected=expected)])

    def _wanted_read(self, acting: Acting, outcome: Outcome) -> WantedRead:
        """What the one read of the plate that the outcome is of says of itself."""
        plate = PlateAddress(acting.campaign_id, self.round_number, self.plate)
        found = {
            operation.wanted_read
            for row in acting.session.exec(_jobs_of(plate))
            if outcome in acting.state.campaign.outcomes_read_in(row.step)
            for operation in Job.model_validate(row.job).operations
            if operation.reads == "plate"
        }
        return found.pop() if len(found) == 1 else NOT_SAID

    def _kept(self, acting: Acting, table: Reading) -> dict[str, Any]:
        """Keep the table, in which the scorer finds its blanks and standards again."""
        content = table.model_dump_json(include={"unit", "numbers"}).encode()
        digest = hashlib.sha256(content).hexdigest()
        home = acting.lab.home
        name = f"r{self.round_number}-p{self.plate}-table-{digest[:16]}.json"
        path = home / "campaigns" / acting.campaign_id / "readings" / name
        write_durably(path, content)
        return {"path": path.relative_to(home).as_posix(), "sha256": digest}

    def _by_hand(
        self, acting: Acting, numbers: Mapping[str, float], outcome: Outcome
    ) -> dict[str, Score]:
        """The numbers are the values themselves, in the unit that is given or the outcome's."""
        unit = outcome.scale.unit or "dimensionless"
        try:
            values = {
                well: conversion(number, self.unit or unit, unit)
                for well, number in numbers.items()
            }
        except ValueError as error:
            raise JournalError(f"{error} (expected a unit such as {unit})") from None
        wells = {
            WellAddress(acting.campaign_id, self.round_number, self.plate, well): value
            for well, value in values.items()
        }
        enter_values(acting, wells, outcome.name)
        return {well: Score(value=value) for well, value in values.items()}

    def done(self, campaign_id: str, outcome: Any) -> str:
        """How many wells, and which of them are flagged."""
        flagged = [
            f"  {well}: {', '.join(found.flags)}" for well, found in outcome.items() if found.flags
        ]
        return "\n".join(
            [
                f"{counted(len(outcome), 'well')} of round {self.round_number}, plate {self.plate} "
                "entered.",
                *flagged,
            ]
        )


class Requeue(Act):
    """Have the conditions of lost wells tried again in the next round that is planned."""

    name: ClassVar[str] = "requeue"
    path: ClassVar[str] = "/requeue"
    command: ClassVar[str] = "requeue"

    wells: Annotated[
        tuple[WellPlace, ...], Typed("A lost well; all of the last round if absent.", option="well")
    ] = ()

    def apply(self, acting: Acting, prepared: Any) -> list[WellAddress]:
        """Mark the wells; returns them."""
        rounds = acting.state.rounds
        lost = {
            WellAddress(acting.campaign_id, batch.number, well.well.plate, well.well.name)
            for batch in rounds
            for well in batch.wells
            if well.lost
        }
        latest = rounds[-1].number if rounds else 0
        named = [place.of(acting.campaign_id) for place in self.wells]
        chosen = named or sorted(address for address in lost if address.round_number == latest)
        alive = [str(address) for address in chosen if address not in lost]
        if alive:
            raise JournalError(f"{', '.join(alive)} is not lost")
        if not chosen:
            raise JournalError(f"no well of round {latest} is lost")
        for address in chosen:
            existing(acting.session, WellRow, address).requeued = True
            acting.record(EventKind.WELL_REQUEUED, address)
        return chosen

    def done(self, campaign_id: str, outcome: Any) -> str:
        """Which wells."""
        return f"To be tried once more: {', '.join(map(str, outcome))}."


def enter_values(
    acting: Acting, values: Mapping[WellAddress, float | None], outcome: str = ""
) -> None:
    """Enter the values of wells by hand, or (None) exclude them from the model.

    All of them are entered or none. Earlier values are kept; what a person entered last counts,
    whatever a scorer says later. A lost well that is given a value is lost no more.

    Args:
        acting: the act.
        values: by well, in the outcome's unit.
        outcome: its name; the objective's if it is empty or unknown.

    Raises:
        InvalidInput: the outcome's natural range does not have a value.
        JournalError: there is no such well, or nothing was done in it yet.
    """
    scored = acting.state.campaign.scored(outcome)
    measurement = "" if scored.name == acting.state.campaign.outcome.name else scored.name
    problems = [
        Problem(
            where=str(address),
            message=f"{value:g} {scored.scale.refusal(value)}",
            expected=scored.scale.expected,
        )
        for address, value in values.items()
        if value is not None and not scored.scale.allows(value)
    ]
    if problems:
        raise InvalidInput(problems)
    for address, value in values.items():
        _enter(acting, address, value, measurement)
        kind = EventKind.WELL_EXCLUDED if value is None else EventKind.VALUE_ENTERED
        acting.record(
            kind, address, {"value": value} | ({"outcome": measurement} if measurement else {})
        )


def _enter(acting: Acting, address: WellAddress, value: float | None, measurement: str) -> None:
    session, columns = acting.session, _columns(address)
    well = existing(session, WellRow, address)
    job = plate_job(session, PlateAddress(*address[:3]))
    latest_first = col(ObservationRow.id).desc()
    before = session.exec(
        select(ObservationRow).filter_by(**columns).order_by(latest_first)
    ).first()
    unit = acting.state.campaign.scored(measurement).scale.unit
    reading = ReadingRow(
        **columns, job_key=job.key, kind="number", number=value, unit=unit, scored=True
    )
    session.add(reading)
    session.flush()
    assert reading.id is not None
    found: dict[str, Any] = {
        **columns,
        "reading_id": reading.id,
        "flags": [] if value is not None else ["excluded"],
        "scorer": BY_HAND,
        "scorer_version": acting.by.who,
    }
    if measurement:
        session.add(MeasurementRow(**found, name=measurement, value=value))
        return
    kept = value if value is not None or before is None else before.value
    session.add(ObservationRow(**found, value=kept))
    if value is not None:
        well.lost = ""


def _record_covariate(acting: Acting, address: WellAddress, name: str, value: float | str) -> None:
    """Record a covariate of a well; earlier values are kept, and the latest counts."""
    existing(acting.session, WellRow, address)
    given = {"label": value} if isinstance(value, str) else {"number": value}
    acting.session.add(CovariateRow(**_columns(address), **given, name=name))
    acting.record(EventKind.COVARIATE_RECORDED, address, {"covariate": name, "value": value})


def plate_job(session: Session, plate: PlateAddress) -> JobRow:
    """The last job of a plate, to which what a person reads in its wells belongs.

    Raises:
        JournalError: the round has no jobs yet.
    """
    job = session.exec(_jobs_of(plate).order_by(col(JobRow.position).desc())).first()
    if job is None:
        round_number, number = plate[1:]
        raise JournalError(
            f"round {round_number} waits for approval: nothing can be read on plate {number} yet"
        )
    return job


def _jobs_of(plate: PlateAddress) -> SelectOfScalar[JobRow]:
    campaign_id, round_number, number = plate
    return select(JobRow).filter_by(campaign_id=campaign_id, round=round_number, plate=number)


def _columns(address: WellAddress) -> dict[str, Any]:
    """The columns that name a well in the journal's tables."""
    return dict(zip(("campaign_id", "round", "plate", "well"), address, strict=True))
