"""Acts that change a campaign under way: its space and protocol, and what its next batch has.

What was measured stays usable: a number that is not allowed any more is still learnt from, and a
parameter that is added says what it was so far.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidationError

from orchestrator.control.act import Act, Acting, Text, Typed
from orchestrator.control.change_checks import (
    refuse_forgetting,
    refuse_other_steps,
    refuse_taking_back,
)
from orchestrator.control.proposals import Level, ParameterName
from orchestrator.core.events import EventKind
from orchestrator.core.state import CampaignState
from orchestrator.errors import JournalError
from orchestrator.intake.feasibility import feasibility_findings
from orchestrator.journal.store import existing
from orchestrator.journal.tables import CampaignRow
from orchestrator.lab.lab import Lab
from protocols.campaign import Campaign
from protocols.campaign_file import LabFile, problems_at, read_campaign
from protocols.errors import Finding, InvalidInput
from protocols.refusals import refusal

_CHANGEABLE = ("parameters", "constraints", "costs", "protocol")
_ELSEWHERE = ("robots", "stop", "rounds", "past_results", "seed", "title", "start")
"""What has acts of its own, or no part in what is to come."""


class ChangeCampaign(Act):
    """Go on by a changed campaign file: other ranges, levels, constraints, new parameters.

    From the next batch that is planned on. Taken are its parameters, constraints and costs, and the
    fields of its operations; the rest of the file has to be as it was, but for robots, stop rule
    and rounds, which are left alone. A parameter that is new needs to say what it was so far.
    """

    name: ClassVar[str] = "change_campaign"
    path: ClassVar[str] = "/change"
    command: ClassVar[str] = "change"

    file: Annotated[
        Text,
        Typed("The changed campaign file.", positional=True, file=True),
        Field(description="the changed campaign file"),
    ]
    so_far: Annotated[
        dict[ParameterName, Level],
        Typed("PARAMETER=VALUE: what a new parameter was so far.", option="so-far"),
    ] = Field(default_factory=dict)

    def prepare(self, lab: Lab, state: CampaignState) -> Campaign:
        """Read and check the file."""
        found = lab.checked(_changed_by_file, self.file, dict(self.so_far), state.campaign)
        events = lab.journal.events(state.id, kinds=[EventKind.CAMPAIGN_CHANGED])
        refuse_taking_back(events, state.campaign, found)
        return found

    def rests_on(self, state: CampaignState) -> Campaign:
        """The campaign that is changed."""
        return state.campaign

    def apply(self, acting: Acting, prepared: Campaign) -> int:
        """Write; returns the round from which on it holds."""
        return _write(acting, prepared, _CHANGEABLE)

    def done(self, campaign_id: str, outcome: Any) -> str:
        """From when on."""
        return f"Campaign {campaign_id} goes on so from round {outcome}."


class SetRange(Act):
    """Widen or narrow the range of a parameter, from the next batch that is planned on."""

    name: ClassVar[str] = "set_range"
    path: ClassVar[str] = "/range"
    command: ClassVar[str] = "set-range"

    parameter: Annotated[ParameterName, Typed("The parameter.", positional=True)]
    low: Annotated[
        Annotated[float, Field(allow_inf_nan=False)] | None, Typed("The new lowest value.")
    ] = None
    high: Annotated[
        Annotated[float, Field(allow_inf_nan=False)] | None, Typed("The new highest value.")
    ] = None

    def apply(self, acting: Acting, prepared: Any) -> int:
        """Check and write; returns the round from which on it holds."""
        ends = {key: end for key in ("low", "high") if (end := getattr(self, key)) is not None}
        if not ends:
            raise JournalError("neither a lowest nor a highest value is given (expected one)")

        def with_range(parameter: dict[str, Any]) -> dict[str, Any]:
            if "low" not in parameter:
                raise JournalError(f"{self.parameter} has levels and no range: use add-level")
            whole = parameter["kind"] == "integer"
            return parameter | {key: int(end) if whole else end for key, end in ends.items()}

        return changed(acting, _with_parameter(acting.state.campaign, self.parameter, with_range))

    def done(self, campaign_id: str, outcome: Any) -> str:
        """From when on."""
        return f"{self.parameter} has its new range from round {outcome}."


class AddLevel(Act):
    """Add a level to a parameter that has levels, from the next batch that is planned on."""

    name: ClassVar[str] = "add_level"
    path: ClassVar[str] = "/levels"
    command: ClassVar[str] = "add-level"

    parameter: Annotated[ParameterName, Typed("The parameter.", positional=True)]
    level: Annotated[str, Field(min_length=1, max_length=100), Typed("The level.", positional=True)]
    label: Annotated[
        str, Field(max_length=100), Typed("What the robot receives for it, if not the level.")
    ] = ""

    def apply(self, acting: Acting, prepared: Any) -> int:
        """Check and write; returns the round from which on it holds."""

        def with_level(parameter: dict[str, Any]) -> dict[str, Any]:
            levels = parameter.get("levels")
            if levels is None:
                raise JournalError(f"{self.parameter} has a range and no levels: use set-range")
            level = self.level if parameter["kind"] == "category" else self._number()
            if acting.state.campaign.space.by_name[self.parameter].snap(level) is not None:
                raise JournalError(f"{self.parameter} has the level {self.level} already")
            if parameter["kind"] != "category":
                return parameter | {"levels": sorted([*levels, level])}
            if parameter.get("descriptors"):
                raise JournalError(
                    f"{self.parameter} has descriptors: give those of the new level too, with "
                    "change FILE"
                )
            labels = parameter.get("labels", {}) | ({self.level: self.label} if self.label else {})
            return parameter | {"levels": [*levels, self.level], "labels": labels}

        return changed(acting, _with_parameter(acting.state.campaign, self.parameter, with_level))

    def _number(self) -> float:
        try:
            return float(self.level)
        except ValueError:
            raise JournalError(f"{self.level!r} is not a number (expected a number)") from None

    def done(self, campaign_id: str, outcome: Any) -> str:
        """From when on."""
        return f"{self.parameter} may be {self.level} from round {outcome}."


class FixNext(Act):
    """Fix parameters in the next batch that is planned: every proposal has these values."""

    name: ClassVar[str] = "fix_next"
    path: ClassVar[str] = "/next-batch/fixed"
    command: ClassVar[str] = "fix-next"

    values: Annotated[
        dict[ParameterName, Level],
        Typed("PARAMETER=VALUE, more than once if need be; none: nothing is fixed.", option="set"),
    ] = Field(default_factory=dict)

    def apply(self, acting: Acting, prepared: Any) -> int:
        """Check and write; returns the round."""
        return changed(acting, _wanted(acting.state, {"fixed": dict(self.values)}))

    def done(self, campaign_id: str, outcome: Any) -> str:
        """In which batch."""
        fixed = ", ".join(f"{name}={value}" for name, value in self.values.items()) or "nothing"
        return f"In round {outcome} of {campaign_id} is fixed: {fixed}."


class AddCondition(Act):
    """Have a condition of one's own tried in the next batch that is planned."""

    name: ClassVar[str] = "add_condition"
    path: ClassVar[str] = "/next-batch/conditions"
    command: ClassVar[str] = "add-condition"

    values: Annotated[
        dict[ParameterName, Level],
        Typed("PARAMETER=VALUE, for each parameter.", option="set"),
    ]
    wells: Annotated[int, Field(ge=1, le=10_000), Typed("In how many wells.")] = 1

    def apply(self, acting: Acting, prepared: Any) -> int:
        """Check and write; returns the round."""
        campaign = acting.state.campaign
        condition = campaign.space.snap(self.values)
        broken = None if condition is None else campaign.space.broken(condition.root)
        if broken is not None:
            raise JournalError(f"{condition} breaks a constraint ({broken}): choose other values")
        wanted = campaign.rounds.wanted_of(next_round(acting.state))
        added = {"condition": dict(self.values), "wells": self.wells}
        chosen = [*(entry.model_dump(mode="json") for entry in wanted.chosen), added]
        return changed(acting, _wanted(acting.state, {"chosen": chosen}))

    def done(self, campaign_id: str, outcome: Any) -> str:
        """In which batch."""
        return f"The condition is tried in round {outcome} of {campaign_id}."


def _changed_by_file(file: str, so_far: Mapping[str, Any], now: Campaign) -> Campaign:
    """A campaign as a file has it changed.

    Raises:
        InvalidInput: the file is no campaign.
        JournalError: it changes what cannot change under way, or the campaign would not be valid.
    """
    given = read_campaign(file, "campaign file", lab=LabFile(robots=now.robots))
    findings = feasibility_findings(given)
    if findings:
        raise InvalidInput(problems_at(findings, file, "campaign file"))
    other = [
        key
        for key in Campaign.model_fields
        if key not in (*_CHANGEABLE, *_ELSEWHERE) and getattr(given, key) != getattr(now, key)
    ]
    if other:
        meant = f", or write name: {now.name} into a file meant for this one"
        raise JournalError(
            f"{', '.join(other)} cannot change under way (expected changes of "
            f"{', '.join(_CHANGEABLE)} only): launch another campaign, with past_results"
            + (meant if "name" in other else "")
        )
    refuse_other_steps(now.protocol, given.protocol)
    parts = given.model_dump(mode="json", by_alias=True, include=set(_CHANGEABLE))
    _say_so_far(so_far, now, parts)
    return _with_parts(now.model_dump(mode="json", by_alias=True), parts)


def _say_so_far(so_far: Mapping[str, Any], now: Campaign, parts: dict[str, Any]) -> None:
    before = {parameter.name: parameter for parameter in now.parameters}
    for parameter in parts["parameters"]:
        name = parameter["name"]
        if name in so_far:
            parameter["so_far"] = so_far[name]
        elif name in before and before[name].so_far is not None:
            parameter.setdefault("so_far", before[name].so_far)
        elif name not in before and "so_far" not in parameter:
            raise JournalError(
                f"{name} is new: say what it was so far (expected --so-far {name}=VALUE, or "
                "so_far in the file)"
            )


def next_round(state: CampaignState) -> int:
    """The number of the batch that is planned next."""
    return len(state.rounds) + 1


def changed(acting: Acting, parts: Mapping[str, Any]) -> int:
    """Write parts of a campaign's definition, and what they were; returns the next round.

    Raises:
        JournalError: the campaign is over, or what was tried would have no meaning any more.
        InvalidInput: the campaign would not be valid.
    """
    row = existing(acting.session, CampaignRow, acting.state.id)
    return _write(acting, _with_parts(row.definition, parts), tuple(parts))


def _with_parts(definition: Mapping[str, Any], parts: Mapping[str, Any]) -> Campaign:
    """A definition with other parts.

    Raises:
        JournalError: it is no valid campaign.
    """
    try:
        campaign = Campaign.model_validate({**definition, **parts})
    except ValidationError as error:
        raise JournalError(f"that cannot be: {_why(error)}") from None
    findings = feasibility_findings(campaign)
    if findings:
        raise JournalError(f"that cannot be: {findings[0].message}")
    return campaign


def _write(acting: Acting, campaign: Campaign, parts: tuple[str, ...]) -> int:
    state = acting.state
    if state.status.over:
        raise JournalError(f"campaign {state.id} is {state.status}: it has no next batch")
    row = existing(acting.session, CampaignRow, state.id)
    refuse_forgetting(state, campaign)
    written = campaign.model_dump(mode="json", by_alias=True)
    before = state.campaign.model_dump(mode="json", by_alias=True)
    row.definition = row.definition | {key: written[key] for key in parts}
    number = next_round(state)
    data = {
        "round": number,
        "before": {key: before[key] for key in parts},
        "after": {key: written[key] for key in parts},
    }
    acting.record(EventKind.CAMPAIGN_CHANGED, data=data)
    return number


def _why(error: ValidationError) -> str:
    """What is wrong, with what was expected."""
    found = []
    for details in error.errors():
        findings = details.get("ctx", {}).get("findings", [])
        said = [(_at(one), one.expected) for one in findings] or [refusal(details)]
        found += [
            f"{message} (expected {expected})" if expected else message
            for message, expected in said
        ]
    return "; ".join(found)


def _at(found: Finding) -> str:
    """What is wrong, and of which key."""
    return f"{'.'.join(map(str, found.loc))}: {found.message}" if found.loc else found.message


def _with_parameter(campaign: Campaign, name: str, change: Any) -> dict[str, Any]:
    """The parameters of a campaign's definition, one of them changed."""
    if name not in campaign.space.by_name:
        known = ", ".join(campaign.space.by_name)
        raise JournalError(f"there is no parameter {name!r} (expected one of {known})")
    parts = campaign.model_dump(mode="json", by_alias=True, include={"parameters"})
    parameters = [change(one) if one["name"] == name else one for one in parts["parameters"]]
    return {"parameters": parameters}


def _wanted(state: CampaignState, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The rounds of a campaign's definition, with what is wanted of the next one."""
    number = next_round(state)
    if number > state.campaign.stop.rounds:
        raise JournalError(
            f"campaign {state.id} is to have {state.campaign.stop.rounds} rounds, which have "
            "begun: raise them with set-rounds first"
        )
    rounds = state.campaign.rounds.model_dump(mode="json", by_alias=True)
    kept = [entry for entry in rounds.get("wanted", []) if entry["round"] != number]
    present = state.campaign.rounds.wanted_of(number).model_dump(mode="json", by_alias=True)
    return {"rounds": rounds | {"wanted": [*kept, present | dict(wanted)]}}
