"""A first campaign file from a few answers is valid, or says in words what is wrong."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from orchestrator.cli.begin import beginning
from orchestrator.core.round_planning import plan_round
from orchestrator.intake.first_file import Study, Wish, checked, first_file
from protocols.campaign_file import read_campaign
from protocols.compile import compile_jobs
from protocols.errors import InvalidInput
from protocols.parameters import CategoryParameter, ContinuousParameter, SteppedParameter
from tests.conftest import START

ANSWERS = """\
Yield of an amide coupling
Yield
percent
high
Temperature
degC
warm
25
Temperature
degC
20 to 80
25
Base

DIPEA, NMM, K2CO3
DIPEA
Time
hour
1, 4, 16
4

6
3
"""
TITLES = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=40).filter(
    lambda text: text.strip()
)


def test_a_few_answers_make_a_campaign_that_can_be_planned(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    asked = CliRunner().invoke(beginning, ["new", str(file)], input=ANSWERS)
    assert asked.exit_code == 0, asked.output
    assert "'warm' cannot be read as values" in asked.output
    campaign = read_campaign(file.read_text(), str(file))
    temperature, base, time = campaign.parameters
    assert isinstance(temperature, ContinuousParameter)
    assert (temperature.low, temperature.high, temperature.standard) == (20, 80, 25)
    assert isinstance(base, CategoryParameter)
    assert base.levels == ("DIPEA", "NMM", "K2CO3")
    assert isinstance(time, SteppedParameter)
    plan = plan_round(campaign, 1, ())
    assert len(plan.layout.placements) == 6
    (job,) = compile_jobs(campaign, campaign.name, plan.layout, START)
    words = [operation.in_words() for operation in job.operations]
    assert len(words) == 18
    assert any("base" in line and "DIPEA" in line for line in words)
    again = CliRunner().invoke(beginning, ["new", str(file)], input=ANSWERS)
    assert "is there already" in str(again.exception)


@settings(max_examples=40, deadline=None)
@given(
    title=TITLES,
    outcome=TITLES,
    samples=st.integers(1, 48),
    levels=st.lists(TITLES.map(lambda text: f"{text.strip()} A"), min_size=2, max_size=6)
    .filter(lambda levels: not any("," in level for level in levels))
    .map(lambda levels: [f"{level}{number}" for number, level in enumerate(levels)]),
)
def test_whatever_people_call_things_the_file_is_valid(
    title: str, outcome: str, samples: int, levels: list[str]
) -> None:
    wishes = [Wish("How much", "uL", "5 to 60 by 5"), Wish("Kind", "", ", ".join(levels))]
    text = first_file(Study(title, outcome, "", "match", 0.5, wishes, samples, 2))
    campaign = read_campaign(text, "mine.yaml")
    assert campaign.title == title.strip()
    assert campaign.plates.wells_per_plate == samples
    assert len(campaign.parameters[1].choices or ()) == len(levels)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish("Dose", "mMol", "1 to 10"), "'mMol' is no unit"),
        (Wish("Dose", "mM", "10"), "'10' cannot be read as values"),
        (Wish("Dose", "mM", "low to high"), "cannot be read as values"),
        (Wish("dose ", "mM", "1 to 10"), "this name is there already"),
    ],
)
def test_what_cannot_be_read_is_said_at_once(wish: Wish, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        checked(wish, [Wish("Dose", "", "1 to 2")] if wish.title == "dose " else [])
    assert said in str(caught.value)
