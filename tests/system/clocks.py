"""Clocks that are wrong."""

from datetime import datetime, timedelta, tzinfo

from protocols.instants import later


def shifted(by: timedelta) -> type[datetime]:
    """Another `datetime`, whose now is that of a computer with a wrong clock."""

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + by if tz is None else later(datetime.now(tz), by)

    return Shifted


def shift_clock(by: timedelta) -> None:
    """Let this process take another time for now."""
    from drivers import clock
    from orchestrator.journal import store

    clock.datetime = store.datetime = shifted(by)  # type: ignore[attr-defined, misc]
