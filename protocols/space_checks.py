"""What is wrong between parameters, constraints and costs, each of which is valid by itself."""

from collections.abc import Iterator, Mapping, Sequence

from protocols.constraints import BaseConstraint, Cost, ForbiddenCombination, RatioConstraint
from protocols.errors import Finding, Loc
from protocols.parameters import Parameter


def constraint_findings(
    parameters: Sequence[Parameter], constraints: Sequence[BaseConstraint]
) -> Iterator[Finding]:
    """What is wrong between parameters and constraints: names, values, a forbidden standard."""
    by_name = {parameter.name: parameter for parameter in parameters}
    for index, constraint in enumerate(constraints):
        wrong = list(_term_findings(constraint, by_name, ("constraints", index)))
        yield from wrong
        standard = {} if wrong else {name: by_name[name].standard for name in constraint.names}
        known = {name: value for name, value in standard.items() if value is not None}
        if not known or known != standard or any(by_name[name].when for name in known):
            continue
        if constraint.summed:
            known = {name: by_name[name].amount(value) for name, value in known.items()}
        if not constraint.permits(known):
            message = f"the standard condition is not permitted ({constraint})"
            yield Finding(
                loc=("constraints", index), message=message, expected="a constraint that it meets"
            )


def cost_findings(parameters: Sequence[Parameter], costs: Sequence[Cost]) -> Iterator[Finding]:
    """What is wrong between parameters and costs: unknown names, categories in a sum."""
    by_name = {parameter.name: parameter for parameter in parameters}
    for index, cost in enumerate(costs):
        yield from _term_findings(cost, by_name, ("costs", index))


def when_findings(parameters: Sequence[Parameter]) -> Iterator[Finding]:
    """What is wrong with the conditions under which parameters are there at all."""
    before: dict[str, Parameter] = {}
    for index, parameter in enumerate(parameters):
        for name, values in parameter.when.items():
            loc: Loc = ("parameters", index, "when", name)
            parent = before.get(name)
            if parent is None:
                message = f"{name!r} is not a parameter before this one"
                expected = "one of " + ", ".join(before) if before else "a parameter before it"
                yield Finding(loc=loc, message=message, expected=expected)
            elif parent.choices is None:
                message = f"{name!r} has a range, of which no single value can be asked for"
                yield Finding(loc=loc, message=message, expected="a parameter with levels")
            else:
                yield from _unknown_values(parent, values, loc)
        if parameter.so_far is not None and parameter.observed(parameter.so_far) is None:
            message = f"{parameter.so_far!r} cannot have been its value"
            loc = ("parameters", index, "so_far")
            yield Finding(loc=loc, message=message, expected=parameter.allowed)
        if parameter.when and parameter.decided_by_well is not None:
            message = "what the well decides is there in every condition"
            yield Finding(
                loc=("parameters", index, "when"), message=message, expected="no when here"
            )
        if parameter.varies == "plate":
            yield from _one_a_plate_findings(parameter, index)
        before[parameter.name] = parameter


def _one_a_plate_findings(parameter: Parameter, index: int) -> Iterator[Finding]:
    """What a parameter with one value a plate cannot have as well."""
    loc: Loc = ("parameters", index, "varies")
    if parameter.decided_by_well is not None:
        message = "it is decided by the well already"
        yield Finding(loc=loc, message=message, expected="one of varies and decided_by_well")
    if parameter.when:
        message = "a plate has its value in every condition"
        yield Finding(loc=loc, message=message, expected="no when here, or varies: well")


def _term_findings(
    bound: BaseConstraint | Cost, by_name: Mapping[str, Parameter], place: Loc
) -> Iterator[Finding]:
    if isinstance(bound, ForbiddenCombination):
        for name in sorted(bound.when):
            loc: Loc = (*place, "when", name)
            if name not in by_name:
                yield _no_parameter(name, by_name, loc)
            else:
                yield from _unknown_values(by_name[name], bound.when[name], loc)
        return
    for key, names in bound.summed.items():
        for name in sorted(set(names)):
            loc = (*place, key, name) if key == "terms" else (*place, key)
            if name not in by_name:
                yield _no_parameter(name, by_name, loc)
            elif not by_name[name].has_order:
                yield Finding(
                    loc=loc,
                    message=f"{name!r} is a category, which cannot be summed",
                    expected="a number, or a category with ordered: true",
                )
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield Finding(loc=(*place, key), message=f"{name!r} is named twice", expected="once")
    if isinstance(bound, RatioConstraint) and bound.denominator in by_name:
        lowest = by_name[bound.denominator].extremes[0]
        if not isinstance(lowest, str) and lowest < 0:
            message = f"{bound.denominator!r} may be negative, which turns the limit around"
            expected = "a parameter from 0, or a linear constraint"
            yield Finding(loc=(*place, "denominator"), message=message, expected=expected)


def _no_parameter(name: str, by_name: Mapping[str, Parameter], loc: Loc) -> Finding:
    message = f"{name!r} is not a parameter of this campaign"
    return Finding(loc=loc, message=message, expected="one of " + ", ".join(by_name))


def _unknown_values(parameter: Parameter, values: Sequence[object], loc: Loc) -> Iterator[Finding]:
    for value in values:
        # A text that only looks like the level would match nothing.
        if parameter.snap(value) != value:  # type: ignore[arg-type]
            message = f"{value!r} is not allowed for {parameter.name!r}"
            yield Finding(loc=loc, message=message, expected=parameter.allowed)


def plate_findings(
    parameters: Sequence[Parameter], constraints: Sequence[BaseConstraint]
) -> Iterator[Finding]:
    """Constraints by which a plate's value might leave nothing for some of its wells."""
    decided = [one.name for one in parameters if one.decided_by_well is not None]
    shared = {one.name for one in parameters if one.varies == "plate"}
    for index, constraint in enumerate(constraints if decided else ()):
        for name in sorted(constraint.names & shared):
            yield Finding(
                loc=("constraints", index),
                message=f"{name!r} has one value a plate, whose wells decide {', '.join(decided)}",
                expected="constraints without it, or varies: well",
            )
