"""The event stream: one query for all listeners; no event is lost or sent twice."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator
from datetime import UTC, tzinfo

from orchestrator.journal.journal import Journal
from orchestrator.journal.tables import EventRow
from orchestrator.service.views import event_view
from protocols.errors import WellwiseError

_LOOK_S = 0.25
_KEPT = 5_000
_GAP_S = 10.0
"""How long an id that is missing below another is waited for.

Transactions of PostgreSQL may end out of order.
"""

_log = logging.getLogger("wellwise.stream")


class EventStream:
    """Events of all campaigns in the order of their ids, to any number of listeners.

    Events that other processes write are among them. A listener says which event it has seen last.
    """

    def __init__(self, journal: Journal, zone: tzinfo = UTC) -> None:
        self._journal, self._zone = journal, zone
        self._recent: deque[EventRow] = deque(maxlen=_KEPT)
        self._messages: dict[int, str] = {}
        self._changed = asyncio.Condition()
        self._settled = 0
        self._gap_since: float | None = None
        self.listeners = 0
        self.closed = False

    @property
    def last(self) -> int:
        """The id of the last event that listeners were sent."""
        return self._settled

    def begin(self) -> None:
        """Start after the events that are there already."""
        self._settled = self._journal.last_event()

    async def run(self) -> None:
        """Read the journal until cancelled."""
        while True:
            try:
                await self._look()
            except WellwiseError as error:
                _log.warning("%s", error)
            await asyncio.sleep(_LOOK_S)

    async def close(self) -> None:
        """End every listener."""
        async with self._changed:
            self.closed = True
            self._changed.notify_all()

    async def listen(
        self, after: int, campaign_id: str | None = None, patience_s: float | None = None
    ) -> AsyncGenerator[list[EventRow], None]:
        """Batches of every event with an id above `after`, those to come included.

        Where nothing comes for `patience_s`, an empty list does.
        """
        self.listeners += 1
        try:
            while not self.closed:
                if not await self._more_than(after, patience_s):
                    yield []
                    continue
                events, after = await self._between(after, self._settled)
                chosen = [
                    event
                    for event in events
                    if campaign_id is None or event.campaign_id == campaign_id
                ]
                if chosen:
                    yield chosen
        finally:
            self.listeners -= 1

    def message(self, event: EventRow) -> str:
        """An event as it is sent (server-sent events of HTML); written once for all who listen."""
        assert event.id is not None
        written = self._messages.get(event.id)
        if written is None:
            view = event_view(event, self._zone)
            written = self._messages[event.id] = (
                f"id: {event.id}\ndata: {view.model_dump_json()}\n\n"
            )
            if len(self._messages) > 2 * _KEPT:
                for oldest in sorted(self._messages)[:_KEPT]:
                    del self._messages[oldest]
        return written

    async def _more_than(self, after: int, patience_s: float | None) -> bool:
        """Wait for an event with an id above `after`, or the end; False if none came in time."""
        try:
            async with asyncio.timeout(patience_s), self._changed:
                while self._settled <= after and not self.closed:
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def _between(self, after: int, until: int) -> tuple[list[EventRow], int]:
        """Events above one id and up to another, at most a page, and the id up to which it goes."""
        oldest = self._recent[0].id if self._recent else None
        if oldest is not None and oldest <= after + 1:
            return [event for event in self._recent if after < (event.id or 0) <= until], until
        found = await asyncio.to_thread(self._journal.all_events, after, _KEPT)
        if len(found) == _KEPT:
            until = min(until, found[-1].id or until)
        return [event for event in found if (event.id or 0) <= until], until

    async def _look(self) -> None:
        found = await asyncio.to_thread(self._journal.all_events, self._settled, _KEPT)
        settled = self._without_gaps(found)
        if settled:
            async with self._changed:
                self._recent.extend(settled)
                self._settled = settled[-1].id or self._settled
                self._changed.notify_all()

    def _without_gaps(self, found: list[EventRow]) -> list[EventRow]:
        """The events before the first gap in ids, unless that gap is old (a rolled-back write)."""
        whole: list[EventRow] = []
        expected = self._settled + 1
        for event in found:
            if event.id != expected:
                now = time.monotonic()
                if self._gap_since is None:
                    self._gap_since = now
                if now - self._gap_since < _GAP_S:
                    return whole
            self._gap_since = None
            whole.append(event)
            expected = (event.id or 0) + 1
        return whole
