"""What can go wrong with the journal."""

from protocols.errors import WellwiseError


class JournalError(WellwiseError):
    """The journal cannot be used, or does not have what was asked for."""


class Missing(JournalError):
    """The journal has nothing of this name."""


class Unavailable(JournalError):
    """The database cannot be read or written just now.

    The message is for who runs the service; `public` says to everybody what it means for them,
    without the database's address.
    """

    def __init__(self, message: str, public: str) -> None:
        super().__init__(message)
        self.public = public


class UnknownOutcome(Unavailable):
    """The database went away while it committed: whether the step was kept is not known."""


class Halted(JournalError):
    """The campaign is paused or over: no job may be sent."""


class Owned(JournalError):
    """Somebody else works on the campaign or robot; their lease runs `wait` more seconds."""

    def __init__(self, message: str, wait: float, holder: str = "") -> None:
        super().__init__(message)
        self.wait, self.holder = wait, holder


class LeaseLost(JournalError):
    """Another process has taken the campaign or robot over; this one must write no more."""


class Conflict(JournalError):
    """A job was not in the state from which it was to be moved: somebody else moved it first."""
