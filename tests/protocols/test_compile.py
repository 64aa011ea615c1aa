from collections import Counter

import pytest
from hypothesis import given, settings

from protocols.campaign_file import read_campaign
from protocols.conditions import Condition
from protocols.jobs import Job
from protocols.operations import Detach, Dispense
from tests.builders import jobs_for
from tests.conftest import RPE_FILE
from tests.strategies import conditions

RPE = read_campaign(RPE_FILE.read_text())


def supplement_days(
    jobs: tuple[Job, ...], substance: str, plate: int = 1, well: str = "B2"
) -> list[tuple[int, float]]:
    return [
        (job.day, supplement.concentration)
        for job in jobs
        if job.plate == plate
        for operation in job.operations
        if isinstance(operation, Dispense) and operation.well == well
        for supplement in operation.supplements
        if supplement.substance == substance
    ]


@settings(max_examples=25)
@given(conditions(RPE.space))
def test_a_well_is_given_what_its_condition_says(condition: Condition) -> None:
    jobs = jobs_for(RPE, condition)
    period = int(condition["preconditioning_period"])
    inhibitor = supplement_days(jobs, "FGF-receptor inhibitor")
    assert inhibitor == [(day, condition["fgfri_concentration"]) for day in range(7 - period, 7)]
    serum = supplement_days(jobs, "serum replacement")
    assert [day for day, _ in serum] == [8 + day for day in range(int(condition["ksr_period"]))]
    factors = supplement_days(jobs, "three factors")
    assert [day for day, _ in factors] == [
        8 + day for day in range(int(condition["three_factor_period"]))
    ]
    (detach,) = [
        op
        for job in jobs
        if job.plate == 1
        for op in job.operations
        if isinstance(op, Detach) and op.well == "B2"
    ]
    assert detach.period_s == pytest.approx(60 * float(condition["detachment_period"]))
    assert detach.speed_mm_s == condition["detachment_speed"]
    assert detach.stroke == ("long" if condition["detachment_length"] else "short")


def test_there_is_one_job_for_each_step_occurrence_on_each_plate() -> None:
    jobs = jobs_for(RPE, RPE.space.standard({"detachment_period": 8.0}))
    assert Counter(job.step for job in jobs) == {
        "A": 8,
        "B": 48,
        "C": 8,
        "D": 152,
        "E": 40,
        "imaging": 8,
    }
    assert len({job.key for job in jobs}) == len(jobs)
    assert jobs[0].key == "rpe/r1/p1/A/1"
    assert jobs[-1].day == 36
    assert [job.due_at for job in jobs] == sorted(job.due_at for job in jobs)


def test_only_imaging_may_be_repeated() -> None:
    jobs = jobs_for(RPE, RPE.space.standard({"detachment_period": 8.0}))
    assert {job.step for job in jobs if job.repeatable} == {"imaging"}


def test_a_lost_well_gets_nothing_more() -> None:
    job = jobs_for(RPE, RPE.space.standard({"detachment_period": 8.0}))[0]
    assert job.without_wells(frozenset({"A1"})).wells == ("A2", "A3", "B1", "B2", "B3")
