"""Notifications: structured log lines of all events, and messages of those for people."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator

import apprise

from orchestrator.journal.tables import EventRow
from orchestrator.service.event_stream import EventStream

_SUBJECT = re.compile(r"^(?P<campaign>[^/]+)(?:/r(?P<round>\d+)(?:/p(?P<plate>\d+))?)?")

_log = logging.getLogger("wellwise.events")
_own = logging.getLogger("wellwise.announce")


def headline(event: EventRow) -> str | None:
    """The notification of an event; None: none."""
    match event.kind:
        case "job_in_doubt" | "job_late":
            return "A person is needed: a job is " + (
                "in doubt" if event.kind == "job_in_doubt" else "late"
            )
        case "round_planned" if event.data.get("jobs") == 0:
            return "A person is needed: a batch waits for approval"
        case "suggested":
            return "A person is needed: a change is suggested"
        case "values_awaited":
            return "A person is needed: wells wait for their values"
        case "round_finished":
            return "Round finished"
        case "campaign_finished":
            return "Campaign finished"
        case "robot_offline":
            return "Robot offline"
        case "robot_not_stopped":
            return "A robot could NOT be stopped"
    return None


class Notifier:
    """Sends notifications of events; a slow or unreachable channel delays nothing else."""

    def __init__(self, stream: EventStream, channels: tuple[str, ...]) -> None:
        self._stream = stream
        self._channels = apprise.Apprise()
        for channel in channels:
            if not self._channels.add(channel):
                _own.error("a notification channel is not understood: see WELLWISE_NOTIFY")

    async def run(self) -> None:
        """Send notifications of everything that happens from now on, until cancelled."""
        telling: set[asyncio.Task[None]] = set()
        async for event in self._events():
            place = _SUBJECT.match(event.subject)
            facts = (
                {}
                if place is None
                else {key: value for key, value in place.groupdict().items() if value}
            )
            job = {"job": event.subject} if event.kind.startswith("job_") else {}
            known = {
                "event_id": event.id,
                "campaign": event.campaign_id,
                "kind": event.kind,
                "who": event.who,
            }
            _log.info("%s %s", event.subject, event.message, extra=facts | job | known)
            title = headline(event)
            if title is not None and len(self._channels):
                task = asyncio.create_task(self._tell(title, event))
                telling.add(task)
                task.add_done_callback(telling.discard)

    async def _events(self) -> AsyncIterator[EventRow]:
        async for events in self._stream.listen(self._stream.last):
            for event in events:
                yield event

    async def _tell(self, title: str, event: EventRow) -> None:
        text = f"{event.subject} {event.message}".strip()
        sent = await asyncio.to_thread(self._channels.notify, body=text, title=f"wellwise: {title}")
        if not sent:
            _own.warning("event %s could not be sent on every channel", event.id)
