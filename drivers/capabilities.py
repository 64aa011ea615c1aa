"""What a robot can do: operations with their limits, labware, and what it remembers."""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, field_validator

from drivers.actions import Action, ValueType, refusals_of
from protocols.jobs import Job
from protocols.labware import SLAS
from protocols.operations import OPERATIONS, Operation

Limits = Mapping[str, Mapping[str, tuple[float, float]]]
"""By kind of operation and name of a field, the lowest and the highest value that a robot takes."""


class KeyMemory(StrEnum):
    """What a robot can say about a job key after a crash, its own or ours."""

    REMEMBERS_KEYS = "remembers keys"
    KNOWS_WHAT_IT_NEVER_GOT = "knows what it never got"
    CANNOT_SAY = "cannot say"


class Capabilities(BaseModel):
    """What a robot declares; known without a connection.

    `operations` maps each kind that it can do to its limits, such as `{"dispense": {"volume_ul":
    (5, 1000)}}`; to `{}` if there are none. `actions` and `settings` are those that `call` and
    `set` may name; None where it takes any, as a person does. `defined_labware` says whether it
    takes labware that a campaign or lab file defines. `stop_s` is within how many seconds
    `stop` has stopped all movement. `state_known_after_doubt` says whether a job in doubt leaves
    the robot itself (its deck, tips, syringe) in a known state; if not, it is held until a person
    has looked.
    """

    model_config = ConfigDict(frozen=True)

    operations: Mapping[str, Mapping[str, tuple[float, float]]]
    labware: frozenset[str] = frozenset(SLAS)
    defined_labware: bool = False
    actions: Mapping[str, Action] | None = None
    settings: Mapping[str, ValueType] | None = None
    memory: KeyMemory
    stop_s: float = Field(default=5.0, gt=0)
    state_known_after_doubt: bool = False

    @field_validator("operations")
    @classmethod
    def _known(cls, operations: Limits) -> Limits:
        for kind, limits in operations.items():
            if kind not in OPERATIONS:
                raise ValueError(
                    f"there is no operation {kind!r} (expected some of {', '.join(OPERATIONS)})"
                )
            for field in limits:
                if field not in OPERATIONS[kind].model_fields:
                    raise ValueError(
                        f"{kind} has no {field!r} (expected "
                        f"{', '.join(OPERATIONS[kind].model_fields)})"
                    )
        return operations

    def narrowed(self, limits: Limits) -> "Capabilities":
        """The same with the limits of a lab, where these are narrower."""
        operations = {kind: dict(own) for kind, own in self.operations.items()}
        for kind, fields in limits.items():
            for field, (low, high) in fields.items():
                own_low, own_high = operations.get(kind, {}).get(field, (low, high))
                if kind in operations:
                    operations[kind][field] = (max(low, own_low), min(high, own_high))
        return self.model_copy(update={"operations": operations})

    def refusal(self, operation: Operation) -> str:
        """Why such a robot cannot do an operation, or nothing."""
        limits = self.operations.get(operation.kind)
        if limits is None:
            return f"it cannot {operation.kind} (it can {', '.join(self.operations)})"
        for field, (low, high) in limits.items():
            value = getattr(operation, field)
            if value is None:
                continue
            if not low <= value <= high:
                return (
                    f"it cannot {operation.kind} with {field} {value:g} (it takes {low:g} to "
                    f"{high:g})"
                )
        return "; ".join(refusals_of(operation, self.actions, self.settings))

    def refusals(self, job: Job) -> Iterator[str]:
        """Why such a robot cannot do a job, each reason once."""
        defined = job.defined is not None and self.defined_labware
        if job.labware not in self.labware and not defined:
            yield (f"it does not take {job.labware} plates (it takes {_in_short(self.labware)})")
        yield from dict.fromkeys(
            why for operation in job.operations if (why := self.refusal(operation))
        )


def _in_short(labware: frozenset[str]) -> str:
    """The labware that there is: of many names those of the SLAS plates, and how many others."""
    plates = [name for name in SLAS if name in labware]
    others = sorted(labware - set(plates))
    many = len(others) > 6
    return ", ".join([*plates, *([f"{len(others)} by Opentrons' names"] if many else others)])
