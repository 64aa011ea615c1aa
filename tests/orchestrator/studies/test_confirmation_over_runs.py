"""A confirmation over several runs is written down before its first job, and judged by runs."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import ttest_1samp
from statsmodels.formula.api import ols

from orchestrator.core.events import EventKind
from orchestrator.core.state import CampaignState
from orchestrator.journal.journal import Journal
from orchestrator.results.comparison_words import judged_by
from orchestrator.results.report import report_of
from orchestrator.settings import Settings
from orchestrator.studies.comparison_power import wells_a_run
from orchestrator.studies.confirmation import Design, confirmation_file
from orchestrator.studies.confirmation_result import (
    compare,
    compare_several,
    comparisons,
    confounded,
)
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.campaign_parts import Chosen
from protocols.conditions import Condition
from protocols.errors import WellwiseError
from tests.conftest import START
from tests.system import crash


def test_three_runs_are_planned_done_and_judged(tmp_path: Path) -> None:
    settings, text = Settings(home=tmp_path), crash.FILE.read_text()
    campaign = read_campaign(text)
    earlier = CampaignState("crash", campaign, "finished", START)  # type: ignore[arg-type]
    better = Condition({"substrate_concentration": 200.0})
    plan = Design(
        (better,), campaign.space.standard({}), 2, 0.1, 0.05, 0.05, 0.9, (0.2,), runs=3, margin=0.05
    )
    file = confirmation_file(earlier, text, plan)
    study = read_campaign(file)
    assert study.confirmation == plan.plan
    # A third condition, beside the two of the plan.
    third = Chosen(condition={"substrate_concentration": 100.0}, wells=2)
    rounds = study.rounds
    several = (*rounds.first.chosen[:1], third, *rounds.first.chosen[1:])
    study = study.model_copy(
        update={
            "plates": study.plates.model_copy(update={"count": 3}),
            "rounds": rounds.model_copy(
                update={
                    "first": rounds.first.model_copy(update={"chosen": several}),
                    "later": rounds.later.model_copy(update={"proposed": 6}),
                    "wanted": tuple(
                        batch.model_copy(update={"chosen": several}) for batch in rounds.wanted
                    ),
                }
            ),
        }
    )
    journal = Journal(settings.journal_url)
    name = journal.create_campaign(study, file, [], START, "ada")
    crash.run_to_end(tmp_path, settings.journal_url, name)
    state = journal.state(name)
    events = journal.events(name)
    found, all_found = compare(state), compare_several(state)
    pairs = compare_several(state, pairs=True)
    page = report_of(journal, name, settings)
    journal.close()
    assert events[0].kind == EventKind.CAMPAIGN_CREATED
    assert events[0].data["plan"] == plan.plan.sha256
    assert plan.plan.sha256 in page
    assert "by t test over 3 runs" in page
    assert len(state.rounds) == 3
    differences = []
    for batch in state.rounds:
        table = pd.DataFrame(
            [
                (well.proposal.condition == better, well.well.plate, well.trusted)
                for well in batch.wells
                if well.proposal.condition in (better, plan.standard)
            ],
            columns=["better", "plate", "value"],
        ).dropna()
        # Plates that each hold one condition cannot be told from it.
        shared = table.groupby("plate")["better"].nunique().max() > 1
        model = ols("value ~ C(better) + C(plate)" if shared else "value ~ C(better)", table)
        differences.append(model.fit().params["C(better)[T.True]"])
    peer = ttest_1samp(differences, 0)
    assert (found.runs, judged_by(found)) == (3, "t test over 3 runs")
    assert found.p == pytest.approx(peer.pvalue)
    assert found.equivalence_p is not None
    assert found.components is not None
    assert [one.second for one in all_found] == [2, 2]
    assert [(one.first, one.second) for one in pairs] == [(0, 1), (0, 2), (1, 2)]
    several_planned = study.model_copy(
        update={"confirmation": plan.plan.model_copy(update={"candidates": 2})}
    )
    together = comparisons(replace(state, campaign=several_planned))
    assert [(one.p, one.low) for one in together] == [(one.p, one.low) for one in all_found]
    assert {judged_by(one) for one in together} == {
        "Dunnett's test over 3 runs of 2 comparisons together"
    }
    assert all(one.power is not None and one.equivalence_p is not None for one in together)
    # Of three conditions more wells say what a plate adds.
    assert all_found[0].difference == pytest.approx(found.difference, abs=0.05)


def test_runs_that_are_too_few_are_said_with_how_many_would_do() -> None:
    with pytest.raises(WellwiseError, match=r"2 runs do not find .* runs of 6 wells are enough"):
        wells_a_run(2, 0.1, (0.05, 0.05), 0.06)
    assert wells_a_run(8, 0.15, (0.05, 0.05), 0.06) >= 2


def test_conditions_that_differ_in_what_the_place_decides_are_confounded(rpe: Campaign) -> None:
    [decided] = [parameter.name for parameter in rpe.space.decided]
    one = rpe.space.standard(rpe.decided_values(1)[0])
    other = rpe.space.standard(next(v for v in rpe.decided_values(1) if v[decided] != one[decided]))
    assert confounded(rpe, (one, one)) == ()
    assert confounded(rpe, (one, other)) == ("Trypsin time",)
