"""What a report takes from the journal beside the campaign's state: all of it was written down."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from drivers.base import DriverError
from orchestrator.core.events import EventKind
from orchestrator.core.provenance import RoundProvenance
from orchestrator.core.state import CampaignState
from orchestrator.journal.journal import Journal
from orchestrator.journal.tables import BY_HAND, EventRow, MeasurementRow, ObservationRow
from orchestrator.lab.provenance import is_simulated
from orchestrator.languages import gettext
from orchestrator.results.conclusions import Compared
from orchestrator.results.report_images import WellImage, images_of
from orchestrator.studies.agreement import Pair, pairs_of
from orchestrator.studies.confirmation_result import comparisons
from protocols.errors import WellwiseError


@dataclass(frozen=True)
class Record:
    """Events, pairs of scorer and hand, scorers by outcome, comparisons, and images of wells."""

    events: Sequence[EventRow] = ()
    pairs: Sequence[Pair] = ()
    scorers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Outcome -> who or what gave its values (a scorer with its version, a person) -> how many."""
    compared: Sequence[Compared] = ()
    images: Sequence[WellImage] = ()
    by_hand: int = 0
    """How many values of outcomes people entered."""

    @property
    def rounds(self) -> dict[int, RoundProvenance]:
        """Round -> with what it was made."""
        return {
            event.data["round"]: RoundProvenance.of_event(event.data)
            for event in self.events
            if event.kind == EventKind.ROUND_PLANNED
        }

    @property
    def planned(self) -> str:
        """The SHA-256 of the plan of a confirmation as it was at the launch; empty without one."""
        created = (e for e in self.events if e.kind == EventKind.CAMPAIGN_CREATED)
        return next((str(event.data.get("plan", "")) for event in created), "")

    @property
    def launched_by(self) -> str:
        """Who launched the campaign; empty where it was not recorded."""
        created = (e for e in self.events if e.kind == EventKind.CAMPAIGN_CREATED)
        return next((event.who for event in created), "")

    @property
    def approvals(self) -> dict[int, EventRow]:
        """Round -> the event by which a person let the robots have its batch."""
        approved = (e for e in self.events if e.kind == EventKind.ROUND_APPROVED)
        return {event.data["round"]: event for event in approved}

    def simulated(self, state: CampaignState) -> dict[str, bool]:
        """Robot -> whether it was simulated in any round.

        By what was recorded with the rounds; where nothing was, by what its driver declares.
        """
        found: dict[str, bool] = {}
        for made in self.rounds.values():
            for name, is_one in made.simulated.items():
                found[name] = found.get(name, False) or is_one
        if found:
            return found
        for name, config in state.campaign.robots.items():
            try:
                found[name] = is_simulated(config)
            except DriverError:
                continue
        return found


def record_of(
    journal: Journal, state: CampaignState, home: Path, among: Collection[str] | None = None
) -> Record:
    """What the journal has of a campaign, and of those that confirm it `among` these, or any."""
    values = list(_values(journal, state))
    scorers: dict[str, Counter[str]] = defaultdict(Counter)
    for outcome, row in values:
        scorers[outcome][_source(row)] += 1
    return Record(
        journal.events(state.id),
        pairs_of(journal, state.id),
        scorers,
        _compared(journal, state, among),
        images_of(journal, state, home),
        sum(row.scorer == BY_HAND for _, row in values),
    )


def _values(
    journal: Journal, state: CampaignState
) -> Iterator[tuple[str, ObservationRow | MeasurementRow]]:
    """Outcome and row of each value that counts."""
    for row in journal.derived(state.id, ObservationRow):
        # One that was excluded by hand keeps the value that the scorer gave.
        if row.scorer != BY_HAND or "excluded" not in row.flags:
            yield state.campaign.outcome.name, row
    for other in journal.derived(state.id, MeasurementRow):
        yield other.name, other


def _source(row: ObservationRow | MeasurementRow) -> str:
    if row.scorer == BY_HAND:
        return gettext("{person}, by hand", person=row.scorer_version)
    return gettext(
        "scorer {scorer}, version {version}", scorer=row.scorer, version=row.scorer_version
    )


def _compared(
    journal: Journal, state: CampaignState, among: Collection[str] | None
) -> list[Compared]:
    """The planned comparisons of a campaign and of those that started from its results."""
    found = []
    for name in journal.campaign_ids():
        if among is not None and name not in among:
            continue
        other = state if name == state.id else journal.state(name)
        follows = other.campaign.past_results.campaign == state.id
        if (name == state.id or follows) and len(other.campaign.rounds.first.chosen) > 1:
            try:
                found += [Compared(name, one) for one in comparisons(other)]
            except WellwiseError:
                continue  # not measured yet
    return found
