"""Every batch can be proposed again from what was known then, despite corrections."""

from pathlib import Path

from orchestrator.journal.journal import Journal
from orchestrator.journal.tables import WellRow
from orchestrator.lab.lab import open_lab
from orchestrator.results.tables import tidy_table
from orchestrator.settings import Settings
from orchestrator.studies.replay import replay
from protocols.campaign import Campaign
from protocols.campaign_parts import RobotConfig, StopRule
from tests import acting
from tests.builders import until_asked
from tests.conftest import START


def test_batches_are_the_same_to_the_last_bit_whatever_was_corrected_since(
    tmp_path: Path, assay: Campaign
) -> None:
    settings = Settings(home=tmp_path)
    journal = Journal(settings.journal_url)
    fault = {"kind": "well", "round": 1, "plate": 1, "well": "B2", "step": "react"}
    options = assay.robots["dispenser"].options | {"faults": [fault]}
    study = assay.model_copy(
        update={
            "stop": StopRule(rounds=3),
            "rounds": assay.rounds.model_copy(update={"approval": True}),
            "robots": assay.robots
            | {"dispenser": RobotConfig(driver="simulated", options=options)},
        }
    )
    campaign_id = journal.create_campaign(study, "", [], START)
    lab = open_lab(settings, journal, journal.state(campaign_id))
    until_asked(lab, campaign_id)
    free = study.parameters[0]
    values = {free.name: free.standard}
    edited = next(
        w for w in journal.state(campaign_id).rounds[0].wells if w.proposal.role == "initial"
    ).well
    acting.edit_proposal(
        lab, campaign_id, acting.place(1, edited.plate, edited.name), values, "ada", "a hunch"
    )  # type: ignore[arg-type]
    acting.approve(lab, campaign_id, "ada", "well")
    until_asked(lab, campaign_id)
    # Of round 1 this is known to round 3 and was not to round 2.
    acting.correct_wells(
        lab,
        campaign_id,
        {acting.place(1, 1, "A3"): 0.9, acting.place(1, 1, "A4"): None},
        "ada",
        "glare",
    )
    acting.requeue(lab, campaign_id, [acting.place(1, 1, "B2")], "ada", "again")
    acting.approve(lab, campaign_id, "ada", "well")
    until_asked(lab, campaign_id)
    acting.approve(lab, campaign_id, "ada", "well")
    until_asked(lab, campaign_id)
    acting.correct_wells(lab, campaign_id, {acting.place(2, 1, "A1"): 0.1}, "ada", "much later")
    state = journal.state(campaign_id)
    assert state.status == "finished"
    assert (tidy_table(state).role == "requeued").sum() == 1
    wells = study.plates.count * study.plates.wells_per_plate
    rounds = replay(state, journal.events(campaign_id))
    assert [(r.round, r.same, r.edited, r.different) for r in rounds] == [
        (1, wells - 1, 1, ()), (2, wells, 0, ()), (3, wells, 0, ()),
    ]  # fmt: skip

    # A proposal that somebody changed behind the journal's back is found.
    with journal.transaction() as session:
        row = session.get(WellRow, (campaign_id, 2, 1, "A2"))
        assert row is not None
        row.proposal = row.proposal | {"condition": row.proposal["condition"] | {free.name: 1.5}}
    assert replay(journal.state(campaign_id), journal.events(campaign_id))[1].different == (
        "p1/A2",
    )
    journal.close()
