"""What a report takes from the journal beside the campaign's state: all of it was written down."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from drivers.base import DriverError
from orchestrator.core.events import EventKind
from orchestrator.core.provenance import RoundProvenance
from orchestrator.core.state import CampaignState
from orchestrator.journal.journal import Journal
from orchestrator.journal.tables import BY_HAND, EventRow, MeasurementRow, ObservationRow
from orchestrator.lab.provenance import is_simulated
from orchestrator.results.conclusions import Compared
from orchestrator.results.report_images import WellImage, images_of
from orchestrator.studies.agreement import Pair, pairs_of
from orchestrator.studies.confirmation_result import compare
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


def record_of(journal: Journal, state: CampaignState, home: Path) -> Record:
    """What the journal has of a campaign, and of those that confirm it."""
    return Record(
        journal.events(state.id),
        pairs_of(journal, state.id),
        _scorers(journal, state),
        _compared(journal, state),
        images_of(journal, state, home),
    )


def _scorers(journal: Journal, state: CampaignState) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in journal.derived(state.id, ObservationRow):
        found[state.campaign.outcome.name][_source(row)] += 1
    for other in journal.derived(state.id, MeasurementRow):
        found[other.name][_source(other)] += 1
    return dict(found)


def _source(row: ObservationRow | MeasurementRow) -> str:
    if row.scorer == BY_HAND:
        return f"{row.scorer_version}, by hand"
    return f"scorer {row.scorer}, version {row.scorer_version}"


def _compared(journal: Journal, state: CampaignState) -> list[Compared]:
    """The planned comparisons of a campaign and of those that started from its results."""
    found = []
    for name in journal.campaign_ids():
        other = state if name == state.id else journal.state(name)
        follows = other.campaign.past_results.campaign == state.id
        if (name == state.id or follows) and len(other.campaign.rounds.first.chosen) > 1:
            try:
                found.append(Compared(name, compare(other)))
            except WellwiseError:
                continue  # not measured yet
    return found
