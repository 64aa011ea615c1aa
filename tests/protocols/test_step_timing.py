"""When steps occur: after each other, again and again, until a state; what is wrong is said."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.errors import InvalidInput
from protocols.jobs import Job
from protocols.step_timing import Until
from tests.builders import jobs_for
from tests.conftest import ROOT

PASSAGE = (ROOT / "examples" / "passage" / "campaign.yaml").read_text()
BERLIN = ZoneInfo("Europe/Berlin")
STEPS = """
    - name: react
      robot: arm
      days: 0
      at: 10:00
      operations: [{do: dispense, liquid: cells, volume: {parameter: seeding_volume}}]
    - name: sample
      robot: camera
      after: {step: react, wait: 5 min}
      every: 10 min
      for: 1 hour
      operations: [{do: image}]
    - name: feed
      robot: arm
      after: {step: sample, wait: 2 min, tolerance: 30 s}
      operations:
        - do: dispense
          liquid: base
          volume: 50 uL
          supplements: [{substance: growth factor, concentration: {parameter: growth_factor}}]
"""


def _with_steps(steps: str) -> str:
    head, rest = PASSAGE.split("  steps:\n", 1)
    tail = rest[rest.index("\nplates:") :]
    head = head.replace("start: now\n", "").replace("step: seed\n", "step: react\n")
    text = head + "  steps:" + steps + tail
    begin, end = text.index("outcomes:"), text.index("parameters:")
    return text[:begin] + "objective: {name: coloured_cell_ratio}\n" + text[end:]


def _standard_jobs(campaign: Campaign, start: datetime) -> list[Job]:
    return list(jobs_for(campaign, campaign.space.standard({}), start))


def _of(jobs: list[Job], step: str, plate: int = 1) -> list[Job]:
    return [job for job in jobs if job.step == step and job.plate == plate]


def _problems(text: str) -> str:
    with pytest.raises(InvalidInput) as refused:
        read_campaign(text)
    return str(refused.value)


def test_a_step_follows_another_and_is_repeated_within_the_day() -> None:
    campaign = read_campaign(_with_steps(STEPS))
    jobs = _standard_jobs(campaign, datetime(2026, 3, 2, 6, tzinfo=UTC))
    (react,) = _of(jobs, "react")
    assert react.due_at == datetime(2026, 3, 2, 10, tzinfo=UTC)
    # Six wells of 6 s each, then five minutes, then every ten for an hour: seven times.
    ended = react.due_at + timedelta(seconds=36)
    samples = _of(jobs, "sample")
    assert [job.due_at for job in samples] == [
        ended + timedelta(minutes=5 + 10 * number) for number in range(7)
    ]
    assert [job.occurrence for job in samples] == list(range(1, 8))
    assert {job.after for job in samples} == {react.key}
    assert samples[0].tolerance_s == 600, "not later than its next time"
    (feed,) = _of(jobs, "feed")
    assert feed.after == samples[-1].key
    assert (feed.wait_s, feed.tolerance_s) == (120, 30)
    assert [job.key for job in jobs if job.followed] == [
        f"passage/r1/p{plate}/{step}" for step in ("react/1", "sample/7") for plate in (1, 2, 3, 4)
    ]
    assert [job.due_at for job in jobs] == sorted(job.due_at for job in jobs)


def test_waits_are_of_time_that_passes_where_the_hour_changes() -> None:
    steps = STEPS.replace("10:00", "1:30").replace("wait: 5 min", "wait: 1 hour")
    start = datetime(2026, 3, 29, 0, tzinfo=BERLIN)  # At 2:00 it is 3:00.
    jobs = _standard_jobs(read_campaign(_with_steps(steps)), start)
    (react,) = _of(jobs, "react")
    first = _of(jobs, "sample")[0]
    passed = first.due_at.astimezone(UTC) - react.due_at.astimezone(UTC)
    assert passed == timedelta(hours=1, seconds=36)
    assert f"{first.due_at:%H:%M}" == "03:30"


def test_rounds_that_start_at_once_begin_at_any_time_of_day() -> None:
    campaign = read_campaign(PASSAGE)
    start = datetime(2026, 3, 2, 16, 47, tzinfo=UTC)
    jobs = _standard_jobs(campaign, start)
    assert {job.due_at for job in jobs if job.step == "seed"} == {start}
    looks = _of(jobs, "look")
    assert len(looks) == 15
    assert looks[1].due_at - looks[0].due_at == timedelta(hours=12)
    assert campaign.protocol.last_day == 9


def test_a_campaign_with_days_alone_is_as_it_was(rpe: Campaign) -> None:
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    jobs = list(jobs_for(rpe, rpe.space.standard({"detachment_period": 8.0}), start))
    assert not any(job.after or job.followed or job.wait_s for job in jobs)
    assert all((job.due_at - start).days == job.day and job.due_at.hour == 9 for job in jobs)
    assert {job.tolerance_s for job in jobs if job.step == "D"} == {6 * 3600}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{step: react, wait: 5 min}", "{step: reakt}", "'reakt' is not a step above step sample"),
        ("{step: react, wait: 5 min}", "{step: feed}", "'feed' is not a step above step sample"),
        ("      for: 1 hour\n", "", "for: missing"),
        ("every: 10 min", "every: 0 s", "every: is no time"),
        ("every: 10 min", "every: 1 ms", "the step would come 3600001 times"),
        ("      days: 0\n", "", "days: missing"),
        ("after: {step: react, wait: 5 min}", "after: {step: react}\n      days: 0", "not both"),
        ("      every: 10 min", "      at: 9:00\n      every: 10 min", "has no time of day"),
    ],
)
def test_what_is_wrong_with_times_is_said(old: str, new: str, said: str) -> None:
    assert old in STEPS
    assert said in _problems(_with_steps(STEPS.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("outcome: confluence, at", "outcome: konfluence, at", "confluence? one of"),
        ("outcome: confluence, at", "outcome: recovery, at", "is read in step read, not in"),
        ("at_least: 0.8, ", "", "needs either at_least or falls_to"),
        ("every 12 hour", "every 9 day", "7 day is less than from one look to the next"),
        ("      days: 0\n", "      days: 0\n      at: 10:00\n", "day 0 begins when the round"),
    ],
)
def test_what_is_wrong_with_states_is_said(old: str, new: str, said: str) -> None:
    assert old in PASSAGE
    assert said in _problems(PASSAGE.replace(old, new, 1))


@given(st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=12), st.floats(0.01, 0.99))
def test_a_state_is_reached_as_its_words_say(values: list[float | None], bound: float) -> None:
    def reached(wells: str, **what: float) -> bool:
        given = {"outcome": "x", "check": "1 hour", "at_most": "1 day", "wells": wells, **what}
        return Until.model_validate(given).reached(values)

    trusted = [value for value in values if value is not None]
    above = [value >= bound for value in trusted]
    assert reached("any", at_least=bound) == any(above)
    assert reached("all", at_least=bound) == (len(above) == len(values) and all(above))
    mean = sum(trusted) / len(trusted) if trusted else -1.0
    if abs(mean - bound) > 1e-9:
        assert reached("mean", at_least=bound) == (mean >= bound)
    if trusted:
        assert reached("any", falls_to=bound) == (min(trusted) <= bound)
