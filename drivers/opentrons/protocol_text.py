"""Compiles a job into an Opentrons OT-2 protocol, with its budget of tips and volumes."""

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import NoReturn

from drivers.base import DeviceCannotWork, JobRefused
from drivers.opentrons.deck import PLATES, OpentronsOptions, Pipette, Source
from drivers.opentrons.supplies import TIPS_OF_A_RACK, Used, place_of, tips_there
from protocols.jobs import Job
from protocols.operations import (
    Aspirate,
    Detach,
    Dispense,
    Incubate,
    Mix,
    Move,
    Operation,
    Transfer,
    well_of,
)

_STROKES = 10
"""How often a well's cells are stroked at detachment."""

_UL_PER_MM = 15.0
"""A GEN2 P1000's plunger moves about this volume in a millimetre (uL).

From plunger speed to flow rate.
"""

_HEAD = '''\
"""Job {key}: {title}. Made by wellwise; every operation is marked by a comment when it is done."""

import time

metadata = {{"protocolName": {key!r}, "author": "wellwise"}}
requirements = {{"robotType": "OT-2", "apiLevel": {api_level!r}}}


def run(protocol):
    enzyme_at = time.monotonic()

    def wait_since_enzyme(seconds):
        if not protocol.is_simulating():
            protocol.delay(seconds=max(0.0, enzyme_at + seconds - time.monotonic()))

'''


@dataclass
class Budget:
    """What a job uses: tips by mount, and volumes by well of a reservoir.

    What is there is what earlier jobs have left.
    """

    tips: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    tips_there: dict[str, int] = field(default_factory=dict)
    volumes_ul: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    volumes_there_ul: dict[str, float] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)
    """What each mount and well holds."""

    @property
    def used(self) -> Used:
        """What the job takes of the deck."""
        return Used(dict(self.tips), dict(self.volumes_ul))

    def __str__(self) -> str:
        tips = [
            f"{self.contents[mount]} ({mount}): {number} of {self.tips_there[mount]} tips"
            for mount, number in self.tips.items()
        ]
        volumes = [
            f"{self.contents[place]} in {place}: {volume:.0f} of "
            f"{self.volumes_there_ul[place]:.0f} uL"
            for place, volume in self.volumes_ul.items()
        ]
        return "; ".join([*tips, *volumes]) or "nothing"


def compile_protocol(
    job: Job, options: OpentronsOptions, robot: str, before: Used | None = None
) -> tuple[str, Budget]:
    """The text of a protocol that does a job, and what it uses.

    Tips are picked up after those that earlier jobs used (`before`), and liquids are taken from
    what those have left.

    A dispense takes the base liquid and each supplement's stock, as much as its concentration
    needs, from above the well: one tip a source. Whatever touches the liquid of a well has a tip of
    its own.

    Raises:
        JobRefused: a well would overflow, not even a full deck has enough tips or liquid, no
            pipette takes a volume, or a liquid or a stock is not on the deck.
        DeviceCannotWork: earlier jobs left too few tips or too little of a liquid.
    """
    if before is not None and before != Used():
        # What not even a full deck could do is the job's fault, not that of what is left.
        _Compiler(job, options, robot, Used()).compiled()
    return _Compiler(job, options, robot, before or Used()).compiled()


class _Compiler:
    def __init__(self, job: Job, options: OpentronsOptions, robot: str, before: Used) -> None:
        self._job, self._options, self._robot, self._before = job, options, robot, before
        self._lines: list[str] = []
        self._budget = Budget()
        self._in_well: dict[str, float] = defaultdict(float)
        self._held: dict[str, str] = {}
        """By mount the source that its tip has touched."""

        self._rate = dict.fromkeys(options.pipettes, "")
        """By mount the flow rate that was set, uL/s; nothing for the pipette's own."""
        for mount, pipette in options.pipettes.items():
            self._budget.tips_there[mount] = tips_there(options, mount) - before.tips.get(mount, 0)
            self._budget.contents[mount] = pipette.tips

    def compiled(self) -> tuple[str, Budget]:
        for number, operation in enumerate(self._job.operations, 1):
            self._do(operation)
            well = well_of(operation)
            mark = f"operation {number} done: {operation.kind}" + (f" {well}" if well else "")
            self._line(f"protocol.comment({mark!r})")
        self._drop()
        for mount, number in self._budget.tips.items():
            there = self._budget.tips_there[mount]
            if number > there:
                pipette = self._options.pipettes[mount]  # type: ignore[index]
                slots = ", ".join(map(str, pipette.slots))
                self._run_out(
                    f"{number} tips are needed of {pipette.tips} and {there} are there",
                    f"put full racks into slots {slots}",
                    [mount],
                )
        head = _HEAD.format(
            key=self._job.key, title=str(self._job), api_level=self._options.api_level
        )
        return head + "".join(
            f"    {line}\n" for line in [*self._loading(), *self._lines]
        ), self._budget

    def _loading(self) -> list[str]:
        options, job = self._options, self._job
        plate = PLATES.get(job.labware, job.labware)
        lines = [
            f"plate = protocol.load_labware({plate!r}, {options.plate_slot}, {job.plate_id!r})"
        ]
        if any(isinstance(operation, Transfer) for operation in job.operations):
            lines.append(
                f"fresh = protocol.load_labware({plate!r}, {options.fresh_plate_slot}, 'fresh "
                "plate')"
            )
        for name, reservoir in options.reservoirs.items():
            lines.append(
                f"{_variable(name)} = protocol.load_labware({reservoir.labware!r}, "
                f"{reservoir.slot}, {name!r})"
            )
        for mount, pipette in options.pipettes.items():
            racks = ", ".join(
                f"protocol.load_labware({pipette.tips!r}, {slot})" for slot in pipette.slots
            )
            lines.append(
                f"{mount} = protocol.load_instrument({pipette.name!r}, {mount!r}, "
                f"tip_racks=[{racks}])"
            )
            lines.append(
                f"{mount}_rates = ({mount}.flow_rate.aspirate, {mount}.flow_rate.dispense)"
            )
            if used := self._before.tips.get(mount, 0):
                rack, tip = divmod(used, TIPS_OF_A_RACK)
                lines.append(f"{mount}.starting_tip = {mount}.tip_racks[{rack}].wells()[{tip}]")
        return lines

    def _do(self, operation: Operation) -> None:
        match operation:
            case Move():
                if self._options.moves == "pause":
                    self._drop()
                    message = f"Carry the plate to the {operation.to}, then resume."
                    self._line(f"protocol.pause({message!r})")
            case Incubate():
                self._line(f"protocol.delay(seconds={operation.duration_s:g})")
            case Dispense():
                self._dispense(operation)
            case Aspirate():
                mount, pipette = self._pipette(operation.volume_ul)
                self._fresh_tip(mount, "")
                for part in _parts(operation.volume_ul, pipette):
                    self._line(f"{mount}.aspirate({part:g}, plate[{operation.well!r}].bottom(1))")
                    self._line(f"{mount}.dispense({part:g}, protocol.fixed_trash['A1'])")
                self._drop(mount)
                self._in_well[operation.well] -= operation.volume_ul
            case Mix():
                mount = self._mixer(operation.volume_ul, operation.well)
                self._fresh_tip(mount, "")
                self._line(
                    f"{mount}.mix({operation.cycles}, {operation.volume_ul:g}, "
                    f"plate[{operation.well!r}].bottom(1))"
                )
                self._drop(mount)
            case Detach():
                mount, pipette = max(
                    self._options.pipettes.items(), key=lambda found: found[1].most_ul
                )
                self._fresh_tip(mount, "", rate=f"{operation.speed_mm_s * _UL_PER_MM:g}")
                self._line(f"wait_since_enzyme({operation.period_s:g})")
                height = 1 if operation.stroke == "short" else 3
                self._line(
                    f"{mount}.mix({_STROKES}, {pipette.most_ul / 2:g}, "
                    f"plate[{operation.well!r}].bottom({height}))"
                )
                self._drop(mount)
            case Transfer():
                mount, pipette = self._pipette(operation.volume_ul)
                self._fresh_tip(mount, "")
                for part in _parts(operation.volume_ul, pipette):
                    self._line(f"{mount}.aspirate({part:g}, plate[{operation.well!r}].bottom(1))")
                    self._line(f"{mount}.dispense({part:g}, fresh[{operation.well!r}].bottom(2))")
                self._drop(mount)
            case _:
                self._refuse(f"it cannot {operation.kind}")

    def _dispense(self, operation: Dispense) -> None:
        amounts: list[tuple[str, Source, float]] = []
        rest = operation.volume_ul
        for supplement in operation.supplements:
            if supplement.concentration == 0:
                continue
            stock = self._options.stocks.get(supplement.substance)
            if stock is None:
                self._refuse(f"no stock of {supplement.substance} is on the deck")
            if stock.unit != supplement.unit:
                self._refuse(
                    f"the stock of {supplement.substance} is in {stock.unit}, its concentration "
                    f"in {supplement.unit}"
                )
            amount = operation.volume_ul * supplement.concentration / stock.concentration
            amounts.append((supplement.substance, stock, amount))
            rest -= amount
        if rest < 0:
            self._refuse(
                f"the stocks for {operation.well} make more than {operation.volume_ul:g} uL: make "
                "them stronger"
            )
        liquid = self._options.liquids.get(operation.liquid)
        if liquid is None:
            self._refuse(
                f"no {operation.liquid} is on the deck (there is "
                f"{', '.join(self._options.liquids) or 'nothing'})"
            )
        if rest > 0:
            amounts.insert(0, (operation.liquid, liquid, rest))
        for name, source, amount in amounts:
            mount, pipette = self._pipette(amount)
            self._tip_for(mount, name)
            for part in _parts(amount, pipette):
                place = self._taken(name, source, part)
                self._line(f"{mount}.aspirate({part:.2f}, {place})")
                self._line(f"{mount}.dispense({part:.2f}, plate[{operation.well!r}].top(-2))")
        self._line("enzyme_at = time.monotonic()")
        self._in_well[operation.well] += operation.volume_ul
        capacity_ul = self._job.definition.capacity_ul(operation.well)
        if capacity_ul is not None and self._in_well[operation.well] > capacity_ul:
            self._refuse(
                f"{operation.well} would overflow: {self._in_well[operation.well]:g} uL in a well "
                "of "
                f"{capacity_ul:g} uL"
            )

    def _taken(self, name: str, source: Source, amount: float) -> str:
        """The well of a source from which an amount is taken."""
        in_all = 0.0
        for well in source.wells:
            place = place_of(source, well)
            taken = self._before.volumes_ul.get(place, 0.0)
            there = source.volume_ul - source.dead_ul - taken
            in_all += there
            self._budget.volumes_there_ul[place], self._budget.contents[place] = there, name
            if self._budget.volumes_ul.get(place, 0.0) + amount <= there + 1e-9:
                self._budget.volumes_ul[place] += amount
                return f"{_variable(source.reservoir)}[{well!r}].bottom(1)"
        return self._run_out(
            f"{name} runs out: {in_all:g} uL are there",
            f"fill {name} up to {source.volume_ul:g} uL in each of {', '.join(source.wells)} of "
            f"{source.reservoir}",
            [place_of(source, well) for well in source.wells],
        )

    def _pipette(self, amount: float) -> tuple[str, Pipette]:
        able = [
            (mount, one)
            for mount, one in self._options.pipettes.items()
            if one.least_ul <= amount + 1e-9
        ]
        if not able:
            least = min(pipette.least_ul for pipette in self._options.pipettes.values())
            self._refuse(f"no pipette takes {amount:.2f} uL (the least is {least:g} uL)")
        return max(able, key=lambda found: found[1].most_ul)

    def _mixer(self, amount: float, well: str) -> str:
        """The mount of the smallest pipette that holds an amount; how exactly does not matter."""
        holding = [
            (pipette.most_ul, mount)
            for mount, pipette in self._options.pipettes.items()
            if amount <= pipette.most_ul + 1e-9
        ]
        if not holding:
            most = max(pipette.most_ul for pipette in self._options.pipettes.values())
            self._refuse(f"no pipette mixes {amount:g} uL in {well} (the most is {most:g} uL)")
        return min(holding)[1]

    def _tip_for(self, mount: str, source: str) -> None:
        """A tip that has touched nothing but this source; other mounts keep theirs."""
        if self._held.get(mount) != source:
            self._fresh_tip(mount, source)
        self._flow(mount, "")

    def _fresh_tip(self, mount: str, source: str, rate: str = "") -> None:
        self._drop(mount)
        self._line(f"{mount}.pick_up_tip()")
        self._budget.tips[mount] += 1
        self._held[mount] = source
        self._flow(mount, rate)

    def _flow(self, mount: str, rate: str) -> None:
        """Set the flow rate of what follows; the robot keeps one until another is set."""
        if self._rate[mount] != rate:  # type: ignore[index]
            both = f"{mount}.flow_rate.aspirate, {mount}.flow_rate.dispense"
            self._line(f"{both} = {f'{rate}, {rate}' if rate else f'{mount}_rates'}")
            self._rate[mount] = rate  # type: ignore[index]

    def _drop(self, only: str = "") -> None:
        for mount in [only] if only else list(self._held):
            if self._held.pop(mount, None) is not None:
                self._line(f"{mount}.drop_tip()")

    def _line(self, text: str) -> None:
        self._lines.append(text)

    def _run_out(self, why: str, what: str, names: list[str]) -> NoReturn:
        if self._before == Used():
            self._refuse(why)
        wanted = " ".join(f"'{name}'" if " " in name else name for name in names)
        raise DeviceCannotWork(
            f"robot {self._robot} cannot begin {self._job.key}: {why}. For it and what follows, "
            f"{what}, say so with: wellwise robot refill {self._robot} {wanted}, and have the job "
            "done again"
        )

    def _refuse(self, why: str) -> NoReturn:
        raise JobRefused(f"robot {self._robot} cannot do {self._job.key}: {why}")


def _parts(amount: float, pipette: Pipette) -> list[float]:
    number = math.ceil(amount / pipette.most_ul - 1e-9)
    return [amount / number] * number


def _variable(name: str) -> str:
    return "reservoir_" + "".join(letter if letter.isalnum() else "_" for letter in name)
