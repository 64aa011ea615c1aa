"""What is wrong between the parts of a campaign, each of which is valid by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from protocols.blocks import block_findings
from protocols.campaign_parts import (
    Chosen,
    FirstRound,
    LaterRounds,
    Parts,
    RobotConfig,
    RoundPlan,
    StopRule,
    WantedBatch,
)
from protocols.conditions import Value
from protocols.confirmation_plan import ConfirmationPlan
from protocols.constraints import Cost
from protocols.errors import Finding, Loc
from protocols.number_words import counted
from protocols.outcome_checks import RESERVED, outcome_findings
from protocols.parameters import Parameter
from protocols.plates import Plates
from protocols.protocol import Step
from protocols.reference_checks import usage_findings
from protocols.space_checks import (
    constraint_findings,
    cost_findings,
    plate_findings,
    when_findings,
)
from protocols.timing_checks import timing_findings


def cross_findings(parts: Parts) -> Iterator[Finding]:
    """What is wrong between the parts of a campaign, each of which is valid by itself."""
    yield from usage_findings(parts)
    yield from timing_findings(parts)
    if not parts.broken:
        parameters = [parameter for _, parameter in parts.parameters]
        yield from when_findings(parameters)
        yield from constraint_findings(parameters, parts.constraints)
        yield from plate_findings(parameters, parts.constraints)
        yield from cost_findings(parameters, parts.costs)
    if parts.outcomes is not None:
        yield from outcome_findings(parts, parts.outcomes)
    yield from _covariate_findings(parts)
    if parts.plates is not None:
        yield from block_findings(parts.covariates, parts.plates)
    if parts.robots is not None:
        yield from _robot_findings(parts.steps, parts.robots)
    if parts.plates is not None and parts.rounds is not None:
        yield from _well_findings(parts.plates, parts.rounds)
        yield from _place_findings(parts.plates, parts.rounds)
        yield from _candidate_findings(parts.confirmation, parts.rounds)
        if not parts.broken:
            by_name = {parameter.name: parameter for _, parameter in parts.parameters}
            yield from _chosen_findings(
                by_name, parts.plates, parts.rounds.first.chosen, 1, ("rounds", "first")
            )
            yield from _wanted_findings(by_name, parts.plates, parts.rounds)
            yield from _standard_findings(by_name, parts.rounds)
    if parts.stop is not None:
        yield from _spend_findings(parts.stop, parts.costs)
    if parts.plates is not None and parts.rounds is not None:
        yield from _parallel_findings(parts.parameters, parts.plates, parts.rounds, parts.stop)
    if parts.plates is not None and parts.stop is not None:
        yield from _decided_findings(parts.parameters, parts.plates, parts.stop)
    if parts.past_results is not None and not parts.broken:
        known = {parameter.name for _, parameter in parts.parameters}
        known |= {choice.outcome for choice in parts.objectives or ()} | {"round", "plate", "well"}
        for name in parts.past_results.columns if parts.objectives is not None else ():
            if name not in known:
                yield Finding(
                    loc=("past_results", "columns", name),
                    message=f"{name!r} is not a name of this campaign",
                    expected="one of " + ", ".join(sorted(known)),
                )


def _candidate_findings(plan: ConfirmationPlan | None, rounds: RoundPlan) -> Iterator[Finding]:
    """A plan of several candidates, and another number of chosen conditions."""
    if plan is None or plan.candidates is None:
        return
    chosen = len(rounds.first.chosen)
    if chosen != plan.candidates + 1:
        yield Finding(
            loc=("confirmation", "candidates"),
            message=f"{plan.candidates} candidates are planned, but {chosen} conditions are chosen",
            expected=f"{plan.candidates + 1} chosen conditions in round 1, the standard last",
        )


def _covariate_findings(parts: Parts) -> Iterator[Finding]:
    """Covariates whose names are those of something else."""
    taken = {parameter.name for _, parameter in parts.parameters} | RESERVED
    taken |= {outcome.name for outcome in parts.outcomes or ()}
    for index, covariate in enumerate(parts.covariates):
        if covariate.name in taken:
            message = f"the name {covariate.name!r} is taken"
            loc: Loc = ("covariates", index, "name")
            yield Finding(loc=loc, message=message, expected="a name of its own")
        taken.add(covariate.name)


def _robot_findings(
    steps: tuple[tuple[int, Step], ...], robots: Mapping[str, RobotConfig]
) -> Iterator[Finding]:
    for index, step in steps:
        for missing in dict.fromkeys(name for name in step.robots if name not in robots):
            yield Finding(
                loc=("protocol", "steps", index, "robot"),
                message=f"there is no robot {missing!r}",
                expected="one of " + ", ".join(robots),
            )
        if len(set(step.robots)) < len(step.robots):
            yield Finding(
                loc=("protocol", "steps", index, "robot"),
                message="a robot is named twice",
                expected="each of the robots that share the plates once",
            )


def _well_findings(plates: Plates, rounds: RoundPlan) -> Iterator[Finding]:
    available = plates.count * plates.wells_per_plate
    there = counted(plates.count, "plate")
    expected = f"{counted(available, 'well')} ({there} of {plates.wells_per_plate})"
    for key, plan, words in (
        ("first", rounds.first, _first_words(rounds.first)),
        (
            "later",
            rounds.later,
            _later_words(rounds.later),
        ),
    ):
        several = key == "first" and _spread_over_rounds(plates, rounds.first)
        if plan.wells != available and not several:
            yield Finding(
                loc=("rounds", key), message=f"{words} make {plan.wells} wells", expected=expected
            )


def _spread_over_rounds(plates: Plates, first: FirstRound) -> bool:
    """Whether the initial design fills several whole rounds."""
    available = plates.count * plates.wells_per_plate
    return first.wells > available and first.wells % available == 0


def _parallel_findings(
    parameters: tuple[tuple[int, Parameter], ...],
    plates: Plates,
    rounds: RoundPlan,
    stop: StopRule | None,
) -> Iterator[Finding]:
    """What needs the round before, or one round with the whole initial design."""
    if rounds.in_parallel > 1 and stop is not None and stop.least_gain is not None:
        message = "what a batch gains cannot be told while others are under way"
        expected = "no least_gain with rounds in parallel"
        yield Finding(loc=("stop", "least_gain"), message=message, expected=expected)
    if rounds.in_parallel > 1 and rounds.later.controls:
        message = "rounds in parallel have no round before them, whose best could be controls"
        yield Finding(loc=("rounds", "later", "controls"), message=message, expected="0")
    if _spread_over_rounds(plates, rounds.first):
        for index, parameter in parameters:
            if parameter.decided_by_well is not None:
                message = "what wells decide differs by round, and the design is of several"
                expected = "an initial design that fills one round"
                loc: Loc = ("parameters", index, "decided_by_well")
                yield Finding(loc=loc, message=message, expected=expected)
            if parameter.varies == "plate":
                message = "plates of several rounds have no values in common, and the design does"
                expected = "an initial design that fills one round"
                loc = ("parameters", index, "varies")
                yield Finding(loc=loc, message=message, expected=expected)


def _spend_findings(stop: StopRule, costs: tuple[Cost, ...]) -> Iterator[Finding]:
    """Budgets of costs that there are not."""
    known = [cost.name for cost in costs]
    for name in stop.spend:
        if name not in known:
            message = f"{name!r} is not a cost of this campaign"
            expected = "one of " + ", ".join(known) if known else "its price under costs"
            yield Finding(loc=("stop", "spend", name), message=message, expected=expected)


def _standard_findings(parameters: Mapping[str, Parameter], rounds: RoundPlan) -> Iterator[Finding]:
    """Wells of a standard condition that there is not."""
    known = {
        name: parameter.standard
        for name, parameter in parameters.items()
        if parameter.standard is not None
    }
    without = [
        name
        for name, parameter in parameters.items()
        if name not in known and parameter.decided_by_well is None and parameter.active(known)
    ]
    for key, plan in (("first", rounds.first), ("later", rounds.later)):
        if plan.standard and without:
            yield Finding(
                loc=("rounds", key, "standard"),
                message=f"there is no standard condition: {', '.join(without)} has no standard",
                expected="a standard of each parameter, or no wells of it",
            )


def _first_words(first: FirstRound) -> str:
    chosen = sum(entry.wells for entry in first.chosen)
    return f"{first.initial} initial + {first.standard} standard" + (
        f" + {chosen} chosen" if chosen else ""
    )


def _later_words(later: LaterRounds) -> str:
    standard = f" + {later.standard} standard" if later.standard else ""
    return f"{later.proposed} proposed + {later.controls} controls{standard}"


def _place_findings(plates: Plates, rounds: RoundPlan) -> Iterator[Finding]:
    """More standards or controls than the wells that are named for them."""
    for key, several, wanted in (
        ("standards_in", plates.standards_in, ("first", "standard", rounds.first.standard)),
        ("standards_in", plates.standards_in, ("later", "standard", rounds.later.standard)),
        ("controls_in", plates.controls_in, ("later", "controls", rounds.later.controls)),
    ):
        part, name, number = wanted
        there = plates.count * len(several)
        if several and number > there:
            yield Finding(
                loc=("rounds", part, name),
                message=f"{counted(number, 'well')}, and plates.{key} names {there} "
                f"({plates.count} x {len(several)})",
                expected=f"at most {there}, or more wells in plates.{key}",
            )
    if plates.standards_in and _spread_over_rounds(plates, rounds.first):
        message = "a design that is spread over several rounds has its standards drawn by lot"
        expected = "an initial design that fills one round, or no standards_in"
        yield Finding(loc=("plates", "standards_in"), message=message, expected=expected)


def _chosen_findings(
    parameters: Mapping[str, Parameter],
    plates: Plates,
    several: Sequence[Chosen],
    round_number: int,
    place: Loc,
) -> Iterator[Finding]:
    """Conditions that are not of this space, or that fewer wells fit than want them."""
    for index, chosen in enumerate(several):
        loc: Loc = (*place, "chosen", index, "condition")
        names = chosen.condition.keys()
        known: dict[str, Value] = {}
        for name, parameter in parameters.items():
            if name in names and parameter.active(known):
                known[name] = parameter.snap(chosen.condition[name]) or chosen.condition[name]
        needed = {name for name, one in parameters.items() if one.active(known)}
        if names != needed:
            text = ", ".join(sorted(names ^ needed))
            message = f"a chosen condition needs exactly one value for each parameter: {text}"
            yield Finding(loc=loc, message=message, expected=", ".join(parameters))
            continue
        fitting = set(plates.all_wells())
        for name in names:
            parameter = parameters[name]
            value = parameter.snap(chosen.condition[name])
            if value is None:
                message = f"{name}={chosen.condition[name]} is not allowed"
                yield Finding(loc=(*loc, name), message=message, expected=parameter.allowed)
            elif parameter.decided_by_well is not None:
                fitting &= {
                    well
                    for well in fitting
                    if parameter.decided_by_well.value(round_number, well.number, well.plate)
                    == value
                }
        if len(fitting) < chosen.wells:
            message = (
                f"{counted(chosen.wells, 'well')} wanted, but {len(fitting)} "
                f"decide these values in round {round_number}"
            )
            yield Finding(
                loc=loc, message=message, expected="values that more wells decide, or more plates"
            )


def _wanted_findings(
    parameters: Mapping[str, Parameter], plates: Plates, rounds: RoundPlan
) -> Iterator[Finding]:
    """What is wanted of single rounds and cannot be."""
    seen: set[int] = set()
    for index, batch in enumerate(rounds.wanted):
        place: Loc = ("rounds", "wanted", index)
        if batch.round in seen:
            message = f"round {batch.round} is named twice"
            yield Finding(loc=(*place, "round"), message=message, expected="each round once")
        seen.add(batch.round)
        yield from _chosen_findings(parameters, plates, batch.chosen, batch.round, place)
        room = rounds.first.initial if batch.round == 1 else rounds.later.proposed
        wells = sum(chosen.wells for chosen in batch.chosen)
        if wells > room:
            message = f"{wells} chosen wells in round {batch.round}"
            yield Finding(loc=(*place, "chosen"), message=message, expected=f"at most {room}")
        for name, value in batch.fixed.items():
            parameter = parameters.get(name)
            loc: Loc = (*place, "fixed", name)
            if parameter is None:
                message = f"{name!r} is not a parameter of this campaign"
                yield Finding(loc=loc, message=message, expected="one of " + ", ".join(parameters))
            elif parameter.decided_by_well is not None:
                message = f"{name!r} is decided by the well"
                yield Finding(loc=loc, message=message, expected="another parameter")
            elif parameter.snap(value) is None:
                message = f"{value!r} is not allowed for {name!r}"
                yield Finding(loc=loc, message=message, expected=parameter.allowed)
            elif parameter.varies == "plate":
                yield from _other_on_plates(parameter, value, rounds, batch, loc)


def _other_on_plates(
    parameter: Parameter, value: Value, rounds: RoundPlan, batch: WantedBatch, loc: Loc
) -> Iterator[Finding]:
    """What a person wants of a round whose plates all have another value."""
    own = parameter.snap(value)
    first = batch.round == 1
    chosen = (*(rounds.first.chosen if first else ()), *batch.chosen)
    others = {parameter.snap(one.condition.get(parameter.name, value)) for one in chosen}
    if rounds.first.standard if first else rounds.later.standard:
        others.add(parameter.standard)
    for other in sorted(others - {own, None}, key=str):
        yield Finding(
            loc=loc,
            message=f"conditions that are wanted in round {batch.round} have {other}, on no plate",
            expected=f"{other}, or none of these conditions",
        )


def _decided_findings(
    parameters: tuple[tuple[int, Parameter], ...], plates: Plates, stop: StopRule
) -> Iterator[Finding]:
    for index, parameter in parameters:
        decided = parameter.decided_by_well
        if decided is None:
            continue
        for round_number in range(1, min(len(decided.base), stop.rounds) + 1):
            values = dict.fromkeys(
                decided.value(round_number, well.number, well.plate) for well in plates.all_wells()
            )
            outside = [f"{value:g}" for value in values if not parameter.allows(value)]
            if outside:
                yield Finding(
                    loc=("parameters", index, "decided_by_well"),
                    message=f"in round {round_number} the wells would decide {' '.join(outside)}",
                    expected=parameter.allowed,
                )
