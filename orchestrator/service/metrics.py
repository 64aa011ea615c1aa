"""Metrics for Prometheus: campaigns, jobs, what waits for a person, silent robots."""

from collections import Counter
from typing import get_args

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from orchestrator.journal.access_tokens import Identity
from orchestrator.journal.queries import counts_of
from orchestrator.service.backend import Backend
from orchestrator.service.needs import all_needs
from orchestrator.service.schema import NeedKind


def exposition(backend: Backend, who: Identity) -> tuple[str, str]:
    """All metrics as text, read from the journal now, and the media type of that text.

    They are of the campaigns that somebody may see, but for robots, events and listeners.
    """
    registry = CollectorRegistry()
    campaigns = Gauge("wellwise_campaigns", "Campaigns by status.", ["status"], registry=registry)
    jobs = Gauge(
        "wellwise_jobs",
        "Jobs of campaigns that are not over, by state.",
        ["state"],
        registry=registry,
    )
    waiting = Gauge(
        "wellwise_needs", "What people are needed for, by kind.", ["kind"], registry=registry
    )
    offline = Gauge("wellwise_robots_offline", "Robots that do not answer.", registry=registry)
    best = Gauge(
        "wellwise_best",
        "Best value so far of the objective, in its outcome's unit.",
        ["campaign"],
        registry=registry,
    )
    faulty = Gauge(
        "wellwise_campaigns_not_carried", "Running campaigns with a fault.", registry=registry
    )
    events = Gauge("wellwise_last_event", "Id of the latest event.", registry=registry)
    listeners = Gauge("wellwise_event_listeners", "Listeners to live events.", registry=registry)
    counts = counts_of(backend.journal, who.sees)
    for status, number in counts.campaigns.items():
        campaigns.labels(status).set(number)
    for state, number in counts.open_jobs.items():
        jobs.labels(state).set(number)
    kinds: Counter[str] = Counter(dict.fromkeys(get_args(NeedKind), 0))
    kinds.update(need.kind for need in all_needs(backend, who))
    silent = set()
    for campaign_id in counts.open_campaigns:
        _, found = backend.state(campaign_id)
        silent |= {outage.robot for outage in found.outages}
        if found.best is not None:
            best.labels(campaign_id).set(found.best)
    for kind, number in kinds.items():
        waiting.labels(kind).set(number)
    offline.set(len(silent))
    faulty.set(len(backend.supervisor.faults.keys() & {*counts.open_campaigns}))
    events.set(backend.journal.last_event())
    listeners.set(backend.stream.listeners)
    return generate_latest(registry).decode(), CONTENT_TYPE_LATEST
