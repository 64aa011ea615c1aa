"""What a campaign will likely bring: simulated rounds, round plans compared with each other."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import optimizer
from orchestrator.cli.main import app
from orchestrator.studies.forecast import (
    RoundForecast,
    RoundSizes,
    forecast,
    simulated,
    too_little,
)
from protocols.campaign import Campaign
from protocols.errors import InvalidInput
from tests.conftest import ASSAY_FILE
from tests.optimizer.known_objective import observed_rising
from tests.service import house


def test_what_is_left_is_simulated_with_the_plan_of_the_campaign(assay: Campaign) -> None:
    observed = observed_rising(assay)
    ahead = forecast(assay, observed, done=1, target=0.5, surfaces=3)
    wells = assay.plates.count * assay.plates.wells_per_plate
    assert [entry.round for entry in ahead] == list(range(2, assay.stop.rounds + 1))
    assert [entry.wells for entry in ahead] == [wells * (place + 1) for place in range(len(ahead))]
    for entry in ahead:
        assert 0 <= entry.recommended.low <= entry.recommended.median <= entry.recommended.high <= 1
        assert entry.reached is not None
        assert 0 < entry.reached < 1
    bests = [entry.best.median for entry in ahead]
    assert bests == sorted(bests)
    again = forecast(
        assay,
        observed,
        done=1,
        target=0.5,
        surfaces=3,
        each=lambda *given: reversed(list(map(*given))),
    )
    assert again == ahead


def test_the_best_that_was_tried_only_rises_and_starts_at_what_is_known(assay: Campaign) -> None:
    observed = observed_rising(assay)
    surface = optimizer.Surface(assay.space, observed, 5, (0.0, 1.0))
    known = max(surface.truths([observation.condition for observation in observed]))
    bests = [best for best, _ in simulated(assay, observed, 1, 5)]
    assert known <= bests[0]
    assert bests == sorted(bests)


def test_a_round_plan_fills_plates_or_is_refused(rpe: Campaign) -> None:
    other = RoundSizes(6, 24, controls=0, replicates=2).of(rpe)
    assert (other.plates.count, other.stop.rounds) == (4, 6)
    assert other.rounds.later.wells == other.rounds.first.wells == 24
    assert (
        other.rounds.later.controls,
        other.rounds.first.standard,
        other.rounds.later.replicates,
    ) == (0, 0, 2)
    kept = RoundSizes(2, 96).of(rpe)
    assert (kept.rounds.later.controls, kept.rounds.first.standard) == (2, 1)
    for sizes, message in (
        (RoundSizes(3, 20), "20 wells cannot fill plates"),
        (RoundSizes(3, 6, controls=6), "leave no well"),
        (RoundSizes(0, 48), "0 rounds"),
        (RoundSizes(1, 0), "0 wells"),
    ):
        with pytest.raises(InvalidInput, match=message):
            sizes.of(rpe)


def test_the_command_compares_plans_and_says_what_it_rests_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("orchestrator.cli.context.console.width", 160)
    runner = CliRunner()
    file = str(ASSAY_FILE)
    done = runner.invoke(
        app,
        [
            "forecast",
            file,
            "--plan",
            "1x24",
            "--plan",
            "2x24,controls=0",
            "--target",
            "0.5",
            "--surfaces",
            "1",
        ],
    )
    assert done.exit_code == 0, done.output
    for text in (
        "as planned",
        "1x24",
        "2x24,controls=0",
        "No probability of 0.5 is given",
        "no promise for these cells",
    ):
        assert text in done.output
    for arguments, message in (
        ([file, "--plan", "many"], "'many' is no round plan"),
        ([file, "--campaign", "assay"], "one of them"),
        ([], "one of them"),
        (["--campaign", "nobody"], "nobody"),
    ):
        refused = runner.invoke(app, ["forecast", *arguments])
        assert refused.exit_code != 0
        assert message in str(refused.exception)


def test_what_an_earlier_campaign_found_is_known_to_the_forecast(
    assay: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.cli.context.console.width", 160)
    with house(tmp_path) as served:
        earlier = served.campaign(assay, read=True)
    file = tmp_path / "next.yaml"
    file.write_text(ASSAY_FILE.read_text() + f"\npast_results: {{campaign: {earlier}}}\n")
    done = CliRunner().invoke(
        app, ["forecast", str(file), "--plan", "1x24", "--surfaces", "1", "--home", str(tmp_path)]
    )
    assert done.exit_code == 0, done.output
    assert f"sampled given {assay.plates.count * 24} results" in done.output


def test_with_too_little_to_go_on_it_says_so_and_names_no_probability(assay: Campaign) -> None:
    known = observed_rising(assay)
    assert too_little(assay, known) == ""
    assert "too few" in too_little(assay, known[:6])
    values = np.random.default_rng(1).normal(0.5, 0.1, len(known))
    noise = [
        o.model_copy(update={"value": float(value)}) for o, value in zip(known, values, strict=True)
    ]
    assert "noise alone" in too_little(assay, noise)
    one = assay.model_copy(update={"stop": assay.stop.model_copy(update={"rounds": 2})})
    [last] = forecast(one, noise, done=1, target=0.9, surfaces=1)
    assert last.reached is None


def test_a_campaign_whose_rounds_are_over_is_asked_for_one_more(
    assay: Campaign, tmp_path: Path
) -> None:
    one = assay.model_copy(update={"stop": assay.stop.model_copy(update={"rounds": 2})})
    [last] = forecast(one, observed_rising(one), done=1, surfaces=2)
    assert isinstance(last, RoundForecast)
    assert last.round == 2
    assert last.reached is None
