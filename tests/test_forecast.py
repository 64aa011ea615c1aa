"""What a campaign will likely bring: plausible surfaces, simulated rounds, round plans beside each other."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import optimizer
from optimizer.encoding import Rows
from optimizer.evolution import evolved
from orchestrator.cli.main import app
from orchestrator.studies.forecast import RoundForecast, RoundSizes, forecast, simulated
from protocols.campaign import Campaign
from protocols.conditions import Observation
from protocols.errors import InvalidInput
from tests.conftest import ASSAY_FILE
from tests.service import house


def _observed(campaign: Campaign, number: int = 24) -> list[Observation]:
    """Of a function that is known: the higher the first parameter, the better."""
    parameter = campaign.space.parameters[0]
    found = []
    for proposal in optimizer.propose(campaign.space, [], number=number, seed=1):
        share = parameter.to_unit_interval(float(proposal.condition[parameter.name]))  # type: ignore[union-attr]
        found.append(Observation(condition=proposal.condition, value=0.1 + 0.5 * share, round=1))
    return found


@pytest.mark.parametrize("seed", range(5))
def test_a_surface_before_any_result_is_as_is_assumed(assay: Campaign, rpe: Campaign, seed: int) -> None:
    for space in (assay.space, rpe.space):
        surface = optimizer.Surface(space, (), seed)
        conditions = [p.condition for p in optimizer.propose(space, [], number=400, seed=seed)]
        values = surface.truths(conditions)
        assert 0 < min(values) < max(values) < 1
        assert 0.02 < np.median(values) < 0.4
        assert surface.truths(conditions) == values
        assert optimizer.Surface(space, (), seed + 100).truths(conditions) != values
        assert surface.truths([]) == []


def test_surfaces_after_results_go_through_them_and_differ_elsewhere(assay: Campaign) -> None:
    observed = _observed(assay)
    conditions = [observation.condition for observation in observed]
    elsewhere = [p.condition for p in optimizer.propose(assay.space, observed, number=60, seed=2)]
    drawn = [optimizer.Surface(assay.space, observed, seed) for seed in range(4)]
    off = np.array([surface.truths(conditions) for surface in drawn]) - [o.value for o in observed]
    assert np.abs(off).mean() < 0.05
    apart = [np.array([surface.truths(some) for surface in drawn]).std(axis=0) for some in (elsewhere, conditions)]
    assert apart[0].max() > apart[1].mean() > 0


def test_surfaces_after_results_end_where_objectives_are_assumed_to_end(assay: Campaign) -> None:
    low = [o.model_copy(update={"value": 0.4 * (o.value or 0)}) for o in _observed(assay)]
    assert max(o.value or 0 for o in low) < 0.5
    encoding = optimizer.Encoding(assay.space)

    def highest(seed: int) -> float:
        surface = optimizer.Surface(assay.space, low, seed)

        def fittest(rows: Rows) -> Rows:
            return rows[np.argsort(surface.truths(encoding.conditions(rows)))[::-1][:20]]

        observed = encoding.rows([o.condition for o in low])
        rows = evolved(encoding, observed, fittest, np.random.default_rng(seed), 4, 0.6)
        return max(surface.truths(encoding.conditions(rows)))

    found = [highest(seed) for seed in range(4)]
    assert 0.8 < np.median(found) < 1
    assert max(found) < 1


def test_what_is_left_is_simulated_with_the_plan_of_the_campaign(assay: Campaign) -> None:
    observed = _observed(assay)
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
    again = forecast(assay, observed, done=1, target=0.5, surfaces=3, each=lambda *given: reversed(list(map(*given))))
    assert again == ahead


def test_the_best_that_was_tried_only_rises_and_starts_at_what_is_known(assay: Campaign) -> None:
    observed = _observed(assay)
    surface = optimizer.Surface(assay.space, observed, 5)
    known = max(surface.truths([observation.condition for observation in observed]))
    bests = [best for best, _ in simulated(assay, observed, 1, 5)]
    assert known <= bests[0]
    assert bests == sorted(bests)


def test_a_round_plan_fills_plates_or_is_refused(rpe: Campaign) -> None:
    other = RoundSizes(6, 24, controls=0, replicates=2).of(rpe)
    assert (other.plates.count, other.stop.rounds) == (4, 6)
    assert other.rounds.later.wells == other.rounds.first.wells == 24
    assert (other.rounds.later.controls, other.rounds.first.standard, other.rounds.later.replicates) == (0, 0, 2)
    kept = RoundSizes(2, 96).of(rpe)
    assert (kept.rounds.later.controls, kept.rounds.first.standard) == (2, 1)
    for sizes, message in (
        (RoundSizes(3, 20), "20 wells do not fill plates"),
        (RoundSizes(3, 6, controls=6), "leave no well"),
        (RoundSizes(0, 48), "0 rounds"),
        (RoundSizes(1, 0), "0 wells"),
    ):
        with pytest.raises(InvalidInput, match=message):
            sizes.of(rpe)


def test_the_command_compares_plans_and_says_what_it_rests_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.cli.context.console.width", 160)
    runner = CliRunner()
    file = str(ASSAY_FILE)
    done = runner.invoke(
        app, ["forecast", file, "--plan", "1x24", "--plan", "2x24,controls=0", "--target", "0.5", "--surfaces", "1"]
    )
    assert done.exit_code == 0, done.output
    for text in ("as planned", "1x24", "2x24,controls=0", "reaches 0.5", "no promise for these cells"):
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
    assert f"drawn from what {assay.plates.count * 24} results teach" in done.output


def test_a_campaign_whose_rounds_are_over_is_asked_for_one_more(assay: Campaign, tmp_path: Path) -> None:
    one = assay.model_copy(update={"stop": assay.stop.model_copy(update={"rounds": 2})})
    [last] = forecast(one, _observed(one), done=1, surfaces=2)
    assert isinstance(last, RoundForecast)
    assert last.round == 2
    assert last.reached is None
