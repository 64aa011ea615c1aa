"""How long jobs take, unless it is known better: the nominal seconds of their operations."""

from collections.abc import Iterator, Sequence

from protocols.operations import Operation


def nominal_times(operations: Sequence[Operation]) -> Iterator[tuple[float, float]]:
    """When each of the operations of a job begins and ends, in seconds after the job began.

    One follows the other, but that one with a delay (a detachment) begins no earlier than so long
    after the last operation without a delay: the enzyme was added to the plate then.
    """
    now = undelayed_end = 0.0
    for operation in operations:
        begin = now if operation.delay_s is None else max(now, undelayed_end + operation.delay_s)
        now = begin + operation.nominal_s
        if operation.delay_s is None:
            undelayed_end = now
        yield begin, now


def nominal_s(operations: Sequence[Operation]) -> float:
    """How long a job of these operations takes, in seconds."""
    return max((end for _, end in nominal_times(operations)), default=0.0)
