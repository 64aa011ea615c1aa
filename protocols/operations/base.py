"""The contract of operations, between campaign file, job and those that execute it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from protocols.plugins import literal
from protocols.references import TemplatePart, WellOnDay, Window


class BaseOperation(BaseModel, ABC):
    """The smallest instruction to a robot: immutable, with units in the names of its fields.

    A new one is a subclass of `WellOperation` or `PlateOperation` with a field `kind` of one value
    and a `template` whose field `do` has the same value. Ours are in the list of
    `protocols.operations`; those of other packages are entry points `wellwise.operations`.
    Everything else follows: campaign files, jobs, checks, checklists, the bench.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    template: ClassVar[type["BaseTemplate"]]
    """How a campaign file says it."""
    seconds: ClassVar[float]
    """How long it takes by itself, unless `nominal_s` knows better."""
    typical: ClassVar[Mapping[str, Any]] = {}
    """Values of its fields but for the well, with which a bench check tries it."""
    repeatable: ClassVar[bool] = False
    """Whether doing it once more changes nothing in the well (taking an image: yes.

    Dispensing: never).
    """
    reads: ClassVar[Literal["image", "number"] | None] = None
    """The kind of reading that it leaves of its well."""
    concerns_plate: ClassVar[bool]
    """Whether it concerns the whole plate and no single well."""
    fresh_plate: ClassVar[bool] = False
    """Whether it takes a new plate, which takes the old one's place."""

    if TYPE_CHECKING:  # Each declares its own: fields are serialised in this order.
        kind: str

    @classmethod
    def __pydantic_init_subclass__(cls, **given: Any) -> None:
        """Refuse an operation that a campaign file would name otherwise than a job."""
        super().__pydantic_init_subclass__(**given)
        if "kind" in cls.model_fields and literal(cls, "kind") != literal(cls.template, "do"):
            raise TypeError(
                f"the kind of {cls.__qualname__} is not what {cls.template.__qualname__} says in "
                "`do`"
            )

    @property
    @abstractmethod
    def well_name(self) -> str | None:
        """The well that it works on; None where it concerns the whole plate."""

    @abstractmethod
    def in_words(self) -> str:
        """The instruction in words, for a checklist."""

    @property
    def nominal_s(self) -> float:
        """How long it takes by itself, in seconds."""
        return self.seconds

    @property
    def delay_s(self) -> float | None:
        """Seconds after the last operation without a delay before which it may not begin."""
        return None

    @property
    def tip_ul(self) -> float | None:
        """The volume for which it takes a fresh tip, in uL; None if it takes none."""
        return None

    @property
    def added(self) -> "Liquid | None":
        """What it adds to the well."""
        return None


class WellOperation(BaseOperation):
    """An operation on one well."""

    concerns_plate = False

    well: str

    @property
    def well_name(self) -> str:
        """The well that it works on."""
        return self.well


class PlateOperation(BaseOperation):
    """An operation on the whole plate."""

    concerns_plate = True

    @property
    def well_name(self) -> None:
        """None: it works on no single well."""
        return None


class Supplement(BaseModel):
    """What a dispensed liquid contains in addition: a substance at a final concentration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    substance: str
    concentration: float = Field(ge=0)
    unit: str


class Liquid(NamedTuple):
    """A volume of a liquid, in uL, and its supplements."""

    name: str
    volume_ul: float
    supplements: tuple[Supplement, ...]


class BaseTemplate(TemplatePart, ABC):
    """An operation in a campaign file, compiled for the wells of a plate on each day."""

    during: Window | None = Field(
        None, description="days of the step on which the well gets this; all if absent"
    )

    if TYPE_CHECKING:
        do: str

    @abstractmethod
    def compiled(self, wells: Sequence[WellOnDay]) -> Iterator[BaseOperation]:
        """The operations for the wells of one plate, on a day of the step."""


class WellTemplate(BaseTemplate):
    """What becomes an operation on each well for which it is the time."""

    @abstractmethod
    def in_well(self, well: WellOnDay) -> BaseOperation:
        """The operation in one well."""

    def compiled(self, wells: Sequence[WellOnDay]) -> Iterator[BaseOperation]:
        """One operation a well."""
        return (self.in_well(well) for well in wells if well.within(self.during))


class PlateTemplate(BaseTemplate):
    """What becomes one operation on the plate as soon as it is the time for one of its wells."""

    @abstractmethod
    def on_plate(self) -> BaseOperation:
        """The operation on the plate."""

    def compiled(self, wells: Sequence[WellOnDay]) -> Iterator[BaseOperation]:
        """One operation, or none."""
        if any(well.within(self.during) for well in wells):
            yield self.on_plate()
