"""How long jobs take, unless it is known better: nominal seconds of each operation."""

from collections.abc import Iterator, Sequence

from protocols.operations import Detach, Incubate, Operation

NOMINAL_S = {
    "move": 30.0,
    "dispense": 6.0,
    "aspirate": 6.0,
    "mix": 20.0,
    "detach": 60.0,
    "transfer": 15.0,
    "image": 4.0,
}
"""Seconds that an operation of a kind takes; an incubation says its own."""


def nominal_times(operations: Sequence[Operation]) -> Iterator[tuple[float, float]]:
    """When each of the operations of a job begins and ends, in seconds after the job began.

    One follows the other, but that a well is detached no earlier than its period after the last operation that was no
    detachment: the enzyme was added to the plate then.
    """
    now = enzyme_at = 0.0
    for operation in operations:
        begin = max(now, enzyme_at + operation.period_s) if isinstance(operation, Detach) else now
        now = begin + duration_s(operation)
        if not isinstance(operation, Detach):
            enzyme_at = now
        yield begin, now


def nominal_s(operations: Sequence[Operation]) -> float:
    """How long a job of these operations takes, in seconds."""
    return max((end for _, end in nominal_times(operations)), default=0.0)


def duration_s(operation: Operation) -> float:
    """How long an operation takes by itself, in seconds."""
    return operation.duration_s if isinstance(operation, Incubate) else NOMINAL_S[operation.kind]
