"""Jobs: the operations of a step occurrence on a plate, and the reports about them."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from protocols.image_formats import format_of
from protocols.labware import Labware, known_labware
from protocols.operations import Operation, well_of
from protocols.traces import Trace
from protocols.wells import well_name


class Job(BaseModel):
    """The operations of one step occurrence on one plate, given whole to one robot.

    `key` names the job for ever: a robot that gets the same key twice has one job. `plate_id` names
    the physical plate (`rpe/r1/p3`), `due_at` is when the operations should begin and `tolerance_s`
    how late they may. A job that follows another one (`after`, a key) is due `wait_s` after the end
    of that; until then `due_at` is an estimate. `followed`: others are due by its end.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    round: int
    step: str
    occurrence: int = Field(
        ge=1, description="1 for the first time that the step comes in the round"
    )
    day: int
    plate: int
    plate_id: str
    labware: str
    defined: Labware | None = Field(
        None,
        description="the wells of labware that the campaign defines",
        exclude_if=lambda it: it is None,
    )
    robot: str
    due_at: datetime
    tolerance_s: float
    after: str = ""
    wait_s: float = Field(0.0, ge=0)
    followed: bool = False
    operations: tuple[Operation, ...]

    @property
    def latest(self) -> datetime:
        """Until when it may begin."""
        return self.due_at + timedelta(seconds=self.tolerance_s)

    @property
    def definition(self) -> Labware:
        """The wells that its labware has."""
        return self.defined or known_labware()[self.labware]

    @property
    def wells(self) -> tuple[str, ...]:
        """The wells that the operations touch, in the order of their first operation."""
        return tuple(
            dict.fromkeys(well for op in self.operations if (well := well_of(op)) is not None)
        )

    @property
    def repeatable(self) -> bool:
        """Whether every operation may be done once more without changing a well."""
        return all(operation.repeatable for operation in self.operations)

    @property
    def content(self) -> str:
        """Digest of what is to be done, whoever does it and whenever: a key stands for it.

        Fields at their default are left out, so that one that is new in a later version changes no
        digest of jobs that do not use it.
        """
        operations = [
            (operation.kind, operation.model_dump(mode="json", exclude_defaults=True))
            for operation in self.operations
        ]
        what = json.dumps([self.key, self.plate_id, self.labware, operations], sort_keys=True)
        return hashlib.sha256(what.encode()).hexdigest()

    def without_wells(self, lost: frozenset[str]) -> "Job":
        """The same job, leaving out what concerns wells that are lost."""
        if not lost:
            return self
        kept = tuple(operation for operation in self.operations if well_of(operation) not in lost)
        return self.model_copy(update={"operations": kept})

    def __str__(self) -> str:
        return f"round {self.round}, step {self.step} ({self.occurrence}), plate {self.plate}"


class Reading(BaseModel):
    """What an instrument returned for one well, or (`kind` plate) for the whole plate.

    An image, a number in `unit`, a trace, or a plate table: `numbers` by well, None where the
    instrument could not measure. In place of any of them a file as its vendor writes it (`kind`
    file): it is kept as it came, and a scorer may read it.

    `image` holds the bytes of the file as the camera gave it, in any format and depth. It may also
    be given as `image_png`, which is its older name. A number that comes from a plate table has all
    of that table in `numbers`.
    """

    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    well: str = ""
    kind: Literal["image", "number", "plate", "trace", "file"]
    image: bytes = Field(b"", repr=False)
    number: float | None = None
    unit: str = ""
    numbers: dict[str, float | None] = Field(default_factory=dict)
    trace: Trace | None = None
    file: bytes = Field(b"", repr=False)
    file_name: str = Field("", max_length=200)

    @model_validator(mode="before")
    @classmethod
    def _older_name(cls, given: Any) -> Any:
        if isinstance(given, dict) and "image_png" in given and "image" not in given:
            return {"image" if key == "image_png" else key: given[key] for key in given}
        return given

    @field_validator("numbers")
    @classmethod
    def _names(cls, numbers: dict[str, float | None]) -> dict[str, float | None]:
        found: dict[str, float | None] = {}
        for text, number in numbers.items():
            name = well_name(text)
            if name is None or name in found:
                why = "is no well" if name is None else "comes twice"
                raise ValueError(f"{text!r} {why}")
            found[name] = number
        return found

    def __hash__(self) -> int:
        return hash((self.well, self.kind, self.number, self.image, self.file, self.trace))

    @property
    def image_png(self) -> bytes:
        """The bytes of the image, of whatever format: the older name of `image`."""
        return self.image

    @property
    def media_type(self) -> str:
        """What the image is, by its first bytes, such as image/tiff."""
        return format_of(self.image).media_type


class JobReport(BaseModel):
    """What a robot says about a job.

    `unknown` means that the robot is certain that it never took this key; `in_doubt` that it cannot
    say what happened. `failed_wells` maps a well to what went wrong there while the rest of the job
    went on.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    state: Literal["unknown", "running", "done", "failed", "in_doubt"]
    operations_done: int = 0
    failed_wells: dict[str, str] = Field(default_factory=dict)
    readings: tuple[Reading, ...] = ()
    message: str = ""
    ended_at: datetime | None = None
    not_begun: tuple[int, ...] | None = Field(
        None,
        description=(
            "of a job in doubt: positions of operations that were certainly not begun, "
            "if that is known"
        ),
    )

    device_fault: str = Field(
        "",
        description=(
            "of a job in doubt: why the device cannot work; `not_begun` then says what is left, "
            "and the robot needs a person"
        ),
    )
    remembers_since: datetime | None = Field(
        None,
        description=(
            "of an unknown job: since when the robot has known of every job, by the lab's clock; "
            "what it was given before that it may have forgotten. None: it never forgets"
        ),
    )
    remembers_since_owner: int = Field(
        0,
        description=(
            "the same, as the fencing number of the owner whose driver began that memory, which no "
            "clock can move. 0: not known"
        ),
    )
    content: str = Field(
        "", description="digest of the job that the robot has under this key, if it keeps it"
    )

    @property
    def over(self) -> bool:
        """Whether nothing more will come of the job."""
        return self.state in ("done", "failed")
