"""The contract of operations, between campaign file, job and those that execute it."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from protocols.plugins import literal
from protocols.references import TemplatePart, WellOnDay, Window, takes
from protocols.wanted_read import NOT_SAID, WantedRead

ReadingKind = Literal["image", "number", "plate", "trace"]
"""What an instrument gives: of a well an image, a number or a trace, of a plate a table."""


class BaseOperation(BaseModel, ABC):
    """The smallest instruction to a robot: immutable, with units in the names of its fields.

    A new one is a subclass of `WellOperation`, `PlateOperation` or `EachOperation` with a field
    `kind` of one value and a `template` whose field `do` has the same value. Ours are in the list
    of `protocols.operations`; those of other packages are entry points `wellwise.operations`.
    Everything else follows: campaign files, jobs, checks, checklists, the bench.

    A field has the name of the template's, with its unit behind it: `volume` becomes `volume_ul`.
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
    reads: ClassVar[ReadingKind | None] = None
    """The kind of reading that it leaves of its well, or of its plate."""
    concerns_plate: ClassVar[bool]
    """Whether it concerns the whole plate and no single well."""
    fresh_plate: ClassVar[bool] = False
    """Whether it takes a new plate, which takes the old one's place."""
    leaves_volume: ClassVar[bool] = False
    """Whether as much is in its well afterwards as before; of what reads and what adds it is so."""

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
        if "kind" in cls.__annotations__:
            cls.template.operation = cls

    @property
    @abstractmethod
    def well_name(self) -> str | None:
        """The well that it works on; None where it concerns the whole plate."""

    @abstractmethod
    def in_words(self) -> str:
        """The instruction in words, for a checklist."""

    @property
    def wanted_read(self) -> WantedRead:
        """Which of several reads in an instrument's file it is, as far as it says."""
        return NOT_SAID

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

    @property
    def removed_ul(self) -> float | None:
        """What it takes out of the well, in uL; None where nobody knows how full it is then."""
        leaves = self.leaves_volume or self.reads or self.added is not None
        return 0.0 if leaves else None


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


class EachOperation(BaseOperation):
    """An operation on the whole plate or, as the campaign file says, on one well."""

    concerns_plate = True

    well: str | None = None

    @property
    def well_name(self) -> str | None:
        """The well that it works on; None where it concerns the whole plate."""
        return self.well

    @property
    def place(self) -> str:
        """What it works on, for a checklist."""
        return self.well or "plate"


def at_wavelengths(wavelength_nm: float | None, excitation_nm: float | None) -> str:
    """At which wavelengths something is read, for a checklist; empty if it is not said."""
    at = "" if wavelength_nm is None else f" at {wavelength_nm:g} nm"
    return at + ("" if excitation_nm is None else f", excited at {excitation_nm:g} nm")


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

    operation: ClassVar[type[BaseOperation]]
    """What it becomes: the operation whose `template` it is."""
    left_out_at_zero: ClassVar[frozenset[str]] = frozenset()
    """Amounts of which a well that is to get none has no operation."""

    during: Window | None = Field(
        None, description="days of the step on which the well gets this; all if absent"
    )

    if TYPE_CHECKING:
        do: str

    @property
    def of_plate(self) -> bool:
        """Whether it becomes one operation on the plate, so that its wells have the same values."""
        return False

    @abstractmethod
    def compiled(self, wells: Sequence[WellOnDay]) -> Iterator[BaseOperation]:
        """The operations for the wells of one plate, on a day of the step."""

    def fields_in(self, well: WellOnDay) -> dict[str, Any]:
        """The fields of the operation in one well, by their names there."""
        known = type(self).operation.model_fields
        wanted = takes(type(self))
        found: dict[str, Any] = {}
        for field in type(self).model_fields.keys() - {"do", "during", "each"}:
            value = well.given(self, field) if field in wanted else getattr(self, field)
            if value is not None:
                name = field if field in known else _with_unit(field, known)
                found[name] = value
        return found

    def _wanted(self, well: WellOnDay) -> bool:
        """Whether a well gets this on its day."""
        return well.gets(self, self.during) and all(
            well.given(self, field) != 0 for field in self.left_out_at_zero
        )


class WellTemplate(BaseTemplate):
    """What becomes an operation on each well for which it is the time."""

    def in_well(self, well: WellOnDay) -> BaseOperation:
        """The operation in one well."""
        return type(self).operation(**{"well": well.name} | self.fields_in(well))

    def compiled(self, wells: Sequence[WellOnDay]) -> Iterator[BaseOperation]:
        """One operation a well; none where a parameter that it takes is not active."""
        return (self.in_well(well) for well in wells if self._wanted(well))


class PlateTemplate(BaseTemplate):
    """What becomes one operation on the plate as soon as it is the time for one of its wells."""

    @property
    def of_plate(self) -> bool:
        """It does."""
        return True

    def on_plate(self, well: WellOnDay) -> BaseOperation:
        """The operation on the plate, with the values of one of its wells."""
        return type(self).operation(**self.fields_in(well))

    def compiled(self, wells: Sequence[WellOnDay]) -> Iterator[BaseOperation]:
        """One operation, or none."""
        found = dict.fromkeys(self.on_plate(well) for well in wells if self._wanted(well))
        if len(found) > 1:
            raise ValueError(
                f"{self.do} is of the whole plate, and its wells have several values: "
                + "; ".join(operation.in_words() for operation in found)
            )
        return iter(found)


class EachTemplate(PlateTemplate):
    """What becomes one operation on the plate or, with `each: well`, one on each well."""

    each: Literal["plate", "well"] = Field(
        "plate", description="whether the whole plate has one setting, or each well its own"
    )

    @property
    def of_plate(self) -> bool:
        """Unless each well has its own."""
        return self.each == "plate"

    def compiled(self, wells: Sequence[WellOnDay]) -> Iterator[BaseOperation]:
        """One operation, or one a well."""
        if self.of_plate:
            return super().compiled(wells)
        return (
            type(self).operation(**{"well": well.name} | self.fields_in(well))
            for well in wells
            if self._wanted(well)
        )


def _with_unit(field: str, known: Iterable[str]) -> str:
    """The operation's name of a template's field, which has the unit behind it."""
    return next((name for name in known if name.startswith(f"{field}_")), field)
