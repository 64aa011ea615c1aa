"""A campaign that is changed under way goes on, learns from what it has, and replays."""

from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from orchestrator.control.act import Act, perform
from orchestrator.control.changes import (
    AddCondition,
    AddLevel,
    ChangeCampaign,
    FixNext,
    SetRange,
)
from orchestrator.core.events import EventKind
from orchestrator.core.state import CampaignState, RoundState
from orchestrator.errors import JournalError
from orchestrator.journal.journal import Journal
from orchestrator.journal.tables import JobRow
from orchestrator.lab.lab import Lab, open_lab
from orchestrator.results.tables import tidy_table
from orchestrator.settings import Settings
from orchestrator.studies.replay import replay
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.campaign_parts import StopRule
from protocols.errors import InvalidInput
from tests import acting
from tests.builders import until_asked
from tests.conftest import ASSAY_FILE, START

DOSE, VOLUME = "substrate_concentration", "enzyme_volume"
CYCLES = "  - {name: cycles, step: react, kind: integer, low: 1, high: 9, standard: 3}\n"


def with_cycles(text: str) -> str:
    text = text.replace("\nprotocol:", f"{CYCLES}\nprotocol:")
    return text.replace("cycles: 3", "cycles: {parameter: cycles}")


class Study:
    """A campaign of the simulated assay whose batches are approved."""

    def __init__(self, home: Path, rounds: int = 3) -> None:
        settings = Settings(home=home)
        self.journal = Journal(settings.journal_url)
        campaign = read_campaign(ASSAY_FILE.read_text())
        campaign = campaign.model_copy(
            update={
                "stop": StopRule(rounds=rounds),
                "rounds": campaign.rounds.model_copy(update={"approval": True}),
            }
        )
        self.id = self.journal.create_campaign(campaign, "", [], START)
        self.lab: Lab = open_lab(settings, self.journal, self.state)

    @property
    def state(self) -> CampaignState:
        return self.journal.state(self.id)

    def do(self, act: Act) -> Any:
        return perform(self.lab, self.id, act, "ada")

    def batch(self) -> RoundState:
        """Run on until the next batch waits, and approve it."""
        until_asked(self.lab, self.id)
        batch = self.state.rounds[-1]
        assert batch.proposed
        acting.approve(self.lab, self.id, "ada", "well")
        return batch

    def replayed(self) -> list[tuple[int, int, tuple[str, ...]]]:
        events = self.journal.events(self.id)
        return [(r.round, r.same, r.different) for r in replay(self.state, events)]


def values(batch: RoundState, name: str, role: str = "proposed") -> list[float]:
    return [
        float(well.proposal.condition[name]) for well in batch.wells if well.proposal.role == role
    ]


def test_a_range_is_widened_from_the_next_batch_on_and_replay_knows_when(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.batch()
    assert study.do(SetRange(parameter=VOLUME, high=120, why="larger wells")) == 2
    second = study.batch()
    assert max(values(second, VOLUME)) > 80
    assert study.do(SetRange(parameter=VOLUME, low=30, high=60, why="waste")) == 3
    third = study.batch()
    assert all(30 <= value <= 60 for value in values(third, VOLUME))
    until_asked(study.lab, study.id)
    state = study.state
    assert len(state.observations) == 72  # what was measured outside is learnt from
    assert [event.data["round"] for event in study.journal.events(
        study.id, kinds=[EventKind.CAMPAIGN_CHANGED]
    )] == [2, 3]  # fmt: skip
    assert study.replayed() == [(1, 24, ()), (2, 24, ()), (3, 24, ())]


def test_a_file_of_before_a_range_was_changed_does_not_take_it_back(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.batch()
    study.do(SetRange(parameter=VOLUME, high=120, why="larger wells"))
    study.do(FixNext(values={VOLUME: 50}, why="only these tips"))
    file = with_cycles(ASSAY_FILE.read_text())
    with pytest.raises(JournalError, match=r"as it was before: enzyme_volume \(for round 2\)"):
        study.do(ChangeCampaign(file=file, so_far={"cycles": 3}, why="it matters"))
    assert study.state.campaign.space.by_name[VOLUME].extremes[1] == 120
    volume = file.index(f"name: {VOLUME}")
    knowing = file[:volume] + file[volume:].replace("high: 80", "high: 120", 1)
    study.do(ChangeCampaign(file=knowing, so_far={"cycles": 3}, why="it matters"))
    assert study.state.campaign.space.by_name[VOLUME].extremes[1] == 120
    # What a file says that knew of the change is meant.
    study.do(ChangeCampaign(file=file, so_far={"cycles": 3}, why="smaller wells"))
    assert study.state.campaign.space.by_name[VOLUME].extremes[1] == 80


def test_a_parameter_is_added_with_what_it_was_so_far(tmp_path: Path) -> None:
    study = Study(tmp_path, rounds=2)
    first = study.batch()
    file = with_cycles(ASSAY_FILE.read_text())
    with pytest.raises(JournalError, match="cycles is new: say what it was so far"):
        study.do(ChangeCampaign(file=file, why="it matters"))
    study.do(ChangeCampaign(file=file, so_far={"cycles": 3}, why="it matters"))
    second = study.batch()
    assert len(set(values(second, "cycles"))) > 5
    until_asked(study.lab, study.id)
    state = study.state
    table = tidy_table(state)
    assert set(table[table["round"] == 1]["cycles"]) == {3}
    assert [o.condition["cycles"] for o in state.rounds[0].observations] == [3] * 24
    assert len(first.wells) == 24
    assert study.replayed() == [(1, 24, ()), (2, 24, ())]
    with study.journal.reading_session() as session:
        jobs = session.exec(select(JobRow).where(JobRow.round == 2, JobRow.step == "react")).all()
    mixed = [op["cycles"] for row in jobs for op in row.job["operations"] if op["kind"] == "mix"]
    assert sorted(mixed) == sorted(w.proposal.condition["cycles"] for w in state.rounds[1].wells)


def test_parameters_are_fixed_and_conditions_added_in_one_batch_alone(tmp_path: Path) -> None:
    study = Study(tmp_path)
    study.batch()
    assert study.do(FixNext(values={VOLUME: 50}, why="only these tips")) == 2
    own = {DOSE: 123, VOLUME: 66}
    assert study.do(AddCondition(values=own, wells=3, why="a hunch")) == 2
    second = study.batch()
    chosen = [w.proposal for w in second.wells if w.proposal.role == "chosen"]
    assert [dict(proposal.condition.root) for proposal in chosen] == [own] * 3
    assert values(second, VOLUME) == [50.0] * 19
    third = study.batch()
    assert len(set(values(third, VOLUME))) > 3
    assert not values(third, VOLUME, "chosen")
    assert study.replayed() == [(1, 24, ()), (2, 24, ()), (3, 24, ())]


def test_a_level_is_added(tmp_path: Path, rpe: Campaign) -> None:
    journal = Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}")
    campaign_id = journal.create_campaign(rpe, "", [], START)
    lab = open_lab(Settings(home=tmp_path), journal, journal.state(campaign_id))
    perform(lab, campaign_id, AddLevel(parameter="ksr_period", level="25", why="longer"), "ada")
    act = AddLevel(parameter="detachment_length", level="2", label="zigzag", why="new tool")
    perform(lab, campaign_id, act, "ada")
    space = journal.state(campaign_id).campaign.space
    assert space.by_name["ksr_period"].snap(25) == 25
    assert space.by_name["detachment_length"].label("2") == "zigzag"
    for wrong, said in (
        (AddLevel(parameter="ksr_period", level="long", why="x"), "'long' is not a number"),
        (AddLevel(parameter="ksr_period", level="25", why="x"), "has the level 25 already"),
        (SetRange(parameter="ksr_period", high=30, why="x"), "has levels and no range"),
        (SetRange(parameter="ksr", high=30, why="x"), "there is no parameter 'ksr'"),
    ):
        with pytest.raises(JournalError, match=said):
            perform(lab, campaign_id, wrong, "ada")
    journal.close()


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (SetRange(parameter=VOLUME, low=90, why="x"), "is not above low"),
        (FixNext(values={VOLUME: 900}, why="x"), "900 is not allowed"),
        (FixNext(values={"volume": 9}, why="x"), "'volume' is not a parameter"),
        (AddCondition(values={VOLUME: 50}, why="x"), "exactly one value for each parameter"),
        (AddCondition(values={VOLUME: 50, DOSE: 9}, wells=23, why="x"), "at most 22"),
        (
            ChangeCampaign(file=ASSAY_FILE.read_text().replace("7\n", "8\n", 1), why="x"),
            None,
        ),
        (
            ChangeCampaign(
                file=ASSAY_FILE.read_text().replace("colour-assay\ntitle", "other\ntitle"), why="x"
            ),
            "name cannot change under way .*, or write name: colour-assay into a file meant for",
        ),
        (
            ChangeCampaign(
                file=ASSAY_FILE.read_text().replace(
                    "days: 0\n      at: 14", "days: 1\n      at: 14"
                ),
                why="x",
            ),
            "steps and their operations cannot change",
        ),
        (
            ChangeCampaign(
                file=ASSAY_FILE.read_text().replace("unit: uL\n    low: 5", "unit: mL\n    low: 5"),
                why="x",
            ),
            "the kind and the unit of enzyme_volume cannot change",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    tmp_path: Path, act: Act, said: str | None
) -> None:
    study = Study(tmp_path)
    until_asked(study.lab, study.id)
    before = study.state.campaign
    if said is None:
        study.do(act)
    else:
        with pytest.raises((JournalError, InvalidInput), match=said):
            study.do(act)
    assert study.state.campaign == before


def test_constraints_are_added_and_contradictions_refused(tmp_path: Path) -> None:
    study = Study(tmp_path, rounds=2)
    study.batch()
    text = ASSAY_FILE.read_text()
    rule = f"constraints:\n  - {{kind: linear, terms: {{{VOLUME}: 1}}, at_most: %d}}\n\nprotocol:"
    with pytest.raises(InvalidInput, match="no condition meets 1 enzyme_volume <= 2"):
        study.do(
            ChangeCampaign(
                file=text.replace("standard: 40", "standard: 41")
                .replace("    standard: 41\n", "")
                .replace("first: {initial: 22, standard: 2}", "first: {initial: 24}")
                .replace("protocol:", rule % 2, 1),
                why="x",
            )
        )
    study.do(ChangeCampaign(file=text.replace("protocol:", rule % 45, 1), why="less enzyme"))
    second = study.batch()
    assert max(values(second, VOLUME)) <= 45
    assert study.replayed() == [(1, 24, ()), (2, 24, ())]
