import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.round_planning import plan_round
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.errors import InvalidInput
from tests.conftest import ASSAY_FILE, ROOT, RPE_FILE

RPE = RPE_FILE.read_text()
RESISTANCE_FILE = ROOT / "examples" / "resistance" / "campaign.yaml"


def problems(text: str) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        read_campaign(text, "campaign.yaml", drivers=["simulated"])
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("file", [RPE_FILE, ASSAY_FILE])
def test_an_example_survives_json(file: object) -> None:
    campaign = read_campaign(file.read_text())  # type: ignore[attr-defined]
    dumped = json.loads(
        json.dumps(campaign.model_dump(mode="json", by_alias=True, exclude_unset=True))
    )
    assert Campaign.model_validate(dumped) == campaign


def test_the_published_campaign_has_150_million_conditions(rpe: Campaign) -> None:
    assert rpe.space.size == 54 * 6 * 8 * 91 * 2 * 19 * 17


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("unit: nM", "unit: nMM", "parameters[0].unit: 'nMM' is not a unit"),
        (
            "volume: 2 mL}",
            "volume: 2 h}",
            "operations[1].volume: the unit of '2 h' measures something else",
        ),
        ("title: Seeding", "titel: Seeding", "steps[0].titel: unknown key: did you mean 'title'?"),
        ("standard: 8", "standard: 80", "parameters[5].standard: 80 is not allowed"),
        ("12.47, 18.68", "12.47, 12.47", "parameters[0].levels: the levels do not rise"),
        ("12.47, 18.68", ".nan, 18.68", "nan is not a finite number"),
        ("step: B", "step: Z", "the protocol has no step 'Z'"),
        ("robot: microscope", "robot: micro", "steps[5].robot: there is no robot 'micro'"),
        (
            "driver: simulated",
            "driver: maholo",
            "robots.maholo.driver: there is no driver 'maholo'",
        ),
        (
            "standard: 1}",
            "standard: 2}",
            "47 initial + 2 standard make 49 wells (expected 48 wells",
        ),
        ("name: ksr_period", "name: three_factor_period", "'three_factor_period' is duplicated"),
        (
            "speed: {parameter: detachment_speed}",
            "speed: 10 mm/s",
            "no operation of step C uses parameter 'det",
        ),
        ("parameter: ksr_period", "parameter: ksr", "'ksr' is not a parameter of this campaign"),
        (
            "speed: {parameter: detachment_speed}",
            "speed: {parameter: ksr_period}",
            "speed cannot be given by",
        ),
        ("per_well: 3", "per_well: 4", "in round 1 the wells would decide 12 16 24 28"),
        ("kind: category", "kind: catgory", "parameters[4].kind: 'catgory' is not known"),
        ("days: 7", "days: 0", "begins on day 0, before step B"),
        ("seed: 2022", "seed: -1", "seed: -1 is too small (expected 0 or more)"),
        ("stop: {rounds: 3}", "stop: {rounds: 3, target: 1.7}", "stop.target: 1.7"),
        ("labware: 6-well", "labware: 5-well", "plates.labware: '5-well'"),
        ("objective:\n", "objective: [\n", "expected valid YAML"),
        ("seed: 2022", "seed: 2022\nseed: 1", "expected valid YAML"),
        ("levels: [0, 1]", "levels: [0]", "parameters[4].levels: there is 1 (expected at least 2)"),
        ("seed: 2022", "seed: 2022\nstrategy: ''", "strategy.name: is empty (expected a text)"),
    ],
)
def test_a_problem_is_reported_with_its_place(old: str, new: str, message: str) -> None:
    assert old in RPE
    found = problems(RPE.replace(old, new, 1))
    assert any(message in problem for problem in found), found
    assert all(problem.startswith("campaign.yaml:") for problem in found)


def test_a_problem_has_the_line_of_its_key() -> None:
    line = 1 + RPE.splitlines().index("    unit: nM")
    assert problems(RPE.replace("unit: nM", "unit: nMM"))[0].startswith(f"campaign.yaml:{line}: ")


def test_all_problems_come_at_once() -> None:
    broken = (
        RPE.replace("unit: nM", "unit: nMM", 1)
        .replace("title: Seeding", "titel: Seeding")
        .replace("robot: microscope", "robot: micro")
        .replace("standard: 1}", "standard: 2}")
        .replace("speed: {parameter: detachment_speed}", "speed: 10 mm/s")
        .replace("driver: simulated", "driver: maholo", 1)
    )
    assert len(problems(broken)) == 6


LINEAR = "{kind: linear, terms: {%s: 1, three_factor_period: 1}, at_most: %s}"
FORBIDDEN = "{kind: forbidden, when: {detachment_length: [%s]}}"


def test_every_problem_of_constraints_and_costs_is_reported_with_its_place() -> None:
    rules = [
        LINEAR % ("ksr", 30),
        LINEAR % ("detachment_length", 30),
        LINEAR % ("ksr_period", 18),
        FORBIDDEN % "2",
        FORBIDDEN % "'1'",
        FORBIDDEN % "0",
        LINEAR % ("ksr_period", 30),
        FORBIDDEN % "1",
    ]
    cost = "costs: [{name: reagents, terms: {detachment_length: 2, ksr: 1}}]"
    text = RPE.replace(
        "\nprotocol:", f"\nconstraints: [{', '.join(rules)}]\n{cost}\n\nprotocol:", 1
    )
    expected = [
        "constraints[0].terms.ksr: 'ksr' is not a parameter of this campaign",
        "constraints[1].terms.detachment_length: 'detachment_length' is a category, which cannot "
        "be summed",
        "constraints[2]: the standard condition is not permitted (1 ksr_period + 1 "
        "three_factor_period <= 18)",
        "constraints[3].when.detachment_length: 2 is not allowed for 'detachment_length'",
        "constraints[4].when.detachment_length: '1' is not allowed for 'detachment_length'",
        "constraints[5]: the standard condition is not permitted (not detachment_length 0)",
        "costs[0].terms.detachment_length: 'detachment_length' is a category, which cannot be "
        "summed",
        "costs[0].terms.ksr: 'ksr' is not a parameter of this campaign",
    ]
    found = problems(text)
    assert len(found) == len(expected)
    for problem, message in zip(found, expected, strict=True):
        assert message in problem


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "days: 0\n",
            "days: [0, 2]\n",
            "steps[0].days: a list stands where there should be keys (expected {KEY: VALUE}, with"
            " keys such as from, to, every)",
        ),
        (
            "  first: {initial: 47, standard: 1}",
            "  first: 48",
            "rounds.first: 48 stands where there should be keys (expected {KEY: VALUE}, with keys"
            " such as initial, standard",
        ),
    ],
)
def test_what_should_have_keys_is_said_to(old: str, new: str, message: str) -> None:
    assert old in RPE
    assert any(message in problem for problem in problems(RPE.replace(old, new, 1)))


def test_a_list_of_one_broken_item_is_not_called_empty() -> None:
    text = RESISTANCE_FILE.read_text().replace("direction: minimise", "direction: low")
    (problem,) = problems(text)
    assert (
        "objectives[0].direction: 'low' is not known (expected maximise, minimise or match)"
        in problem
    )


def test_a_missing_section_is_one_problem() -> None:
    assert problems(RPE.replace("stop: {rounds: 3}", "")) == [
        "campaign.yaml:4: stop: missing (expected this key)"
    ]


@given(st.text(max_size=60))
def test_any_text_is_either_a_campaign_or_a_list_of_problems(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_campaign(text)
    assert caught.value.problems


@given(st.integers(0, len(RPE) - 1), st.integers(1, 40))
def test_a_file_that_lost_some_text_never_surprises(place: int, length: int) -> None:
    with contextlib.suppress(InvalidInput):
        read_campaign(RPE[:place] + RPE[place + length :])


def test_the_schema_knows_every_section() -> None:
    assert set(Campaign.model_json_schema()["properties"]) >= {
        "parameters",
        "protocol",
        "plates",
        "rounds",
        "robots",
    }


def test_a_standard_is_needed_only_where_wells_have_it() -> None:
    text = ASSAY_FILE.read_text()
    without = "\n".join(
        line for line in text.splitlines() if not line.strip().startswith("standard:")
    )
    with pytest.raises(InvalidInput) as refused:
        read_campaign(without)
    [problem] = refused.value.problems
    assert problem.key == "rounds.first.standard"
    assert "substrate_concentration, enzyme_volume has no standard" in problem.message
    campaign = read_campaign(
        without.replace("initial: 22, standard: 2", "initial: 24, standard: 0")
    )
    assert campaign.standards == ()
    plan = plan_round(campaign, 1, [])
    assert {placement.proposal.role for placement in plan.layout.placements} == {"initial"}


def test_what_the_standard_does_not_have_needs_no_standard() -> None:
    added = """
  - {name: additive, step: react, kind: category, levels: [water, DMSO], standard: water}
  - {name: share, step: react, kind: stepped, unit: uL, levels: [1, 2], when: {additive: [DMSO]}}

protocol:"""
    dispense = (
        "        - {do: dispense, liquid: {parameter: additive}, volume: {parameter: share}}\n"
    )
    text = ASSAY_FILE.read_text().replace("\nprotocol:", added, 1)
    text = text.replace("        - {do: mix", f"{dispense}        - {{do: mix", 1)
    assert all("share" not in condition.root for condition in read_campaign(text).standards)
    with pytest.raises(InvalidInput, match="share has no standard"):
        read_campaign(text.replace("standard: water", "standard: DMSO"))
