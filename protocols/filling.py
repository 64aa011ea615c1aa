"""How full wells are, as far as a protocol tells: never more than there is in truth."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from protocols.jobs import Job
from protocols.labware import Labware


class Overflow(NamedTuple):
    """The first operation of a step after which a well would hold more than it can."""

    step: str
    well: str
    volume_ul: float
    capacity_ul: float


def overflows(jobs: Iterable[Job], labware: Labware) -> Iterator[Overflow]:
    """The steps in which a well of a plate overflows, each once.

    What is in a well at the beginning counts nothing, and where nobody knows what an operation
    leaves of it, nothing is left: a volume that is found here is really there.

    Args:
        jobs: all jobs of one plate, in their order.
        labware: with the capacities of its wells.
    """
    found: set[str] = set()
    content: defaultdict[str, float] = defaultdict(float)
    for job in jobs:
        for operation in job.operations:
            taken, added = operation.removed_ul, operation.added
            well = operation.well_name
            if well is None:
                if taken is None:
                    content.clear()
                continue
            left = 0.0 if taken is None else max(0.0, content[well] - taken)
            content[well] = left if added is None or taken is None else left + added.volume_ul
            capacity_ul = labware.capacity_ul(well)
            if capacity_ul is None or content[well] <= capacity_ul or job.step in found:
                continue
            found.add(job.step)
            yield Overflow(job.step, well, content[well], capacity_ul)
