"""What the devices' own log says of a campaign: done twice, never done, doubted without need."""

from collections import Counter
from dataclasses import dataclass, field

from drivers.base import KeyMemory
from orchestrator.core.events import EventKind
from orchestrator.journal.journal import Journal
from orchestrator.settings import Settings
from protocols.jobs import Job
from tests.system.device_lab import Devices, base


@dataclass
class Verdict:
    """What was counted over many runs of a scenario."""

    runs: int = 0
    struck: int = 0
    duplicates: int = 0
    never_done: int = 0
    doubts: int = 0
    false_doubts: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def harm(self) -> bool:
        """Whether anything is wrong."""
        counts = (self.duplicates, self.never_done, self.false_doubts)
        return bool(any(counts) or self.problems or not self.struck)

    def __str__(self) -> str:
        return (
            f"{self.runs:4} runs, {self.struck:4} struck, duplicates {self.duplicates}, never done "
            f"{self.never_done}, doubts {self.doubts}, of these false {self.false_doubts}, "
            f"other problems {len(self.problems)}"
        )


def judge(
    found: Devices,
    settings: Settings,
    campaign_id: str,
    memory: KeyMemory,
    verdict: Verdict,
    forgot: bool = False,
) -> None:
    """Hold the devices' log against what must be true of a campaign that is over.

    Args:
        found: the devices, with their log.
        settings: where the journal is.
        campaign_id: the campaign.
        memory: what its robots can say about a key.
        verdict: what is counted.
        forgot: whether nobody but a person could know what had been done.
    """
    journal = Journal(settings.journal_url)
    entries = found.entries()
    heard = {base(entry["heard"]) for entry in entries if "heard" in entry}
    done = Counter(
        (base(entry["key"]), str(sorted(entry["did"].items())))
        for entry in entries
        if "did" in entry and entry["did"]["kind"] != "measure"
    )
    state = journal.state(campaign_id)
    if state.status != "finished":
        verdict.problems.append(f"{campaign_id} is {state.status}: {state.reason}")
    for (key, what), times in done.items():
        if key.startswith(f"{campaign_id}/") and times > 1:
            verdict.duplicates += times - 1
            verdict.problems.append(f"{times} times: {key} {what}")
    doubts = journal.events(campaign_id, kinds=[EventKind.JOB_IN_DOUBT])
    verdict.doubts += len(doubts)
    for doubt in doubts:
        key = doubt.subject
        if not forgot and _needless(memory, key in heard, journal.job(key)[0], doubt.message):
            verdict.false_doubts += 1
            verdict.problems.append(f"doubt: {doubt.subject}: {doubt.message}")
    lost = {
        f"{campaign_id}/r{batch.number}/p{well.well.plate}/{well.well.name}"
        for batch in state.rounds
        for well in batch.wells
        if well.lost
    }
    for job_state in journal.jobs(campaign_id, 1):
        job, _ = journal.job(job_state.key)
        for operation in job.operations:
            if f"{job.plate_id}/{operation.well_name}" in lost or operation.repeatable:
                continue
            what = str(sorted(operation.model_dump(mode="json").items()))
            if (job_state.key, what) not in done:
                verdict.never_done += 1
                verdict.problems.append(f"never: {job_state.key} {what}")
    for batch in state.rounds:
        missing = [well.well.name for well in batch.wells if not well.lost and well.value is None]
        if missing:
            verdict.problems.append(f"{campaign_id}: nothing was read of {', '.join(missing)}")
    journal.close()
    verdict.runs += 1


def _needless(memory: KeyMemory, heard: bool, job: Job, message: str) -> bool:
    """Whether a doubt could have been spared, given what the robot can say."""
    if job.repeatable:
        return False  # Nobody is asked: it is done once more.
    if memory is KeyMemory.REMEMBERS_KEYS:
        return True
    # What its driver had begun by its own book may have reached it.
    under_way = "was under way" in message
    return memory is KeyMemory.KNOWS_WHAT_IT_NEVER_GOT and not (heard or under_way)
