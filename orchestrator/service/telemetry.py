"""What a robot measured of itself while it had a job, from the journal, as traces."""

from collections.abc import Iterator
from datetime import datetime

from orchestrator.core.events import EventKind
from orchestrator.errors import Missing
from orchestrator.journal import queries
from orchestrator.journal.journal import Journal
from orchestrator.service.schema.charts import TelemetryChart
from protocols.traces import Axis, Trace

_MOST_PARTS = 100


def measured_units(journal: Journal, campaign_id: str, key: str) -> list[str]:
    """The units of what was measured during a job, each once."""
    parts = _parts(journal, campaign_id, key)
    return list(dict.fromkeys(unit for units, _ in parts for unit in units.values()))


def telemetry_chart(journal: Journal, campaign_id: str, key: str, unit: str) -> TelemetryChart:
    """Everything of one unit that was measured during a job, by the minutes since the first.

    Raises:
        Missing: nothing of this unit was measured.
    """
    parts = list(_parts(journal, campaign_id, key))
    names = list(dict.fromkeys(n for units, _ in parts for n in units if units[n] == unit))
    rows: list[tuple[datetime, dict[str, float]]] = []
    for _, samples in parts:
        for at, values in samples:
            if all(name in values for name in names) and (not rows or at > rows[-1][0]):
                rows.append((at, values))
    if not rows or not names:
        raise Missing(f"nothing in {unit or 'no unit'} was measured during job {key!r}")
    begin = rows[0][0]
    minutes = tuple((at - begin).total_seconds() / 60 for at, _ in rows)
    channels = tuple(
        Axis(name=name, unit=unit, values=tuple(values[name] for _, values in rows))
        for name in names
    )
    trace = Trace(x=Axis(name="time", unit="min", values=minutes), channels=channels)
    return TelemetryChart(job=key, began_at=begin, trace=trace)


def _parts(
    journal: Journal, campaign_id: str, key: str
) -> Iterator[tuple[dict[str, str], list[tuple[datetime, dict[str, float]]]]]:
    kinds = (EventKind.TELEMETRY,)
    rows = queries.latest_events(journal, campaign_id, kinds, subject=key, limit=_MOST_PARTS)
    for row in reversed(rows):
        samples = [(datetime.fromisoformat(at), values) for at, values in row.data["samples"]]
        yield row.data["units"], samples
