"""Readings and their scores: from a table, once more by another version, and beside what a person read by hand."""

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from sqlmodel import col, select

from orchestrator.control.operators import Place, plate_job
from orchestrator.errors import JournalError
from orchestrator.journal.journal import Journal
from orchestrator.journal.store import add_event, existing
from orchestrator.journal.tables import BY_HAND, Derived, MeasurementRow, ObservationRow, ReadingRow, WellRow
from orchestrator.lab.lab import Lab
from orchestrator.lab.scoring import score_reading, scorer_of
from protocols.scoring import Score

_Derived = TypeVar("_Derived", bound=Derived)


class Rescored(NamedTuple):
    """How many readings were scored once more, and of how many the value or the flags changed."""

    readings: int
    changed: int


class Pair(NamedTuple):
    """What a scorer and a person said of one well."""

    place: Place
    scored: float
    by_hand: float


def enter_readings(
    lab: Lab, campaign_id: str, round: int, plate: int, numbers: Mapping[str, float], unit: str, who: str, why: str
) -> dict[str, Score]:
    """Write down what a plate reader measured, all of it or nothing, and score it by the campaign's scorer.

    Args:
        lab: the journal and the clock.
        campaign_id: the campaign.
        round: its round.
        plate: the plate that was read.
        numbers: well -> what was measured.
        unit: of the numbers.
        who: the person who acts.
        why: the reason, such as which file they come from.

    Returns: the score of each well.

    Raises:
        JournalError: there is no such plate or well, or nothing can be read in it yet.
    """
    objective = lab.journal.state(campaign_id).campaign.objective
    scorer = scorer_of(objective)
    made: dict[str, int] = {}
    with lab.journal.transaction() as session:
        for well, number in numbers.items():
            place = Place(round, plate, well)
            existing(session, WellRow, (campaign_id, *place))
            job = plate_job(session, campaign_id, place)
            here = {"campaign_id": campaign_id, **place._asdict()}
            # Not left for the next advance to score: a round that is finished has none.
            reading = ReadingRow(**here, job_key=job.key, kind="number", number=number, unit=unit, scored=True)
            session.add(reading)
            session.flush()
            assert reading.id is not None
            made[well] = reading.id
        subject = f"{campaign_id}/r{round}/p{plate}"
        add_event(session, campaign_id, lab.clock.now(), "readings_entered", subject, why, {"wells": len(made)}, who)
    scores = {well: score_reading(lab.journal, lab.home, reading, scorer) for well, reading in made.items()}
    by_reading = [(made[well], score) for well, score in scores.items()]
    lab.journal.record_scores(by_reading, objective.scorer, scorer.version, lab.clock.now())
    return scores


def rescore(lab: Lab, campaign_id: str, who: str, why: str) -> Rescored:
    """Score every reading of a campaign with the scorer as it is installed now; the old scores stay beside the new.

    What a person entered by hand still counts before them.

    Raises:
        JournalError: there is no reading yet.
    """
    campaign = lab.journal.state(campaign_id).campaign
    on_the_way = {row.reading_id: row for row in _rows(lab.journal, campaign_id, MeasurementRow)}
    latest: dict[int, Derived] = {row.reading_id: row for row in _rows(lab.journal, campaign_id, ObservationRow)}
    latest |= on_the_way
    with lab.journal.reading_session() as session:
        query = select(ReadingRow.id).filter_by(campaign_id=campaign_id, scored=True).order_by(col(ReadingRow.id))
        readings = [reading for reading in session.exec(query) if reading is not None]
    # What a person entered is a reading as well, but none that a scorer could read.
    readings = [reading for reading in readings if reading not in latest or latest[reading].scorer != BY_HAND]
    if not readings:
        raise JournalError(f"{campaign_id} has no scored reading yet")
    groups: dict[str, list[int]] = defaultdict(list)
    for reading in readings:
        groups[on_the_way[reading].name if reading in on_the_way else ""].append(reading)
    done = []
    for name, members in groups.items():
        scored = campaign.scored(name)
        scorer = scorer_of(scored)
        scores = [(reading, score_reading(lab.journal, lab.home, reading, scorer)) for reading in members]
        changed = sum(
            1
            for reading, score in scores
            if reading not in latest
            or (score.ratio, list(score.flags)) != (latest[reading].value, latest[reading].flags)
        )
        lab.journal.record_scores(scores, scored.scorer, scorer.version, lab.clock.now(), name)
        message = f"{len(scores)} readings by {scored.scorer} version {scorer.version}, {changed} changed: {why}"
        lab.journal.note(campaign_id, lab.clock.now(), "rescored", campaign_id, message, who)
        done.append(Rescored(len(scores), changed))
    return Rescored(*map(sum, zip(*done, strict=True)))


def scored_beside_hand(journal: Journal, campaign_id: str) -> list[Pair]:
    """The wells that have a trusted score and a value by hand, by place; the latest of each."""
    scored: dict[Place, float | None] = {}
    by_hand: dict[Place, float] = {}
    for row in _rows(journal, campaign_id, ObservationRow):
        place = Place(row.round, row.plate, row.well)
        if row.scorer != BY_HAND:
            scored[place] = row.value if not row.flags else None
        elif row.value is not None and not row.flags:
            by_hand[place] = row.value
    pairs = ((place, scored.get(place), value) for place, value in sorted(by_hand.items()))
    return [Pair(place, score, value) for place, score, value in pairs if score is not None]


def _rows(journal: Journal, campaign_id: str, kind: type[_Derived]) -> list[_Derived]:
    """All of a campaign, oldest first."""
    query = select(kind).filter_by(campaign_id=campaign_id).order_by(col(kind.id))
    with journal.reading_session() as session:
        return list(session.exec(query))
