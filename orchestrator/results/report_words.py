"""Words of the report in its language: scales, aims, places, and how a round was made."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from orchestrator.core.provenance import RoundProvenance
from orchestrator.core.state import WellState
from orchestrator.languages import gettext, later, ngettext
from protocols.campaign import Campaign
from protocols.covariates import Covariate
from protocols.outcomes import ObjectiveChoice
from protocols.scale import Scale, probability_text

_CHANCES = later("above 0.99"), later("below 0.01")
"""Those that `probability_text` says in words."""
_EFFECTS = later("edge of the plate"), later("plate")
"""Random effects of the model that nobody named."""
_ARRANGED = {
    (False, False): later(
        "Which well of a round got which condition was decided at random by the seed."
    ),
    (True, False): later(
        "Which well of a round got which condition was decided at random by the seed, among those "
        "that the wells allow."
    ),
    (False, True): later(
        "Which well of a round got which condition was decided at random by the seed, by that of "
        "200 arrangements whose plates are most alike in their conditions, with replicates, "
        "standards and controls on different plates where the wells allowed it."
    ),
    (True, True): later(
        "Which well of a round got which condition was decided at random by the seed, among those "
        "that the wells allow, by that of 200 arrangements whose plates are most alike in their "
        "conditions, with replicates, standards and controls on different plates where the wells "
        "allowed it."
    ),
}
"""(Whether places of wells decide parameters, whether plates are made alike) -> what is said."""


class Made(NamedTuple):
    """Rounds that were made alike, in words: which, with what, and by which version."""

    rounds: str
    several: bool
    facts: str
    version: str


def described(scale: Scale) -> str:
    """The title of an outcome with what is known of its scale."""
    if scale.natural_range is None:
        if not scale.unit:
            return scale.title
        return gettext("{title} in {unit}", title=scale.title, unit=scale.unit)
    low, high = (f"{end:g}" for end in scale.natural_range)
    return gettext(
        "{title}, {low} to {high} {unit}", title=scale.title, low=low, high=high, unit=scale.unit
    ).rstrip()


def wanted(objective: ObjectiveChoice, scale: Scale) -> str:
    """What is wanted of an outcome."""
    match objective.direction:
        case "maximise":
            return gettext("maximised")
        case "minimise":
            return gettext("minimised")
    return gettext("matched to {target}", target=scale.text(objective.target))


def constraints_in_words(campaign: Campaign) -> list[str]:
    """What each constraint on an outcome asks for."""
    scales, found = {outcome.name: outcome.scale for outcome in campaign.outcomes}, []
    for constraint in campaign.outcome_constraints:
        scale = scales[constraint.outcome]
        low, high = scale.text(constraint.at_least), scale.text(constraint.at_most)
        if constraint.at_most is None:
            found.append(gettext("{title} at least {low}", title=scale.title, low=low))
        elif constraint.at_least is None:
            found.append(gettext("{title} at most {high}", title=scale.title, high=high))
        else:
            found.append(gettext("{title} {low} to {high}", title=scale.title, low=low, high=high))
    return found


def chance(probability: float) -> str:
    """A probability by the model."""
    return gettext(probability_text(probability))


def planned_difference(campaign: Campaign) -> str:
    """The difference that a confirmation plans, with what it is of; empty where none is planned."""
    plan, scale = campaign.confirmation, campaign.outcome.scale
    if plan is None:
        return ""
    number = scale.number(plan.difference)
    if plan.link != "identity":
        return gettext("{number} in log odds", number=number)
    shown = f"{number} {scale.unit}".rstrip()
    if campaign.objective.direction == "match":
        return gettext("{difference} in closeness", difference=shown)
    return shown


def layout_in_words(campaign: Campaign) -> list[str]:
    """How conditions came to wells, a sentence each; none where there is only one well."""
    plates = campaign.plates
    blocks = [_in_blocks(covariate) for covariate in campaign.covariates if covariate.blocks]
    if plates.count * plates.wells_per_plate == 1:
        return []
    alike = blocks or (campaign.first_rounds == 1 and plates.count > 1)
    return list(_layout(campaign, bool(alike), blocks))


def _layout(campaign: Campaign, alike: bool, blocks: list[str]) -> Iterator[str]:
    yield gettext(_ARRANGED[bool(campaign.space.decided), alike])
    for role, wells in (
        (gettext("the standard condition"), campaign.plates.standards_in),
        (gettext("controls"), campaign.plates.controls_in),
    ):
        if wells:
            yield ngettext(
                "Of each plate {wells} was for {role}.",
                "Of each plate {wells} were for {role}.",
                len(wells),
                wells=", ".join(wells),
                role=role,
            )
    if blocks:
        yield gettext(
            "Blocks, over which they are spread first: {blocks}.", blocks="; ".join(blocks)
        )


def _in_blocks(covariate: Covariate) -> str:
    """Which places are in which block."""
    plates = [
        gettext("{block} (plates {plates})", block=block, plates=", ".join(map(str, of)))
        for block, of in covariate.plates.items()
    ]
    wells = [
        gettext("{block} (wells {wells})", block=block, wells=of)
        for block, of in covariate.wells.items()
    ]
    return f"{covariate.name}: {', '.join([*plates, *wells])}"


def well_place(round_number: int, well: WellState) -> str:
    """Where a well is."""
    return gettext(
        "round {round}, plate {plate}, {well}",
        round=round_number,
        plate=well.well.plate,
        well=well.well.name,
    )


def made_in_words(rounds: Mapping[int, RoundProvenance]) -> list[Made]:
    """With what the rounds were made: those that were made alike together, in words."""
    alike: list[tuple[list[int], RoundProvenance]] = []
    for number, made in rounds.items():
        same = made.model_copy(update={"observations": None, "usable": None, "pending": 0})
        if alike and alike[-1][1] == same:
            alike[-1][0].append(number)
        else:
            alike.append(([number], same))
    return [
        Made(
            rounds_in_words(numbers[0], numbers[-1]),
            len(numbers) > 1,
            _made_with(of),
            f"wellwise {of.wellwise}"
            if of.wellwise
            else gettext("wellwise of an unrecorded version"),
        )
        for numbers, of in alike
    ]


def rounds_in_words(first: int, last: int) -> str:
    """One round or several that follow each other."""
    if first == last:
        return gettext("round {number}", number=first)
    return gettext("rounds {first} to {last}", first=first, last=last)


def _made_with(made: RoundProvenance) -> str:
    """With what a round was made, as far as it was recorded."""
    parts = [
        f"wellwise {made.wellwise}"
        if made.wellwise
        else gettext("a version of wellwise that was not recorded")
    ]
    if not made.strategy:
        return "; ".join([*parts, gettext("seed, strategy and other versions were not recorded")])
    options = ", ".join(f"{key} = {value}" for key, value in (made.options or {}).items())
    strategy = (
        later("strategy {strategy} with {options}") if options else later("strategy {strategy}")
    )
    parts.append(gettext(strategy, strategy=made.strategy, options=options))
    parts.append(gettext("seed {seed}", seed=made.seed))
    parts += [f"{name} {number}" for name, number in made.versions.items()]
    parts.append(gettext("Python {python} on {machine}", python=made.python, machine=made.machine))
    robots = []
    for robot, driver in made.drivers.items():
        said = gettext("robot {robot}: driver {driver}", robot=robot, driver=driver)
        robots.append(f"{said} ({gettext('simulated')})" if made.simulated.get(robot) else said)
    return "; ".join([*parts, ", ".join(robots)] if robots else parts)
