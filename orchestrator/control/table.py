"""The table of acts: routes, client, commands, dialogs and the reference follow from it."""

from orchestrator.control.act import Act
from orchestrator.control.campaigns import Abort, Pause, Resume, SetRounds
from orchestrator.control.changes import (
    AddCondition,
    AddLevel,
    ChangeCampaign,
    FixNext,
    SetRange,
)
from orchestrator.control.checklists import (
    ConfirmItems,
    GiveFile,
    GiveNumbers,
    TakeBackItems,
    WellWentWrong,
)
from orchestrator.control.filing import Archive, FileUnder, Unarchive
from orchestrator.control.handover import HandOver
from orchestrator.control.jobs import Decide
from orchestrator.control.proposals import Approve, EditProposal
from orchestrator.control.rescoring import Rescore
from orchestrator.control.robots import SetRobotAddress
from orchestrator.control.suggestions import DeclineSuggestion, Suggest
from orchestrator.control.wells import CorrectWell, EnterValues, ReadTable, Requeue

ACTS: list[type[Act]] = [
    Pause,
    Resume,
    Approve,
    EditProposal,
    Decide,
    ConfirmItems,
    GiveNumbers,
    GiveFile,
    WellWentWrong,
    TakeBackItems,
    CorrectWell,
    EnterValues,
    ReadTable,
    Requeue,
    HandOver,
    SetRobotAddress,
    SetRounds,
    FixNext,
    AddCondition,
    SetRange,
    AddLevel,
    ChangeCampaign,
    Rescore,
    Abort,
    Suggest,
    DeclineSuggestion,
    FileUnder,
    Archive,
    Unarchive,
]
