"""Rescoring: all readings again, with the scorers as they are installed now."""

from collections import defaultdict
from typing import Any, ClassVar, NamedTuple

from orchestrator.control.act import Act, Acting
from orchestrator.core.events import EventKind
from orchestrator.core.state import CampaignState
from orchestrator.errors import JournalError
from orchestrator.journal.scores import ScoredReadings, add_scores
from orchestrator.journal.tables import BY_HAND, Derived, MeasurementRow, ObservationRow
from orchestrator.lab.lab import Lab
from orchestrator.lab.scoring import score_reading, scorer_of
from protocols.number_words import counted
from protocols.scoring import Score


class Rescored(NamedTuple):
    """How many readings were scored again, and of how many the value or the flags changed."""

    readings: int
    changed: int


class _Batch(NamedTuple):
    """The new scores of one outcome, and how many of them differ from those before."""

    derived: ScoredReadings
    changed: int


class Rescore(Act):
    """Score all readings again with the scorers installed now; the old scores are kept.

    What a person entered by hand still counts before them.
    """

    name: ClassVar[str] = "rescore"
    path: ClassVar[str] = "/rescore"
    command: ClassVar[str] = "rescore"

    def prepare(self, lab: Lab, state: CampaignState) -> list[_Batch]:
        """Score every reading; a reading never changes, so this rests on nothing that could."""
        latest: dict[tuple[str, int], Derived] = {
            ("", row.reading_id): row for row in lab.journal.derived(state.id, ObservationRow)
        }
        latest |= {
            (row.name, row.reading_id): row for row in lab.journal.derived(state.id, MeasurementRow)
        }
        groups: dict[str, list[int]] = defaultdict(list)
        for (name, reading), row in sorted(latest.items()):
            if row.scorer != BY_HAND:
                groups[name].append(reading)
        if not groups:
            raise JournalError(f"{state.id} has no scored reading yet")
        batches = []
        for name, readings in groups.items():
            scored = state.campaign.scored(name)
            scorer = scorer_of(scored)
            scores = [
                (reading, score_reading(lab.journal, lab.home, reading, scorer, scored))
                for reading in readings
            ]
            changed = sum(_differs(found, latest[name, reading]) for reading, found in scores)
            derived = ScoredReadings(name, scored.scorer or "", scorer.version, scores)
            batches.append(_Batch(derived, changed))
        return batches

    def apply(self, acting: Acting, prepared: Any) -> Rescored:
        """Write the scores; returns how many there are and how many changed."""
        for batch in prepared:
            add_scores(acting.session, batch.derived, acting.now)
            readings = counted(len(batch.derived.scores), "reading")
            message = (
                f"{readings} by {batch.derived.scorer} version {batch.derived.version}, "
                f"{batch.changed} changed: {self.why}"
            )
            acting.record(EventKind.RESCORED, message=message)
        scored = {reading for batch in prepared for reading, _ in batch.derived.scores}
        return Rescored(len(scored), sum(batch.changed for batch in prepared))

    def done(self, campaign_id: str, outcome: Any) -> str:
        """How many."""
        return (
            f"{counted(outcome.readings, 'reading')} scored once more, {outcome.changed} changed."
        )


def _differs(found: Score, before: Derived) -> bool:
    return (found.value, list(found.flags)) != (before.value, before.flags)
