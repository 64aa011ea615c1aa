"""The virtual clock: forty days pass in no time."""

from datetime import UTC, datetime


class VirtualClock:
    """Time that passes only when somebody sleeps; it never goes back."""

    virtual = True

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime.now(UTC)

    def now(self) -> datetime:
        """The virtual time."""
        return self._now

    async def sleep_until(self, moment: datetime) -> None:
        """Move to `moment` at once; stay if it is past."""
        self._now = max(self._now, moment)
