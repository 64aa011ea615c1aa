"""Checklists over HTTP: the open jobs of people, and the items of one.

What people do with them are acts: see `control.checklists`.
"""

from fastapi import APIRouter

from orchestrator.service.authentication import Operator, TheBackend, Viewer
from orchestrator.service.checklists import checklist_of, numbers_of_table, open_checklists
from orchestrator.service.problems import ACTING, READING, answers
from orchestrator.service.requests import JobName, RobotName
from orchestrator.service.schema import (
    ChecklistSummary,
    ChecklistView,
    NumbersOfItems,
    TableOfNumbers,
)

checklists = APIRouter(prefix="/checklists", tags=["checklists"])


@checklists.get("", responses=answers(401, 503))
def list_checklists(backend: TheBackend, viewer: Viewer) -> list[ChecklistSummary]:
    """The open jobs of all people, by when they are due."""
    return open_checklists(backend, viewer)


@checklists.get("/{robot}", responses=READING)
def list_checklists_of(
    backend: TheBackend, viewer: Viewer, robot: RobotName
) -> list[ChecklistSummary]:
    """The open jobs of one person, by when they are due."""
    return open_checklists(backend, viewer, robot)


@checklists.get("/{robot}/{job:path}", responses=READING)
def get_checklist(
    backend: TheBackend, viewer: Viewer, robot: RobotName, job: JobName
) -> ChecklistView:
    """The checklist of a job: every item, who did it, and what is left."""
    return checklist_of(backend, robot, job)


@checklists.post("/{robot}/{job:path}/table", responses=ACTING)
def read_table_for_items(
    backend: TheBackend, who: Operator, robot: RobotName, job: JobName, body: TableOfNumbers
) -> NumbersOfItems:
    """See which item would get which number of a table; nothing is kept."""
    return numbers_of_table(backend, robot, job, body.table, body.block)
