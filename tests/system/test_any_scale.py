"""A campaign in milligrams, in negative volts or about a pH: everything that shows it says so."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestrator.cli.main import app
from orchestrator.control.wells import EnterValues
from orchestrator.core.round_planning import plan_round
from orchestrator.core.state import CampaignState, CampaignStatus, RoundState, WellState
from orchestrator.intake.campaign_check import NamedText, checked_campaign
from orchestrator.results.campaign_figures import best_so_far
from orchestrator.results.tables import csv_text, tidy_table
from orchestrator.settings import Settings
from orchestrator.studies.confirmation_result import compare
from protocols.compile import compile_jobs
from protocols.conditions import Condition, Proposal
from protocols.plates import Well
from tests import acting
from tests.conftest import ROOT, START
from tests.service import House, house

TEXT = (ROOT / "examples" / "resistance" / "campaign.yaml").read_text()
START_OF_OUTCOMES, END_OF_OBJECTIVES = TEXT.index("outcomes:"), TEXT.index("parameters:")
COSTS = "costs: [{name: reagents, unit: EUR, terms: {glycerol: 0.1}}]\n\n"
_NUMBER = r"-?[\d.]+(?:e-?\+?\d+)?"


class Case:
    """An outcome, what is wanted of it, and values from `low` (worst) to `high` (best)."""

    def __init__(self, outcome: str, objective: str, low: float, high: float, unit: str) -> None:
        self.low, self.high, self.unit = low, high, unit
        parts = f"outcomes: [{outcome}]\nobjectives: [{objective}]\n{COSTS}"
        text = TEXT[:START_OF_OUTCOMES] + parts + TEXT[END_OF_OBJECTIVES:]
        # A forecast of two rounds measured has one to simulate.
        self.text = text.replace(
            "rounds: 4, target: 100, least_gain: 1", f"rounds: 3, target: {high}"
        )

    def value(self, well: WellState) -> float:
        """Best with 35 uL of acid and little glycerol."""
        condition = {name: float(value) for name, value in well.proposal.condition.root.items()}
        off = abs(condition["acid"] - 35) / 30 + (condition["glycerol"] - 10) / 90
        return self.high - (self.high - self.low) * min(1.0, 0.1 + off / 2)


CASES = {
    "maximised": Case(
        "{name: mass, title: Dry mass, unit: mg, by_hand: true}",
        "{outcome: mass, direction: maximise}", 1350.5, 1495.25, "mg",
    ),
    "minimised": Case(
        "{name: potential, title: Potential, unit: volt, by_hand: true}",
        "{outcome: potential, direction: minimise}", -2.1, -3.4, "volt",
    ),
    "matched": Case(
        "{name: acidity, title: pH, range: [0, 14], by_hand: true}",
        "{outcome: acidity, direction: match, target: 7.2}", 4.1, 7.2, "",
    ),
    "tiny": Case(
        "{name: amount, title: Amount, unit: mol, by_hand: true}",
        "{outcome: amount, direction: minimise}", 4.57e-9, 1.23e-9, "mol",
    ),
    "huge": Case(
        "{name: viable, title: Viable cells, unit: 1/mL, by_hand: true}",
        "{outcome: viable, direction: maximise}", 1.357e6, 4.8e6, "1/mL",
    ),
}  # fmt: skip


def _measured(served: House, case: Case) -> str:
    campaign = checked_campaign(NamedText(case.text, "c.yaml"), Settings())
    journal = served.backend.journal
    name = journal.create_campaign(campaign, case.text, [], START, "ada")
    for number in (1, 2):
        plan = plan_round(campaign, number, journal.state(name).observations, rough=True)
        jobs = compile_jobs(campaign, name, plan.layout, START)
        journal.plan_round(name, plan.layout, jobs, [], START, START)
        batch = journal.state(name).rounds[-1]
        rows = [f"{number},1,{well.well.name},{case.value(well)}" for well in batch.wells]
        table = "\n".join(["round,plate,well,value", *rows])
        acting.do(served.backend.acting(name), name, "ada", EnterValues(csv=table, why="balance"))
        journal.finish_round(name, number, START)
    served.backend.changed(name)
    return name


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_is_shown_in_its_unit_and_on_its_scale(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.cli.context.console.width", 160)
    with house(tmp_path) as served:
        name = _measured(served, case)
        state = served.backend.journal.state(name)
        outcome, values = state.campaign.outcome, [w.value for w in state.rounds[1].wells]
        pages = _pages(served, name)
        insight = served.client("viewer").get(f"/api/v1/campaigns/{name}/insight").json()
        chart = served.client("viewer").get(f"/api/v1/campaigns/{name}/charts/wells").json()
        metrics = served.client("viewer").get("/api/v1/metrics").text
    scale = outcome.scale
    best = scale.text(state.best)
    assert state.best == state.campaign.objective.best(v for v in values if v is not None)
    # Dashboard.
    assert best in pages["overview"]
    assert best in pages["campaign"]
    assert "0 to 1<" not in pages["campaign"]
    assert (f"in {case.unit}" if case.unit else "0 to 14") in pages["well"]
    assert scale.text(state.rounds[0].wells[0].value) in pages["well"]
    axes = {axis["name"]: number for number, axis in enumerate(chart["axes"])}
    shares = [well["shares"][axes[outcome.name]] for well in chart["wells"]]
    assert len(shares) == 24
    assert max(shares) - min(shares) > (0.3 if case.unit else 0.1)
    assert chart["axes"][axes[outcome.name]]["unit"] == scale.unit
    assert len(set(re.findall(r'r="16" fill="(#\w+)"', pages["campaign"]))) > 3
    found = insight["recommended"]
    assert found["low"] <= found["mean"] <= found["high"]
    assert abs(found["mean"] - case.high) < abs(case.high - case.low) / 2
    assert scale.text(found["mean"]) in pages["insight"]
    [shown_best] = re.findall(rf'wellwise_best{{campaign="{name}"}} (\S+)', metrics)
    assert float(shown_best) == state.best
    # Figures.
    plot = best_so_far(state).axes[0]
    assert plot.get_ylabel() == scale.label
    low, high = sorted(plot.get_ylim())
    assert all(low < value < high for value in values if value is not None)
    if case.unit:
        assert high - low < 3 * abs(case.high - case.low)
    # Command line.
    home = ["--home", str(tmp_path)]

    def wellwise(*arguments: str) -> str:
        ran = CliRunner().invoke(app, [*arguments, *home])
        assert ran.exit_code == 0, ran.output
        return " ".join(ran.output.split())

    shown = wellwise("show", name)
    assert f"{scale.described}, {state.campaign.objective.words(scale)}" in shown
    assert scale.number(state.best) in shown
    assert best in wellwise("status")
    wellwise("report", name, "--out", str(tmp_path / "out"))
    report = (tmp_path / "out" / "report.html").read_text()
    assert f"Values are {scale.described}" in report
    assert '<figure id="pareto-front">' in report
    [said] = re.findall(
        rf"value of <b>({_NUMBER})[^<]*</b> \(90 % interval ({_NUMBER}) to ({_NUMBER})[,;)]", report
    )
    width = found["high"] - found["low"]
    assert float(said[0]) == pytest.approx(found["mean"], abs=width / 20)
    [rounds] = re.findall(r'<table id="rounds">.*?</table>', report, re.S)
    ends = re.findall(rf">({_NUMBER}) \(({_NUMBER}) to ({_NUMBER})\)<", rounds)
    assert len(ends) == 2
    for together in (said, [number for row in ends for number in row]):
        assert len({Decimal(number).as_tuple().exponent for number in together}) == 1
    assert "ada, by hand (" in report
    ahead = wellwise("forecast", "--campaign", name, "--surfaces", "1")
    assert f"reaches {case.high:g} {case.unit}".rstrip() in ahead
    assert f"True values of {scale.label}" in ahead
    medians = [float(text) for text in re.findall(rf"({_NUMBER}) \({_NUMBER} to", ahead)]
    reach = abs(case.high - case.low)
    assert medians
    assert all(abs(median - case.high) < 2 * reach for median in medians)
    plan = tmp_path / "confirm.yaml"
    text = wellwise("confirm", name, "--out", str(plan))
    sign = "-" if state.campaign.objective.direction == "minimise" else "+"
    assert f"expects a difference of {sign}" in text
    assert (f" {case.unit}. " if case.unit else "in closeness") in text
    assert "is valid" in wellwise_plain("validate", str(plan))
    table = csv_text(tidy_table(state))
    assert outcome.column in table.splitlines()[0].split(",")


def wellwise_plain(*arguments: str) -> str:
    ran = CliRunner().invoke(app, [*arguments])
    assert ran.exit_code == 0, ran.output
    return " ".join(ran.output.split())


def _pages(served: House, name: str) -> dict[str, str]:
    client = served.client("operator")
    places = {
        "overview": "/",
        "campaign": f"/campaigns/{name}",
        "insight": f"/campaigns/{name}/insight",
        "well": f"/campaigns/{name}/wells/1/1/A1",
    }
    found = {place: client.get(address) for place, address in places.items()}
    assert {page.status_code for page in found.values()} == {200}
    return {place: page.text for place, page in found.items()}


def test_without_a_scale_there_is_no_forecast(tmp_path: Path) -> None:
    file = tmp_path / "campaign.yaml"
    file.write_text(CASES["maximised"].text)
    ran = CliRunner().invoke(app, ["forecast", str(file)])
    assert "there is no forecast of mass yet" in str(ran.exception)
    file.write_text(CASES["matched"].text.replace("rounds: 3", "rounds: 1"))
    ran = CliRunner().invoke(app, ["forecast", str(file), "--surfaces", "1"])
    assert "No probability of 7.2 is given: 0 results are too few" in " ".join(ran.output.split())
    ran = CliRunner().invoke(
        app,
        [
            "rehearse",
            str(ROOT / "examples" / "resistance" / "campaign.yaml"),
            "--out",
            str(tmp_path),
        ],
    )
    assert ran.exit_code == 0, ran.output
    assert "4 rounds, 4 jobs" in ran.output
    assert "Forecast" not in ran.output


@pytest.mark.parametrize(
    ("name", "first", "second", "verdict", "difference"),
    [
        ("maximised", [1495, 1496, 1494.5], [1351, 1352, 1350], "first", 144.17),
        ("minimised", [-2.1, -2.2, -2.0], [-3.3, -3.4, -3.2], "second", 1.2),
        ("minimised", [-3.3, -3.4, -3.2], [-2.1, -2.2, -2.0], "first", -1.2),
        # 7.0 is nearer 7.2 than 8.4, though it is lower.
        ("matched", [7.0, 7.1, 7.05], [8.4, 8.5, 8.3], "first", 1.05),
        ("matched", [4.0, 7.2, 9.9], [4.1, 7.3, 10.0], "neither", 0.03),
    ],
)
def test_a_confirmation_judges_in_the_direction_of_the_objective(
    name: str, first: list[float], second: list[float], verdict: str, difference: float
) -> None:
    conditions = [{"salt": salt, "acid": 20.0, "glycerol": 50.0} for salt in (10.0, 100.0)]
    chosen = ", ".join(
        f"{{condition: {{salt: {c['salt']}, acid: 20, glycerol: 50}}, wells: 6}}"
        for c in conditions
    )
    text = CASES[name].text.replace(
        "{initial: 11, standard: 1}", f"{{initial: 0, chosen: [{chosen}]}}"
    )
    campaign = checked_campaign(NamedText(text, "c.yaml"), Settings())
    wells = [
        WellState(
            well=Well(plate=1, name=f"A{number}", number=number),
            proposal=Proposal(condition=Condition(condition), role="chosen", reason="test"),
            value=value,
            scored=True,
        )
        for condition, values in zip(conditions, (first, second), strict=True)
        for number, value in enumerate(values, 1)
    ]
    batch = RoundState(1, True, START, START, tuple(wells))
    state = CampaignState("c", campaign, CampaignStatus.RUNNING, START, rounds=(batch,))
    found = compare(state)
    assert found.verdict == verdict
    assert found.difference == pytest.approx(difference, abs=0.01)
    assert found.means == (pytest.approx(sum(first) / 3), pytest.approx(sum(second) / 3))
