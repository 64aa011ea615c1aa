"""Reads a campaign file: YAML text -> campaign, or every problem with line and key."""

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Self, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML, MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from protocols.campaign import Campaign
from protocols.campaign_checks import cross_findings
from protocols.campaign_parts import Parts, RobotConfig
from protocols.descriptor_tables import Beside, put_in
from protocols.earlier_form import OLD, as_written, in_new_form, is_earlier
from protocols.errors import Finding, InvalidInput, Loc, Problem, duplicate_names, refuse
from protocols.labware import DefinedLabware
from protocols.parameters import Name, Parameter
from protocols.protocol import Step
from protocols.refusals import of_library, refusal

_LONGEST = 1_000_000
_LARGEST = 100_000
_NO_KEYS = " stands where there should be keys"
_WHOLE_PARTS = (
    "outcomes", "objectives", "outcome_constraints", "covariates", "constraints", "costs",
    "plates", "rounds", "stop", "robots", "past_results", "start",
    "confirmation",
)  # fmt: skip


class LabFile(BaseModel):
    """The robots of a lab, by the names that campaigns give them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    robots: dict[Name, RobotConfig] = Field(min_length=1)
    labware: tuple[DefinedLabware, ...] = Field((), description="labware by definitions of its own")

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(duplicate_names(self.labware, "labware"))
        return self


def read_lab(text: str, file: str = "lab file", drivers: Collection[str] | None = None) -> LabFile:
    """The lab that a YAML text describes; arguments and errors as for `read_campaign`."""
    root, data = _parsed(text, file, "a lab file")
    try:
        lab = LabFile.model_validate(data)
        findings = list(_driver_findings(lab.robots, drivers))
        if not findings:
            return lab
    except ValidationError as error:
        findings = _all_findings(error)
    raise InvalidInput(_problems(findings, root, file))


def read_campaign(
    text: str,
    file: str = "campaign file",
    drivers: Collection[str] | None = None,
    lab: LabFile | None = None,
    beside: Beside | None = None,
) -> Campaign:
    """The campaign that a YAML text describes.

    Args:
        text: the content of the file.
        file: what to call the file in problems.
        drivers: the names of the drivers that exist; a robot with another driver is a problem.
            None: not checked.
        lab: its robots take the place of those that the campaign file describes under the same
            names. Of robots that share the plates of a step, those that are in neither file are
            left out; the others have their plates.
        beside: gives the tables of descriptors that stand next to the file; None: it may name none.

    Raises:
        InvalidInput: with all problems of the file, each with its line, key and what was expected.
    """
    root, data = _parsed(text, file, "a campaign")
    if lab is not None:
        own = data.get("robots")
        described = own if isinstance(own, dict) else {}
        data["robots"] = described | {
            name: robot.model_dump(by_alias=True) for name, robot in lab.robots.items()
        }
        _leave_out_absent_robots(data)
        _define_labware(data, lab)
    unread = list(put_in(data, beside))
    try:
        campaign = Campaign.model_validate(data)
        findings = [*unread, *_driver_findings(campaign.robots, drivers)]
        if not findings:
            return campaign
    except ValidationError as error:
        findings = unread + _all_findings(error)
        parts = _readable_parts(data)
        findings += [*cross_findings(parts), *_driver_findings(parts.robots or {}, drivers)]
    raise InvalidInput(_problems(findings, root, file))


def _leave_out_absent_robots(data: dict[str, Any]) -> None:
    protocol = data.get("protocol")
    steps = protocol.get("steps") if isinstance(protocol, dict) else None
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, dict) and isinstance(step.get("robot"), list):
            present = [
                name for name in step["robot"] if isinstance(name, str) and name in data["robots"]
            ]
            step["robot"] = present or step["robot"]


def _define_labware(data: dict[str, Any], lab: LabFile) -> None:
    """Put a definition of the lab's in the place of its name."""
    plates = data.get("plates")
    if isinstance(plates, dict):
        for known in lab.labware:
            if plates.get("labware") == known.name:
                plates["labware"] = known.model_dump()


def _parsed(text: str, file: str, what: str) -> tuple[MappingNode, dict[str, Any]]:
    if len(text) > _LONGEST:
        raise InvalidInput(
            [
                Problem(
                    where=file,
                    message=f"{len(text):,} characters",
                    expected=f"at most {_LONGEST:,}",
                )
            ]
        )
    try:
        root = YAML(typ="safe", pure=True).compose(text)
        if _expanded(root, {}) > _LARGEST:
            message = "its anchors and aliases expand to too much"
            raise InvalidInput(
                [
                    Problem(
                        where=file, line=1, message=message, expected=f"at most {_LARGEST:,} values"
                    )
                ]
            )
        data = YAML(typ="safe", pure=True).load(text)
    except RecursionError:
        message = "values lie within values too deeply, or within themselves"
        raise InvalidInput(
            [Problem(where=file, line=1, message=message, expected="a campaign's few levels")]
        ) from None
    except (YAMLError, ValueError) as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        line = mark.line + 1 if mark else None
        message = str(getattr(error, "problem", None) or error).split("\n")[0]
        raise InvalidInput(
            [Problem(where=file, line=line, message=message, expected="valid YAML")]
        ) from None
    if not isinstance(root, MappingNode):
        raise InvalidInput(
            [Problem(where=file, line=1, message=f"not {what}", expected="a mapping of keys")]
        )
    return root, data


def _expanded(node: Node | None, sizes: dict[int, int]) -> int:
    """How many values a node expands to, each alias counted with all that it repeats."""
    if node is None or isinstance(node, ScalarNode):
        return 1
    if id(node) not in sizes:
        inside = chain.from_iterable(node.value) if isinstance(node, MappingNode) else node.value
        sizes[id(node)] = 1 + sum(_expanded(child, sizes) for child in inside)
    return sizes[id(node)]


def problems_at(findings: Sequence[Finding], text: str, file: str) -> list[Problem]:
    """Problems with line and key, from findings about a campaign that was read from `text`."""
    return _problems(findings, YAML(typ="safe", pure=True).compose(text), file)


def _problems(findings: Sequence[Finding], root: Node, file: str) -> list[Problem]:
    if isinstance(root, MappingNode) and is_earlier({key.value: None for key, _ in root.value}):
        findings = [
            finding.model_copy(update={"loc": as_written(finding.loc)}) for finding in findings
        ]
    problems = dict.fromkeys(_problem(finding, root, file) for finding in findings)
    return sorted(problems, key=lambda problem: (problem.line or 0, problem.key))


def _readable_parts(data: Mapping[str, Any]) -> Parts:
    data = in_new_form(data)
    protocol = data.get("protocol")
    parameters, broken_parameters = _readable_items(Parameter, data.get("parameters"))
    steps, broken_steps = _readable_items(
        Step, protocol.get("steps") if isinstance(protocol, dict) else None
    )
    whole: dict[str, Any] = {}
    for name in _WHOLE_PARTS:
        field = Campaign.model_fields[name]
        try:
            whole[name] = TypeAdapter[Any](cast(Any, field.annotation)).validate_python(
                data.get(name, field.get_default())
            )
        except ValidationError:
            continue
    return Parts(
        parameters=parameters, steps=steps, broken=broken_parameters | broken_steps, **whole
    )


def _readable_items(kind: Any, raw: Any) -> tuple[tuple[tuple[int, Any], ...], frozenset[str]]:
    """The readable items of a list with their index, and the names of the others."""
    readable, broken = [], set()
    for index, item in enumerate(raw if isinstance(raw, list) else ()):
        try:
            readable.append((index, TypeAdapter[Any](kind).validate_python(item)))
        except ValidationError:
            broken.add(str(item.get("name")) if isinstance(item, dict) else "")
    return tuple(readable), frozenset(broken)


def _driver_findings(
    robots: Mapping[str, Any], drivers: Collection[str] | None
) -> Iterator[Finding]:
    for name, robot in robots.items():
        # A driver in an environment of its own is known there and not here.
        if drivers is not None and not robot.environment and robot.driver not in drivers:
            yield Finding(
                loc=("robots", name, "driver"),
                message=f"there is no driver {robot.driver!r}",
                expected="one of " + ", ".join(sorted(drivers)),
            )


def _all_findings(error: ValidationError) -> list[Finding]:
    """What is wrong; a list is not called too short where its items could not be read."""
    every = error.errors()
    return [
        finding
        for details in every
        if details["type"] != "too_short"
        or not any(_lies_in(other["loc"], details["loc"]) for other in every)
        for finding in _findings(details)
    ]


def _lies_in(loc: Loc, outer: Loc) -> bool:
    return len(loc) > len(outer) and loc[: len(outer)] == outer


def _findings(details: ErrorDetails) -> Iterator[Finding]:
    loc = details["loc"]
    context = details.get("ctx", {})
    match details["type"]:
        case "findings":
            for finding in context["findings"]:
                yield finding.model_copy(update={"loc": (*loc, *finding.loc)})
        case "missing":
            yield Finding(loc=loc, message="missing", expected="this key")
        case "extra_forbidden" if loc[0] in OLD and len(loc) == 1:
            message = "this key of the earlier form cannot stand beside outcomes and objectives"
            yield Finding(loc=loc, message=message, expected="an entry of outcomes")
        case "extra_forbidden":
            yield Finding(loc=loc, message="unknown key")
        case "union_tag_invalid":
            key = str(context["discriminator"]).strip("'")
            yield Finding(
                loc=(*loc, key),
                message=f"{context['tag']!r} is not known",
                expected="one of " + str(context["expected_tags"]).replace("'", ""),
            )
        case "union_tag_not_found":
            key = str(context["discriminator"]).strip("'")
            yield Finding(loc=(*loc, key), message="missing", expected="this key")
        case "quantity":
            yield Finding(loc=loc, message=details["msg"], expected=context["expected"])
        case "too_short":
            few = context["actual_length"]
            message = f"there {'is 1' if few == 1 else f'are {few}' if few else 'is none'}"
            yield Finding(loc=loc, message=message, expected=f"at least {context['min_length']}")
        case "model_type" | "dict_type":
            given = details["input"]
            shown = (
                "a list" if isinstance(given, list) else "nothing" if given is None else repr(given)
            )
            yield Finding(loc=loc, message=shown + _NO_KEYS)
        case "string_too_short" if not details["input"]:
            yield Finding(loc=loc, message="is empty", expected="a text")
        case _:
            message, expected = refusal(details)
            if message == of_library(details) and isinstance(details["input"], str | int | float):
                message = f"{details['input']!r}: {message}"
            yield Finding(loc=loc, message=message, expected=expected)


def _problem(finding: Finding, root: Node, file: str) -> Problem:
    key, node = "", root
    line = root.start_mark.line + 1
    for part in finding.loc:
        child = _child(node, part)
        if child is not None:
            key_node, node = child
            line = key_node.start_mark.line + 1
            key += f"[{part}]" if isinstance(part, int) else f".{part}"
        elif part == finding.loc[-1] and not _is_tag(part):
            key += f".{part}"
    message, expected = finding.message, finding.expected
    if message == "unknown key":
        known = _known_keys(finding.loc, root)
        close = difflib.get_close_matches(str(finding.loc[-1]), known, n=1)
        if close:
            message = f"unknown key: did you mean {close[0]!r}?"
        expected = "one of " + ", ".join(known) if known and not close else ""
    elif message.endswith(_NO_KEYS):
        known = _known_keys((*finding.loc, ""), root)
        expected = "{KEY: VALUE}" + (", with keys such as " + ", ".join(known) if known else "")
    return Problem(where=file, line=line, key=key.lstrip("."), message=message, expected=expected)


def _child(node: Node, part: str | int) -> tuple[Node, Node] | None:
    """The node of a key (or of a list's item) and that of its value."""
    if isinstance(node, MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(part)), None)
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None


def _is_tag(part: str | int) -> bool:
    """Whether a part of pydantic's location names a branch of a union, not a key of the file."""
    return part in ("value", "reference") or not str(part).replace("_", "").isalnum()


def _known_keys(loc: Loc, root: Node) -> list[str]:
    """The keys that the schema knows at the place of an unknown one."""
    schema: dict[str, Any] = Campaign.model_json_schema()
    definitions = schema.get("$defs", {})
    here: list[dict[str, Any]] = [schema]
    node = root
    for part in loc[:-1]:
        child = _child(node, part)
        if child is None:
            continue
        node = child[1]
        here = [
            _resolved(option, definitions) for option in here for option in _step_into(option, part)
        ]
        here = [option for choice in here for option in _options(choice, node, definitions)]
    return list(dict.fromkeys(key for option in here for key in option.get("properties", {})))


def _step_into(schema: dict[str, Any], part: str | int) -> list[dict[str, Any]]:
    if isinstance(part, int):
        return [schema["items"]] if isinstance(schema.get("items"), dict) else []
    known = schema.get("properties", {}).get(part) or schema.get("additionalProperties")
    return [known] if isinstance(known, dict) else []


def _resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def _options(
    schema: dict[str, Any], node: Node, definitions: dict[str, Any]
) -> list[dict[str, Any]]:
    branches = schema.get("oneOf") or schema.get("anyOf")
    if not branches:
        return [schema]
    discriminator = schema.get("discriminator", {})
    chosen = _child(node, discriminator.get("propertyName", ""))
    if chosen is not None and isinstance(chosen[1], ScalarNode):
        ref = discriminator["mapping"].get(chosen[1].value)
        return [_resolved({"$ref": ref}, definitions)] if ref else []
    return [
        option
        for branch in branches
        for option in _options(_resolved(branch, definitions), node, definitions)
    ]
