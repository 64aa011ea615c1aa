"""What every route needs: settings, journal, access, carrier, stream, and states that many may ask for at once."""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime

from orchestrator.access import Access
from orchestrator.intake import NamedText, checked_lab
from orchestrator.journal import Journal
from orchestrator.lab import Lab, clock_for
from orchestrator.service.carrier import Carrier
from orchestrator.service.insight import Insights
from orchestrator.service.stream import EventStream
from orchestrator.settings import Settings
from orchestrator.state import CampaignState
from protocols.campaign_file import LabFile


@dataclass
class Backend:
    """One service; made once, shared by all requests."""

    settings: Settings
    journal: Journal
    access: Access
    carrier: Carrier
    stream: EventStream
    lab: LabFile | None
    began_at: datetime
    insights: Insights = field(default_factory=Insights)
    _states: dict[str, tuple[int, CampaignState]] = field(default_factory=dict)
    _locks: dict[str, threading.Lock] = field(default_factory=dict)

    @classmethod
    def opened(cls, settings: Settings) -> "Backend":
        """The backend over the journal that the settings name.

        Raises:
            WellwiseError: the journal or the lab file cannot be used.
        """
        lab = None
        if settings.lab is not None:
            lab = checked_lab(NamedText(settings.lab.read_text(encoding="utf-8"), str(settings.lab)))
        journal = Journal(settings.journal_url)
        return cls(
            settings=settings,
            journal=journal,
            access=Access(journal),
            carrier=Carrier(settings, journal),
            stream=EventStream(journal),
            lab=lab,
            began_at=datetime.now(UTC),
        )

    def state(self, campaign_id: str) -> tuple[int, CampaignState]:
        """Where a campaign stands, with the id of its latest event; read once, however many ask at the same time.

        Raises:
            Missing: there is no such campaign.
        """
        with self._locks.setdefault(campaign_id, threading.Lock()):
            last = self.journal.last_event(campaign_id)
            known = self._states.get(campaign_id)
            if known is None or known[0] != last:
                # The state is read after the id: it may be newer than the id says, never older.
                known = last, self.journal.state(campaign_id)
                self._states[campaign_id] = known
        return known

    def acting(self, campaign_id: str) -> Lab:
        """The journal and the clock with which an operator acts on a campaign; robots are not touched.

        Raises:
            Missing: there is no such campaign.
        """
        _, state = self.state(campaign_id)
        clock = clock_for(self.settings, state, self.journal.last_moment(campaign_id))
        return Lab(journal=self.journal, clock=clock, robots={}, home=self.settings.home)
