"""What every route needs: settings, journal, access, supervisor, stream, cached states."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple, ParamSpec, TypeVar

from orchestrator.control.robots import take_lab_file_everywhere
from orchestrator.core.by import WELLWISE
from orchestrator.core.lifecycle import Question, next_actions
from orchestrator.core.state import CampaignState
from orchestrator.engine.supervisor import CampaignSupervisor
from orchestrator.intake.campaign_check import NamedText, checked_lab
from orchestrator.journal.access_tokens import Access
from orchestrator.journal.journal import Journal
from orchestrator.lab.lab import Lab, clock_for, open_journal, open_lab
from orchestrator.service.bounded import bounded
from orchestrator.service.event_stream import EventStream
from orchestrator.service.insight import Insights
from orchestrator.service.response_cache import ResponseCache
from orchestrator.service.wrong_tokens import WrongTokens
from orchestrator.settings import Settings
from orchestrator.studies.training import has_simulated_people, values_entered
from protocols.campaign_file import LabFile

_OLD_S = 0.5

_Arguments = ParamSpec("_Arguments")
_Found = TypeVar("_Found")


class _Known(NamedTuple):
    """A state as it was read."""

    read_at: float
    last: int
    state: CampaignState


@dataclass
class Backend:
    """One service; made once, shared by all requests."""

    settings: Settings
    journal: Journal
    access: Access
    supervisor: CampaignSupervisor
    stream: EventStream
    lab: LabFile | None
    began_at: datetime
    insights: Insights
    embedded: bool = False
    cache: ResponseCache = field(default_factory=ResponseCache)
    wrong_tokens: WrongTokens = field(default_factory=WrongTokens)
    _states: dict[str, _Known] = field(default_factory=dict)
    _locks: dict[str, threading.Lock] = field(default_factory=dict)

    @classmethod
    def opened(cls, settings: Settings, embedded: bool = False) -> "Backend":
        """The backend over the journal that the settings name.

        Args:
            settings: where everything is.
            embedded: in a program of somebody who trusts what is sent to it: it runs campaigns
                without Prefect, and starts no process beside it.

        Raises:
            WellwiseError: the journal or the lab file cannot be used.
        """
        lab = None
        if settings.lab is not None:
            lab = checked_lab(
                NamedText(settings.lab.read_text(encoding="utf-8"), str(settings.lab))
            )
        journal = open_journal(settings)
        if lab is not None:
            take_lab_file_everywhere(settings, journal, lab, str(settings.lab), WELLWISE)

        def simulated_people(campaign_id: str) -> None:
            state = journal.state(campaign_id)
            if has_simulated_people(state.campaign):
                simulated = open_lab(settings, journal, state, [])
                waiting = next_actions(state, simulated.clock.now())
                asked = [question for question in waiting if isinstance(question, Question)]
                values_entered(simulated, campaign_id, asked)

        return cls(
            settings=settings,
            journal=journal,
            access=Access(journal),
            supervisor=CampaignSupervisor(settings, journal, simulated_people, not embedded),
            stream=EventStream(journal, settings.zone),
            lab=lab,
            began_at=datetime.now(UTC),
            insights=Insights(settings.campaign_folder),
            embedded=embedded,
        )

    def state(self, campaign_id: str, last: int | None = None) -> tuple[int, CampaignState]:
        """The state of a campaign with the id of its latest event, cached for all requests.

        It may be half a second old; what was done through this service is always in it. `last` is
        that id where it was read just now.

        Raises:
            Missing: there is no such campaign.
        """
        with self._locks.setdefault(campaign_id, threading.Lock()):
            now = time.monotonic()
            known = self._states.get(campaign_id)
            if known is not None and now - known.read_at < _OLD_S:
                return known.last, known.state
            if last is None:
                last = self.journal.last_event(campaign_id)
            # The state is read after the id: it may be newer than the id says, never older.
            state = (
                known.state
                if known is not None and known.last == last
                else self.journal.state(campaign_id)
            )
            self._states[campaign_id] = _Known(now, last, state)
            return last, state

    def changed(self, campaign_id: str) -> None:
        """Somebody acted on a campaign: have its state read again, and the campaign run."""
        self._states.pop(campaign_id, None)
        self.supervisor.nudge()

    def acting(self, campaign_id: str) -> Lab:
        """The journal and clock with which an operator acts on a campaign, without robots.

        Raises:
            Missing: there is no such campaign.
        """
        _, state = self.state(campaign_id)
        clock = clock_for(self.settings, state, self.journal.last_moment(campaign_id))
        return Lab(
            journal=self.journal,
            clock=clock,
            robots={},
            home=self.settings.home,
            checked_by=None if self.embedded else bounded,
        )

    def checked(
        self,
        work: Callable[_Arguments, _Found],
        *arguments: _Arguments.args,
        **named: _Arguments.kwargs,
    ) -> _Found:
        """What a function of a module makes of what was sent: bounded, unless it is embedded.

        Raises:
            InvalidInput: it takes too long, or too much memory.
        """
        if self.embedded:
            return work(*arguments, **named)
        return bounded(work, *arguments, **named)
