"""Outcomes and objectives in a campaign file: what is refused, and the form from before them."""

from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.earlier_form import in_new_form
from protocols.errors import InvalidInput
from protocols.outcomes import ObjectiveChoice, Outcome
from protocols.scale import Scale, p_text, probability_text, share
from tests.conftest import ASSAY_FILE, ROOT, RPE_FILE

TEXT = (ROOT / "examples" / "resistance" / "campaign.yaml").read_text()
HAND = "    by_hand: true\n  # Read"
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True).filter(
    lambda name: name not in ("ratio", "round", "plate", "well", "role", "flags", "reason")
)


def problems(text: str) -> list[str]:
    with pytest.raises(InvalidInput) as refused:
        read_campaign(text, "c.yaml")
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("unit: ohm\n", "unit: ohmm\n", "c.yaml:13: outcomes[0].unit: 'ohmm' is not a unit"),
        ("unit: ohm\n", "units: ohm\n", "outcomes[0].units: unknown key: did you mean 'unit'?"),
        (HAND, "    scorer: number\n    by_hand: true\n  # Read", "has no scorer (expected either"),
        (HAND, "    step: mix\n    by_hand: true\n  # Read", "outcomes[0].step: an outcome that a"),
        (HAND, "  # Read", "outcomes[0].scorer: missing (expected a scorer, by_hand: true, or an"),
        (HAND, "    expression: ph +\n  # Read", "outcomes[0].expression: 'ph +' cannot be read"),
        (HAND, "    expression: 2 * 3\n  # Read", "expression: '2 * 3' names no outcome"),
        (HAND, "    expression: 10 ** -phh\n  # Read",
         "outcomes[0].expression: 'phh' is not an outcome of this campaign (expected ph? one of"),
        (HAND, "    expression: 2 * resistance\n  # Read",
         "outcomes[0].expression: 'resistance' is computed from itself"),
        (HAND, "    expression: 10 ** -ph\n    step: mix\n  # Read",
         "outcomes[0].step: an outcome that is computed has no step (expected either expression"),
        (HAND, "    by_hand: true\n    expression: ph\n  # Read", "enters has no expr"),
        ("[0, 14]", "[14, 0]", "outcomes[1].range: the lowest value, 14, is not below"),
        ("[0, 14]", "[0, .inf]", "outcomes[1].range"),
        ("name: ph", "name: resistance", "outcomes[1].name: 'resistance' is duplicated"),
        ("name: ph", "name: acid", "outcomes[1].name: the name 'acid' is taken"),
        ("name: ph", "name: predicted_sd", "outcomes[1].name: the name 'predicted_sd' is taken"),
        ("minimise", "minimize", "objectives[0].direction: 'minimize'"),
        ("direction: minimise", "direktion: minimise", "did you mean 'direction'?"),
        (", direction: minimise", "", "objectives[0].direction: missing (expected this key)"),
        ("minimise}", "match}", "objectives[0].target: missing (expected the value to come"),
        ("minimise}", "minimise, target: 4}", "objectives[0].target: minimise has no target"),
        ("minimise}", "minimise, threshold: 4}", "one objective needs no threshold"),
        ("outcome: resistance", "outcome: resistanse",
         "(expected resistance? one of resistance, ph)"),
        ("outcome: resistance, direction: minimise", "outcome: ph, direction: match, target: 15",
         "objectives[0].target: 15 is outside the range of ph (expected a number from 0 to 14)"),
        ("least_gain: 1", "least_gain: 0", "stop.least_gain"),
        ("target: 100", "target: .nan", "stop.target: nan is not a finite number"),
        ("objectives:\n", "goals:\n", "c.yaml:21: goals: unknown key"),
        ("objectives:\n", "objective: {name: x}\nobjectives:\n", "cannot stand beside outcomes"),
        ("minimise}", "minimise}\n  - {outcome: resistance, direction: minimise}",
         "'resistance' is an objective already"),
        ("minimise}", "minimise}\n  - {outcome: ph, direction: maximise, threshold: 7}",
         "stop.target: a target is of one objective, and there are several (expected no target"),
        ("parameters:\n", "outcome_constraints: [{outcome: p, at_least: 8}]\n\nparameters:\n",
         "outcome_constraints[0].outcome: 'p' is not an outcome of this campaign"),
        ("parameters:\n", "outcome_constraints: [{outcome: ph}]\n\nparameters:\n",
         "outcome_constraints[0].at_least: missing (expected at_least, at_most or both)"),
        ("parameters:\n",
         "outcome_constraints: [{outcome: ph, at_least: 8, at_most: 7}]\n\nparameters:\n",
         "nothing is at least 8 and at most 7"),
        (HAND, "    scorer: absorbance\n    step: mixing\n  # Read", "step 'mixing' reads nothing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(old: str, new: str, expected: str) -> None:
    assert old in TEXT
    found = problems(TEXT.replace(old, new, 1))
    assert any(expected in problem for problem in found), found
    assert all(problem.startswith("c.yaml:") for problem in found)


def test_all_problems_are_said_at_once() -> None:
    broken = TEXT.replace("unit: ohm", "unit: ohmm").replace("rounds: 4", "rounds: 0")
    assert len(problems(broken.replace("high: 1000", "high: 0"))) == 3


def test_the_earlier_form_is_one_maximised_share() -> None:
    campaign = read_campaign(RPE_FILE.read_text())
    [outcome], [objective] = campaign.outcomes, campaign.objectives
    assert (outcome.name, outcome.scorer) == ("coloured_cell_ratio", "coloured_cell_ratio")
    assert outcome.scale == Scale("coloured-cell ratio", "", (0.0, 1.0))
    assert (objective.outcome, objective.direction) == ("coloured_cell_ratio", "maximise")
    text = RPE_FILE.read_text()
    line = text[: text.index("  scorer:")].count("\n") + 1
    for wrong, expected in (
        ("  scorrer: x\n", "objective.scorrer: unknown key: did you mean 'scorer'?"),
        ("  unit: mg\n", "objective.unit: unknown key (expected one of name, scorer, options)"),
    ):
        assert f"c.yaml:{line}: {expected}" in problems(
            text.replace("  scorer: coloured_cell_ratio\n", wrong)
        )
    assert problems(text.replace("objective:\n", "objective: 5\nstop_:\n"))


@given(
    objective=st.none()
    | st.fixed_dictionaries(
        {}, optional={"name": NAMES, "scorer": NAMES, "options": st.just({"full": 2.0})}
    ),
    with_measurement=st.booleans(),
)
def test_a_campaign_of_the_earlier_form_is_the_same_in_the_new(
    objective: dict[str, Any] | None, with_measurement: bool
) -> None:
    data = YAML(typ="safe").load(ASSAY_FILE.read_text())
    if objective is not None:
        data["objective"] = objective
    if with_measurement:
        glance = data["protocol"]["steps"][1] | {"name": "glance"}
        data["protocol"]["steps"].insert(1, glance)
        data["measurements"] = [{"name": "early_colour_", "step": "glance"}]
    campaign = Campaign.model_validate(data)
    now = in_new_form(data)
    assert "objective" not in now
    assert Campaign.model_validate(now) == campaign
    assert in_new_form(now) is now
    recorded = campaign.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert Campaign.model_validate(recorded) == campaign
    assert campaign.outcome.scale.is_ratio
    assert len(campaign.measurements) == with_measurement


def test_both_forms_meet_the_json_schema() -> None:
    schema = Campaign.model_json_schema()
    data = YAML(typ="safe", pure=True).load(ASSAY_FILE.read_text())
    for step in data["protocol"]["steps"]:
        step["days"] = {"from": 0, "to": 0}
    earlier = data | {"objective": {"name": "colour", "scorer": "absorbance"}}
    outcome = {"name": "colour", "unit": "mAU", "scorer": "number", "range": [0, 3000]}
    wanted = {"outcome": "colour", "direction": "match", "target": 1200}
    now = data | {"outcomes": [outcome], "objectives": [wanted]}
    for fitting in (data, earlier, now):
        jsonschema.validate(fitting, schema)
        Campaign.model_validate(fitting)
    for wrong in (
        data | {"outcomes": [outcome]},
        now | {"objectives": [wanted | {"direction": "up"}]},
        now | {"outcomes": [outcome | {"units": "mg"}]},
        data | {"objective": {"unit": "mg"}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)
        with pytest.raises(ValueError, match=r"."):
            Campaign.model_validate(wrong)


@given(
    st.floats(-1e9, 1e9),
    st.none()
    | st.tuples(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6)).map(lambda t: (t[0], t[0] + t[1])),
)
def test_a_number_is_written_as_finely_as_its_scale(
    value: float, natural: tuple[float, float] | None
) -> None:
    scale = Scale("mass", "mg", natural)
    written = float(scale.number(value))
    fineness = abs(value) * 1e-4 if natural is None else (natural[1] - natural[0]) / 1000
    assert abs(written - value) <= fineness + 1e-12
    assert scale.text(value).endswith(" mg")
    low, high = scale.ends([value])
    assert low < high
    assert 0 <= share(value, (low, high)) <= 1
    if natural is None:
        assert low < value < high
    else:
        assert scale.allows(scale.clipped(value))


@given(
    st.lists(st.floats(-1e8, 1e8), min_size=1, max_size=5),
    st.floats(1e-3, 99),
    st.sampled_from([1.0, 1e-9, 1e-12]),
)
def test_numbers_that_stand_together_end_at_one_digit(
    values: list[float], spread: float, unit: float
) -> None:
    spread *= unit
    values = [value * unit for value in values if abs(value * unit) > spread]
    written = [Decimal(Scale("mass", "mg").number(value, spread)) for value in values]
    last = Decimal(f"{spread:.1e}").as_tuple().exponent  # its second significant digit
    assert isinstance(last, int)
    assert {each.as_tuple().exponent for each in written} <= {min(last, 0)}
    assert Scale("mass", "mg").number(1e30, 1e-3) == "1e+30"
    assert all(abs(float(w) - v) <= spread / 10 for w, v in zip(written, values, strict=True))
    assert Scale("share", "", (0.0, 1.0)).number(0.5, spread) == "0.500"


@given(st.floats(0, 1))
def test_a_ratio_is_written_with_three_digits(value: float) -> None:
    scale = Scale("ratio", "", (0.0, 1.0))
    assert scale.number(value) == f"{value:.3f}"
    assert scale.rough(value) == f"{value:.2f}"
    assert scale.change(-value) == f"{-value:+.3f}"


def test_a_scale_of_the_scorer_counts_where_the_file_gives_none() -> None:
    assert Outcome(name="dead", scorer="fluorescent_cells").scale.is_ratio
    own = Outcome(name="dead", scorer="fluorescent_cells", unit="percent", range=(0, 100))
    assert own.scale == Scale("dead", "percent", (0, 100))
    assert Outcome(name="dead", scorer="of nobody").scale == Scale("dead")
    assert ObjectiveChoice(outcome="ph", direction="match", target=7.2).best([6, 7, 9]) == 7


def test_no_probability_is_said_to_be_certain() -> None:
    said = [probability_text(value) for value in (0.0, 0.004, 0.25, 0.996, 1.0)]
    assert said == ["below 0.01", "below 0.01", "0.25", "above 0.99", "above 0.99"]
    assert [p_text(p) for p in (0.0, 3e-9, 0.0123, 1.0)] == [
        "p < 1e-06", "p < 1e-06", "p = 0.012", "p = 1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("mean", "sd", "text"),
    [
        # Two significant digits of the uncertainty (JCGM 100:2008, 7.2.6).
        (1.014, 0.36112, "1.01 ± 0.36"),
        (4.18, 0.044827, "4.180 ± 0.045"),
        (1234.5, 361.2, "1230 ± 360"),
        (5.0, 0.0, "5 ± 0"),
        (1.03e12, 3e10, "1.030e+12 ± 3.0e+10"),
        (1.5614e-9, 8.831e-11, "1.561e-09 ± 8.8e-11"),
        (1.2e-9, 3e-7, "1e-09 ± 3.0e-07"),
        (0.0, 8.831e-11, "0 ± 8.8e-11"),
    ],
)
def test_a_prediction_has_the_digits_of_its_standard_deviation(
    mean: float, sd: float, text: str
) -> None:
    assert Scale("mass", "mg").with_sd(mean, sd) == text
    assert Scale("share", "", (0.0, 1.0)).with_sd(1.02, 0.034) == "1.000 ± 0.034"
