"""How often somebody may come with a token that nobody has: noted in the audit, then refused."""

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from orchestrator.journal.access_tokens import Access, UnknownToken
from orchestrator.service.problems import Refused

WRONG = 10
"""Wrong tokens that an address may show within five minutes."""


class WrongTokens:
    """Wrong tokens by network address, in a moving window of five minutes.

    From an address that shows too many nobody signs in before the window has passed, and no more is
    noted, so that nobody fills the audit by guessing. A token is 256 random bits: the limit guards
    the service rather than the token, so programs with a token of their own go on, whoever else
    guesses from their address.
    """

    def __init__(self) -> None:
        """With nobody refused."""
        self._window = RateLimitItemPerMinute(WRONG, 5)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def wait_s(self, address: str) -> float:
        """How many seconds an address has to wait; 0 where it may try."""
        if self._limiter.test(self._window, address):
            return 0.0
        ends = self._limiter.get_window_stats(self._window, address).reset_time
        return max(ends - time.time(), 1.0)

    def refusal(self, address: str) -> Refused | None:
        """The answer to somebody who showed too many; None to all others."""
        wait_s = self.wait_s(address)
        if not wait_s:
            return None
        message = f"too many wrong tokens came from {address}: try again in {wait_s:.0f} s"
        return Refused(429, message, {"Retry-After": f"{math.ceil(wait_s)}"})

    def note(self, access: Access, address: str, error: UnknownToken) -> None:
        """That an address showed a wrong token."""
        if self._limiter.hit(self._window, address):
            access.note_refusal(address, str(error))
