"""What is wrong with how a protocol's operations use the parameters of a campaign."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from protocols.campaign_parts import Parts
from protocols.conditions import Condition, Value
from protocols.errors import Finding, Loc
from protocols.operations import BaseTemplate
from protocols.parameters import Parameter
from protocols.quantities import same_dimension
from protocols.references import Reference, WellOnDay, references
from protocols.refusals import wrong


def usage_findings(parts: Parts) -> Iterator[Finding]:
    """Parameters that there are not, do not fit a field, or are used by no operation."""
    by_name = {parameter.name: parameter for _, parameter in parts.parameters}
    used: dict[str, set[str]] = {name: set() for name in by_name}
    for index, step in parts.steps:
        place: Loc = ("protocol", "steps", index)
        for reference in step.references():
            name = reference.parameter
            if name in by_name:
                used[name].add(step.name)
            elif name not in parts.broken:
                expected = "one of " + ", ".join(by_name)
                yield Finding(
                    loc=(*place, *reference.loc),
                    message=f"{name!r} is not a parameter of this campaign",
                    expected=expected,
                )
        for number, operation in enumerate(step.operations):
            yield from _operation_findings(
                (*place, "operations", number), operation, by_name, parts
            )
    yield from _unused_findings(parts, used)


def _operation_findings(
    place: Loc, operation: BaseTemplate, by_name: Mapping[str, Parameter], parts: Parts
) -> Iterator[Finding]:
    used = [found for found in references(operation, place) if found.parameter in by_name]
    found = [
        finding
        for reference in used
        for finding in _reference_findings(reference.loc, by_name[reference.parameter], reference)
    ]
    if operation.of_plate and parts.plates is not None and parts.plates.wells_per_plate > 1:
        found += [
            _of_plate(reference, operation)
            for reference in used
            if reference.loc[len(place)] != "during"
            and not _one_a_plate(by_name[reference.parameter])
        ]
    yield from found
    if used and not found and len(used) == len(list(references(operation, place))):
        yield from _extreme_findings(place, operation, used, by_name)


def _reference_findings(
    place: Loc, parameter: Parameter, reference: Reference
) -> Iterator[Finding]:
    field, (what, unit, whole) = reference.field, reference.takes
    if what == "either":
        return
    # A category of numbers gives a number as well.
    numbers = parameter.numeric or (
        what == "number" and all(map(_is_number, parameter.choices or ()))
    )
    if numbers != (what == "number"):
        wanted = "a category" if what == "label" else "a number"
        message = f"{field} needs {wanted}, but {parameter.name!r} is {parameter.kind}"
        yield Finding(loc=place, message=message, expected=f"a parameter that is {wanted}")
    elif unit is not None and not same_dimension(parameter.unit or "dimensionless", unit):
        message = (
            f"{field} cannot be given by {parameter.name!r}, which is in "
            f"{parameter.unit or 'no unit'}"
        )
        expected = f"a parameter with a unit such as {unit.removeprefix('delta_')}"
        yield Finding(loc=place, message=message, expected=expected)
    elif whole and not all(float(value).is_integer() for value in parameter.choices or (0.5,)):
        message = f"{field} needs whole numbers, but {parameter.name!r} has others"
        yield Finding(loc=place, message=message, expected="levels that are whole numbers")


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _one_a_plate(parameter: Parameter) -> bool:
    """Whether all wells of a plate have the same value, whatever is proposed."""
    decided = parameter.decided_by_well
    return parameter.varies == "plate" or (decided is not None and not decided.per_well)


def _of_plate(reference: Reference, operation: BaseTemplate) -> Finding:
    each = "each: well, " if "each" in type(operation).model_fields else ""
    return Finding(
        loc=reference.loc,
        message=(
            f"{operation.do} is of the whole plate, whose wells have several values of "
            f"{reference.parameter!r}"
        ),
        expected=(
            f"{each}one well in use on each plate, or a parameter with one value a plate: "
            "varies: plate, or decided_by_well: {base: [...], per_plate: ...}"
        ),
    )


def _extreme_findings(
    place: Loc,
    operation: BaseTemplate,
    used: list[Reference],
    by_name: Mapping[str, Parameter],
) -> Iterator[Finding]:
    """Values at the ends of parameters that the operation cannot have, such as a speed of 0."""
    always = operation.model_copy(update={"during": None})
    found: dict[str, Finding] = {}
    for end in (0, 1):
        values = {name: parameter.extremes[end] for name, parameter in by_name.items()}
        well = WellOnDay("A1", Condition(values), by_name, 0, 0)
        try:
            list(always.compiled([well]))
        except ValidationError as error:
            given = ", ".join(
                f"{name}={values[name]}" for name in dict.fromkeys(it.parameter for it in used)
            )
            for details in error.errors():
                field = ".".join(map(str, details["loc"]))
                message = f"with {given} {field} would be {wrong(details)}"
                found.setdefault(field, Finding(loc=place, message=message))
    yield from found.values()


def _unused_findings(parts: Parts, used: Mapping[str, set[str]]) -> Iterator[Finding]:
    names = [step.name for _, step in parts.steps]
    for index, parameter in parts.parameters:
        if parameter.step in parts.broken or not names:
            continue
        if parameter.step not in names:
            message = (
                f"the protocol has no step {parameter.step!r} for parameter {parameter.name!r}"
            )
            yield Finding(
                loc=("parameters", index, "step"),
                message=message,
                expected="one of " + ", ".join(names),
            )
        elif parameter.step not in used[parameter.name]:
            yield Finding(
                loc=("parameters", index, "step"),
                message=f"no operation of step {parameter.step} uses parameter {parameter.name!r}",
                expected=(
                    f"an operation there with {{parameter: {parameter.name}}}, such as "
                    f"{{do: set, setting: {parameter.name}, value: {{parameter: "
                    f"{parameter.name}}}, each: well}} for a person who sets it"
                ),
            )
