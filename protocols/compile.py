"""Compile: layout and protocol -> jobs, one for each step occurrence on each plate."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from protocols.campaign import Campaign
from protocols.conditions import Condition
from protocols.jobs import Job
from protocols.layout import Layout, Placement
from protocols.operations import (
    Aspirate,
    Detach,
    Dispense,
    Image,
    Incubate,
    Mix,
    Move,
    Operation,
    Supplement,
    Transfer,
    WellOperation,
)
from protocols.parameters import CategoryParameter
from protocols.protocol import (
    FIELD_UNITS,
    AspirateTemplate,
    DetachTemplate,
    DispenseTemplate,
    ImageTemplate,
    IncubateTemplate,
    MixTemplate,
    MoveTemplate,
    OperationTemplate,
    ParameterRef,
    Step,
    SupplementTemplate,
    TransferTemplate,
    Window,
)
from protocols.quantities import Quantity, conversion


def compile_jobs(campaign: Campaign, campaign_id: str, layout: Layout, start: datetime) -> Iterator[Job]:
    """The jobs that carry a layout through the protocol, in the order in which they are due.

    Args:
        campaign: gives the protocol, the plates and the robots.
        campaign_id: begins every job key and plate id.
        layout: the conditions of the round, well by well.
        start: any time of the round's day 0, with its time zone.
    """
    for day in range(campaign.protocol.last_day + 1):
        for step in campaign.protocol.steps:
            if day not in step.days:
                continue
            occurrence = list(step.days).index(day) + 1
            due_at = datetime.combine(start.date() + timedelta(days=day), step.at, tzinfo=start.tzinfo)
            for plate in range(1, campaign.plates.count + 1):
                operations = tuple(_operations(campaign, step, day, layout.on_plate(plate)))
                if not operations:
                    continue
                plate_id = f"{campaign_id}/r{layout.round}/p{plate}"
                yield Job(
                    key=f"{plate_id}/{step.name}/{occurrence}",
                    round=layout.round,
                    step=step.name,
                    occurrence=occurrence,
                    day=day,
                    plate=plate,
                    plate_id=plate_id,
                    labware=campaign.plates.labware,
                    robot=step.robot_of(plate),
                    due_at=due_at,
                    tolerance_s=step.tolerance.to("s"),
                    operations=operations,
                )


def _operations(campaign: Campaign, step: Step, day: int, placements: tuple[Placement, ...]) -> Iterator[Operation]:
    for template in step.operations:
        if isinstance(template, MoveTemplate | IncubateTemplate):
            wells = [_Well(campaign, step, day, placement) for placement in placements]
            if any(well.within(template.during) for well in wells):
                yield _plate_operation(template)
            continue
        for placement in placements:
            well = _Well(campaign, step, day, placement)
            if well.within(template.during):
                yield well.operation(template)


def _plate_operation(template: MoveTemplate | IncubateTemplate) -> Operation:
    if isinstance(template, MoveTemplate):
        return Move(to=template.to)
    return Incubate(duration_s=template.duration.to("s"), temperature_c=template.temperature.to("degC"))


class _Well:
    """One well on one day of one step: resolves references to the parameters of its condition."""

    def __init__(self, campaign: Campaign, step: Step, day: int, placement: Placement) -> None:
        self._space = campaign.space
        self._step = step
        self._day = day
        self._name = placement.well.name
        self._condition: Condition = placement.proposal.condition

    def within(self, window: Window | None) -> bool:
        if window is None:
            return True
        if window.first is not None:
            return self._day - self._step.days.first < self._days(window.first, "first")
        assert window.last is not None
        return self._step.days.last - self._day < self._days(window.last, "last")

    def operation(self, template: OperationTemplate) -> WellOperation:
        well = self._name
        match template:
            case DispenseTemplate():
                supplements = tuple(
                    self._supplement(supplement)
                    for supplement in template.supplements
                    if self.within(supplement.during)
                )
                volume = self._amount(template.volume, "volume")
                return Dispense(well=well, liquid=template.liquid, volume_ul=volume, supplements=supplements)
            case AspirateTemplate():
                return Aspirate(well=well, volume_ul=self._amount(template.volume, "volume"))
            case MixTemplate():
                cycles = int(self._days(template.cycles, "cycles"))
                return Mix(well=well, volume_ul=self._amount(template.volume, "volume"), cycles=cycles)
            case DetachTemplate():
                return Detach(
                    well=well,
                    period_s=self._amount(template.period, "period"),
                    speed_mm_s=self._amount(template.speed, "speed"),
                    stroke=self._label(template.stroke),
                )
            case TransferTemplate():
                return Transfer(well=well, volume_ul=self._amount(template.volume, "volume"))
            case ImageTemplate():
                return Image(well=well)
            case _:
                raise TypeError(f"{template.do} does not work on one well")

    def _amount(self, value: Quantity | ParameterRef, field: str) -> float:
        unit = FIELD_UNITS[field]
        return value.to(unit) if isinstance(value, Quantity) else self._parameter(value, unit)

    def _days(self, value: float | ParameterRef, field: str) -> float:
        return self._parameter(value, FIELD_UNITS[field]) if isinstance(value, ParameterRef) else value

    def _parameter(self, reference: ParameterRef, unit: str) -> float:
        parameter = self._space.by_name[reference.parameter]
        return conversion(float(self._condition[reference.parameter]), parameter.unit or "dimensionless", unit)

    def _label(self, value: str | ParameterRef) -> str:
        if isinstance(value, str):
            return value
        parameter = self._space.by_name[value.parameter]
        assert isinstance(parameter, CategoryParameter)
        return parameter.label(self._condition[value.parameter])

    def _supplement(self, template: SupplementTemplate) -> Supplement:
        concentration = template.concentration
        if isinstance(concentration, Quantity):
            amount, unit = concentration.magnitude, concentration.unit
        else:
            unit = self._space.by_name[concentration.parameter].unit
            amount = float(self._condition[concentration.parameter])
        return Supplement(substance=template.substance, concentration=amount, unit=unit)
