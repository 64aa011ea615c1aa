"""The real clock."""

import asyncio
from datetime import UTC, datetime


class RealClock:
    """Time as the machine has it, in UTC."""

    virtual = False

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(UTC)

    async def sleep_until(self, moment: datetime) -> None:
        """Return when `moment` has come; at once if it is past."""
        await asyncio.sleep(max(0.0, (moment - self.now()).total_seconds()))
