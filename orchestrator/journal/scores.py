"""What scorers derive from readings, written down."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlmodel import Session

from orchestrator.core.events import EventKind
from orchestrator.journal.store import add_event, existing
from orchestrator.journal.tables import MeasurementRow, ObservationRow, ReadingRow
from protocols.addresses import WellAddress
from protocols.scoring import Score


class Source(NamedTuple):
    """The step in which a reading was taken, and its kind."""

    step: str
    kind: str


class ScoredReadings(NamedTuple):
    """What one scorer derived of one outcome: reading (by id) -> score.

    `measurement` is the name of the outcome; empty: the objective's.
    """

    measurement: str
    scorer: str
    version: str
    scores: Sequence[tuple[int, Score]]


def add_scores(session: Session, found: ScoredReadings, at: datetime) -> None:
    """Write down scores in an open transaction, at a moment of the lab's clock."""
    for reading_id, score in found.scores:
        reading = existing(session, ReadingRow, reading_id)
        reading.scored = True
        address = WellAddress(reading.campaign_id, reading.round, reading.plate, reading.well)
        row: dict[str, Any] = {
            "campaign_id": reading.campaign_id,
            "round": reading.round,
            "plate": reading.plate,
            "well": reading.well,
            "reading_id": reading_id,
            "value": score.value,
            "flags": list(score.flags),
            "scorer": found.scorer,
            "scorer_version": found.version,
        }
        if found.measurement:
            session.add(MeasurementRow(**row, name=found.measurement))
        else:
            session.add(ObservationRow(**row))
        kind = EventKind.MEASUREMENT if found.measurement else EventKind.OBSERVATION
        data: dict[str, Any] = {
            "value": score.value,
            "flags": list(score.flags),
            "reading": reading_id,
        }
        data |= {} if score.sd is None else {"sd": score.sd}
        add_event(session, reading.campaign_id, at, kind, str(address), found.measurement, data)
