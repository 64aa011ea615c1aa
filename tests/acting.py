"""Acts of operators on a lab's journal, in the words of tests."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.control import stop
from orchestrator.control.act import Act, perform
from orchestrator.control.campaigns import Abort, Pause, Resume, SetRounds
from orchestrator.control.handover import HandOver
from orchestrator.control.jobs import Decide
from orchestrator.control.proposals import Approve, EditProposal
from orchestrator.control.rescoring import Rescore, Rescored
from orchestrator.control.wells import CorrectWell, ReadTable, Requeue
from orchestrator.core.by import By
from orchestrator.core.state import Decision
from orchestrator.lab.lab import Lab
from protocols.addresses import JobAddress, WellAddress, WellPlace
from protocols.conditions import Condition
from protocols.scoring import Score


def place(round_number: int, plate: int, well: str) -> WellPlace:
    return WellPlace(round=round_number, plate=plate, well=well)


def do(lab: Lab, campaign_id: str, who: str, act: Act) -> Any:
    return perform(lab, campaign_id, act, who)


def pause(lab: Lab, campaign_id: str, who: str, why: str) -> None:
    do(lab, campaign_id, who, Pause(why=why))


def resume(lab: Lab, campaign_id: str, who: str, why: str) -> None:
    do(lab, campaign_id, who, Resume(why=why))


def abort(lab: Lab, campaign_id: str, who: str, why: str) -> None:
    do(lab, campaign_id, who, Abort(why=why))


def set_rounds(lab: Lab, campaign_id: str, rounds: int, who: str, why: str) -> None:
    do(lab, campaign_id, who, SetRounds(rounds=rounds, why=why))


def approve(lab: Lab, campaign_id: str, who: str, why: str) -> int:
    return int(do(lab, campaign_id, who, Approve(why=why)))


def edit_proposal(
    lab: Lab, campaign_id: str, well: WellPlace, values: Mapping[str, Any], who: str, why: str
) -> Condition:
    found = do(lab, campaign_id, who, EditProposal(place=well, values=dict(values), why=why))
    assert isinstance(found, Condition)
    return found


def leave_empty(lab: Lab, campaign_id: str, well: WellPlace, who: str, why: str) -> None:
    do(lab, campaign_id, who, EditProposal(place=well, leave_empty=True, why=why))


def requeue(
    lab: Lab, campaign_id: str, wells: Sequence[WellPlace], who: str, why: str
) -> list[WellAddress]:
    found: list[WellAddress] = do(lab, campaign_id, who, Requeue(wells=tuple(wells), why=why))
    return found


def correct_wells(
    lab: Lab, campaign_id: str, values: Mapping[WellPlace, float | None], who: str, why: str
) -> None:
    for well, value in values.items():
        do(lab, campaign_id, who, CorrectWell(place=well, value=value, why=why))


def decide(
    lab: Lab, job: str, decision: Decision, who: str, why: str, failed_wells: Sequence[str] = ()
) -> None:
    do(
        lab,
        JobAddress.parse(job).campaign,
        who,
        Decide(job=job, decision=decision, failed_wells=tuple(failed_wells), why=why),
    )


def hand_over(lab: Lab, campaign_id: str, robot: str, to: str, who: str, why: str) -> list[int]:
    found: list[int] = do(lab, campaign_id, who, HandOver(robot=robot, to=to, why=why))
    return found


def read_table(
    lab: Lab,
    campaign_id: str,
    plate: int,
    numbers: Mapping[str, float],
    unit: str,
    who: str,
    why: str,
) -> dict[str, Score]:
    table = "well,value\n" + "".join(f"{well},{number}\n" for well, number in numbers.items())
    act = ReadTable(table=table, round_number=1, plate=plate, unit=unit, why=why)
    found: dict[str, Score] = do(lab, campaign_id, who, act)
    return found


def rescore(lab: Lab, campaign_id: str, who: str, why: str) -> Rescored:
    found = do(lab, campaign_id, who, Rescore(why=why))
    assert isinstance(found, Rescored)
    return found


def stop_now(lab: Lab, campaign_id: str, who: str, why: str) -> dict[str, str]:
    return asyncio.run(stop.stop_now(lab, campaign_id, By(who, why)))
