"""Serial pumps whose drivers stop asking, and never tell the pump to stop."""

from drivers.serial.pump import NE1000, CavroXLP, MasterflexLS, SerialPump


class DeafMasterflex(MasterflexLS):
    """Believes that a drive stops when nobody asks it any more."""

    async def halt(self) -> None:
        """Nothing is sent."""


class DeafNE1000(NE1000):
    """Waits for the time-out of its pump's safe mode."""

    async def halt(self) -> None:
        """Nothing is sent."""


class DeafCavro(CavroXLP):
    """Leaves the plunger to its movement."""

    async def halt(self) -> None:
        """Nothing is sent."""


class Deaf(SerialPump):
    """Any profile, and no stop."""

    async def halt(self) -> None:
        """Nothing is sent."""


BAD: list[tuple[type[SerialPump], str, dict[str, str]]] = [
    (DeafMasterflex, "masterflex-ls", {}),
    (DeafNE1000, "ne-1000", {}),
    (Deaf, "ne-1000", {"profile": "ne-1000-basic"}),
    (DeafCavro, "cavro-xlp", {}),
]
"""Each of them with its twin, and options that this takes besides its own."""
