"""Campaigns of six fields, written from the documentation alone, mean in the lab what they say."""

import asyncio
import csv
import io
from collections import Counter
from collections.abc import Callable, Mapping
from math import exp, pi, sqrt
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest

from drivers.base import RobotSetup
from drivers.checklist import Checklist
from drivers.clock import RealClock
from drivers.manual import ManualOptions, ManualRobot
from orchestrator.core.round_planning import plan_round
from orchestrator.intake.past_results import read_history
from orchestrator.lab.scoring import scorer_of
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.conditions import Condition, Observation
from protocols.jobs import Job, Reading
from protocols.layout import Placement
from protocols.loading import loads
from protocols.traces import read_trace_table
from tests.acting import read_table
from tests.builders import jobs_for, lab_of
from tests.conftest import ROOT, START

FILES = Path(__file__).parent / "from_the_docs"

Values = Mapping[str, float | str]


class Study(NamedTuple):
    """What the author of a file would say of it in words.

    `sentences` are some of what is done to a well that tries the condition `tried`, in order.
    `response` is what the lab would measure: the objective is the better the more there is of the
    parameter `rises`, whose range has its middle at `middle`. `by_hand` are the checklists of who
    does all of it, and `reads` what is read there, by operation.
    """

    roles: dict[str, int]
    different: int
    permitted: Callable[[Values], bool]
    tried: Values
    sentences: tuple[str, ...]
    rises: str
    middle: float
    response: Callable[[Values], dict[str, float]]
    by_hand: tuple[str, ...] = ()
    reads: Mapping[str, int] = {}


def number(values: Values, name: str) -> float:
    return float(values[name])


STUDIES = {
    "myotubes": Study(
        roles={"initial": 44, "standard": 4},
        different=44,
        permitted=lambda v: (
            0.5 <= number(v, "horse_serum") <= 8
            and 0.1 <= number(v, "insulin") <= 20
            and v["inhibitor_days"] in (1, 2, 3, 4)
            and (v["coating"], v["inhibitor_days"]) != ("gelatine", 4)
        ),
        tried={"horse_serum": 2.5, "insulin": 4.0, "inhibitor_days": 3, "coating": "laminin"},
        sentences=(
            "coat 1: A1: add 150 uL laminin",
            "coat 1: leave the plate for 60 min at 37 °C",
            "differentiate 2: A1: add 300 uL DMEM with horse serum 2.5 percent, insulin 4 ug/mL,"
            " SB431542 5 uM",
            "differentiate 3: A1: add 300 uL DMEM with horse serum 2.5 percent, insulin 4 ug/mL",
            "look 1: A1: take an image",
        ),
        rises="horse_serum",
        middle=4.25,
        response=lambda v: {"fused": 0.1 + 0.08 * number(v, "horse_serum")},
    ),
    "phosphatase": Study(
        roles={"initial": 80, "standard": 8},
        different=40,
        permitted=lambda v: (
            number(v, "magnesium") % 0.5 == 0
            and 0 <= number(v, "magnesium") <= 10
            and 0.2 <= number(v, "substrate") <= 10
            and v["buffer"] in (1, 2, 3)
        ),
        tried={"magnesium": 2.5, "substrate": 4.0, "buffer": 3},
        sentences=(
            "assay 1: A1: add 150 uL diethanolamine pH 10 with MgCl2 2.5 mM, pNPP 4 mM",
            "assay 1: A1: add 20 uL enzyme",
            "assay 1: leave the plate for 30 min at 30 °C",
            "assay 1: read absorbance of the plate at 405 nm",
        ),
        rises="magnesium",
        middle=5.0,
        response=lambda v: {"nitrophenol": 40 + 30 * number(v, "magnesium")},
        by_hand=("ana",),
        reads={"read": 1},
    ),
    "ink": Study(
        roles={"initial": 10},
        different=10,
        permitted=lambda v: (
            abs(sum(float(part) for part in v.values()) - 100) < 1e-9
            and number(v, "pigment") <= 0.8 * number(v, "resin")
            and number(v, "wax") in (0, 1, 2, 4)
        ),
        tried={"resin": 35.0, "pigment": 15.0, "isopropanol": 7.5, "wax": 0, "water": 42.5},
        sentences=(
            "mix 1: A1: add 35 g resin",
            "mix 1: A1: add 7.5 g isopropanol",
            "mix 1: plate: shake for 20 min at 900 rpm",
        ),
        rises="isopropanol",
        middle=7.5,
        response=lambda v: {
            "drying": 300 - 15 * number(v, "isopropanol"),
            "gloss": 30 + number(v, "resin"),
        },
        by_hand=("colourist",),
    ),
    "amidation": Study(
        roles={"initial": 1},
        different=1,
        permitted=lambda v: (
            (v["solvent"], v["reagent"]) != ("ethyl acetate", "HATU")
            and 0.05 <= number(v, "flow") <= 1
            and 20 <= number(v, "coil") <= 75
        ),
        tried={"solvent": "2-MeTHF", "reagent": "T3P", "flow": 0.25, "coil": 60},
        sentences=(
            "run 1: plate: heat to 60 °C, hold for 10 min",
            "run 1: set coupling reagent to T3P",
            "run 1: A1: pump 3000 uL 2-MeTHF at 250 uL/min",
            "sample 1: A1: collect 500 uL in the HPLC vial",
        ),
        rises="coil",
        middle=47.5,
        response=lambda v: {"amide": number(v, "coil")},
        by_hand=("coil_1", "flora"),
    ),
    "caffeine_hplc": Study(
        roles={"initial": 10, "standard": 2},
        different=10,
        permitted=lambda v: (
            number(v, "injected") in range(2, 21, 2)
            and number(v, "oven") in range(25, 56)
            and number(v, "methanol") in range(400, 1201, 50)
        ),
        tried={"injected": 14, "oven": 41, "methanol": 650, "gradient": "steep"},
        sentences=(
            "extract 1: A1: add 650 uL methanol 40 %",
            "extract 1: plate: shake for 24 min at 1000 rpm",
            "chromatogram 1: A1: set oven to 41 degC",
            "chromatogram 1: A1: inject 14 uL into the C18 column, program steep",
            "chromatogram 1: A1: record absorbance over time for 12 min",
        ),
        rises="injected",
        middle=11.0,
        response=lambda v: {"caffeine": 35 * number(v, "injected")},
        by_hand=("hoa",),
        reads={"record": 12},
    ),
    "fermentation": Study(
        roles={"initial": 42, "standard": 6},
        different=42,
        permitted=lambda v: (
            1 <= number(v, "glycerol") <= 20
            and number(v, "yeast_extract") in range(0, 25, 4)
            and 0.01 <= number(v, "iptg") <= 1
            and v["chill"] in (0, 1)
        ),
        tried={"glycerol": 8.0, "yeast_extract": 16, "iptg": 0.25, "chill": 1},
        sentences=(
            "inoculate 1: A1: add 2000 uL M9 with glycerol 8 g/L, yeast extract 16 g/L",
            "grow 25: read absorbance of the plate at 600 nm",
            "induce 1: A1: add 100 uL M9 with IPTG 0.25 mM",
            "induce 1: A1: set chill to true",
            "express 13: read fluorescence of the plate at 520 nm, excited at 485 nm",
        ),
        rises="glycerol",
        middle=10.5,
        response=lambda v: {"gained": 900 + 120 * number(v, "glycerol")},
    ),
}


def campaign_of(name: str) -> Campaign:
    return read_campaign((FILES / f"{name}.yaml").read_text(encoding="utf-8"), name)


def table_of(study: Study, conditions: list[Condition]) -> str:
    """A lab's table: one row a well, with its condition and what was measured."""
    rows = [condition.root | study.response(condition.root) for condition in conditions]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def first_wells(campaign: Campaign) -> list[Placement]:
    """The wells of the rounds over which the initial design is spread."""
    rounds = range(1, campaign.first_rounds + 1)
    return [place for n in rounds for place in plan_round(campaign, n, []).layout.placements]


def next_conditions(campaign: Campaign, results: list[Observation]) -> list[Condition]:
    """What is proposed after the first rounds: a round, or what places that are free would get."""
    proposed: list[Condition] = []
    for later in range(campaign.rounds.in_parallel):
        number = campaign.first_rounds + 1 + later
        layout = plan_round(campaign, number, results, pending=proposed, rough=True).layout
        proposed += [
            place.proposal.condition
            for place in layout.placements
            if place.proposal.role == "proposed"
        ]
    return proposed


async def handed_out(job: Job, home: Path) -> None:
    person = ManualRobot(RobotSetup(job.robot, ManualOptions(), RealClock(), home))
    await person.connect()
    await person.submit(job)
    await person.close()


@pytest.fixture(params=STUDIES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_file_beside_this_one_is_looked_at() -> None:
    assert {path.stem for path in FILES.glob("*.yaml")} == set(STUDIES)


def test_the_first_layout_has_the_wells_that_the_file_means(name: str) -> None:
    campaign, study = campaign_of(name), STUDIES[name]
    places = plan_round(campaign, 1, []).layout.placements
    assert Counter(place.proposal.role for place in places) == study.roles
    assert len({(place.well.plate, place.well.name) for place in places}) == len(places)
    assert all(study.permitted(place.proposal.condition.root) for place in places)
    tried = [p.proposal.condition for p in places if p.proposal.role == "initial"]
    assert len(set(tried)) == study.different
    assert set(Counter(tried).values()) == {study.roles["initial"] // study.different}


def test_wells_with_standards_of_the_curve_get_no_condition() -> None:
    places = plan_round(campaign_of("phosphatase"), 1, []).layout.placements
    assert not {place.well.name for place in places} & {f"{row}12" for row in "ABCDEFGH"}


def test_a_bench_scientist_reads_what_is_done_to_a_well(name: str) -> None:
    campaign, study = campaign_of(name), STUDIES[name]
    jobs = jobs_for(campaign, Condition(dict(study.tried)))
    said = [f"{j.step} {j.occurrence}: {o.in_words()}" for j in jobs for o in j.operations]
    places = [said.index(sentence) for sentence in study.sentences]
    assert places == sorted(places)


def test_what_a_condition_has_none_of_is_not_weighed_in() -> None:
    jobs = jobs_for(campaign_of("ink"), Condition(dict(STUDIES["ink"].tried)))
    said = " ".join(operation.in_words() for job in jobs for operation in job.operations)
    assert "wax" not in said


def test_an_inhibitor_of_three_days_is_left_out_when_the_medium_is_changed_later() -> None:
    jobs = jobs_for(campaign_of("myotubes"), Condition(dict(STUDIES["myotubes"].tried)))
    with_it = {
        job.day
        for job in jobs
        if any("SB431542" in operation.in_words() for operation in job.operations)
    }
    assert with_it == {2, 4}


def test_serum_is_loaded_as_a_volume_and_insulin_as_a_mass() -> None:
    jobs = jobs_for(campaign_of("myotubes"), Condition(dict(STUDIES["myotubes"].tried)))
    feeding = next(load for load in loads(jobs) if "DMEM" in load.liquids_ul)
    found = {it.name: (pytest.approx(it.amount), it.unit) for it in feeding.substances}
    assert found["horse serum"] == (48 * 300 * 0.025, "uL")
    assert found["insulin"] == (48 * 0.3 * 4, "ug")


@pytest.mark.parametrize("name", [name for name in STUDIES if STUDIES[name].by_hand])
def test_a_person_has_an_item_for_all_that_is_done_by_hand(name: str, tmp_path: Path) -> None:
    campaign, study = campaign_of(name), STUDIES[name]
    jobs = jobs_for(campaign, Condition(dict(study.tried)))

    left: Counter[str] = Counter()
    for job in jobs:
        asyncio.run(handed_out(job, tmp_path))
        checklist = Checklist(tmp_path, job.robot)
        items = checklist.items(job)
        assert [item.words for item in items] == [done.in_words() for done in job.operations]
        done = [item.number for item in items if item.operation.reads is None]
        checklist.confirm(job.key, done, START)
        left.update(item.operation.kind for item in checklist.items(job) if not item.done)
        checklist.close()
    assert tuple(dict.fromkeys(job.robot for job in jobs)) == study.by_hand
    assert left == study.reads


def test_a_persons_plate_is_read_against_the_standards_beside_it(tmp_path: Path) -> None:
    """A table of the reader, made of 2 mAU a uM on a plate of 50 mAU."""
    curve = {"A12": 400, "B12": 200, "C12": 100, "D12": 50, "E12": 25, "F12": 0}
    contents = curve | {"H12": 0, "A1": 150, "H11": 12}
    table = {well: 0.05 + 0.002 * content for well, content in contents.items()}
    lab, campaign_id = lab_of(tmp_path, campaign_of("phosphatase"))
    read_table(lab, campaign_id, 1, table, "", "ana", "reader")
    values = {w.well.name: w.value for w in lab.journal.state(campaign_id).rounds[0].wells}
    assert values["A1"] == pytest.approx(150)
    assert values["H11"] == pytest.approx(12)
    assert values["A2"] is None


def test_caffeine_is_the_peak_that_the_file_names_and_not_a_larger_one() -> None:
    """Two Gaussian peaks, whose areas are known: caffeine's at 247 s, a larger one at 400 s."""
    seconds = [0.5 * n for n in range(1441)]

    def absorbance(at: float) -> float:
        return 30 * exp(-(((at - 247) / 6) ** 2) / 2) + 90 * exp(-(((at - 400) / 6) ** 2) / 2) + 2

    lines = "\n".join(f"{at},{absorbance(at)}" for at in seconds)
    trace = read_trace_table(f"time [s],absorbance [mAU]\n{lines}\n", "a1.csv")
    (caffeine,) = campaign_of("caffeine_hplc").outcomes
    found = scorer_of(caffeine).score(Reading(well="A1", kind="trace", trace=trace))
    assert found.flags == ()
    assert found.value == pytest.approx(30 * 6 * sqrt(2 * pi), rel=0.005)


def test_the_smallest_file_of_the_reference_is_a_campaign() -> None:
    reference = (ROOT / "docs" / "reference" / "campaign-file.md").read_text(encoding="utf-8")
    block = reference[reference.index("    name: dye\n") :].split("\n\n")[0]
    places = plan_round(read_campaign(dedent(block), "dye"), 1, []).layout.placements
    assert len({place.proposal.condition for place in places}) == 6


def test_the_next_round_goes_where_the_lab_found_better_values(name: str) -> None:
    campaign, study = campaign_of(name), STUDIES[name]
    tried = [place.proposal.condition for place in first_wells(campaign)]
    results = read_history(table_of(study, tried), "table.csv", campaign, {})
    assert [result.condition for result in results] == tried
    proposed = next_conditions(campaign, results)
    assert all(study.permitted(condition.root) for condition in proposed)
    replicates = campaign.rounds.later.replicates
    assert set(Counter(proposed).values()) == {replicates}
    assert not set(proposed) & set(tried)

    def mean(conditions: list[Condition]) -> float:
        return sum(number(c.root, study.rises) for c in conditions) / len(conditions)

    assert mean(proposed) > mean(tried)
    assert mean(proposed) > study.middle
