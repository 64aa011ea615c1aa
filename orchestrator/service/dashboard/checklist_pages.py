"""The pages on which people work: their open jobs, and the checklist of one."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from orchestrator.languages import gettext, in_words, instruction
from orchestrator.service.authentication import TheBackend, Viewer
from orchestrator.service.checklists import checklist_of, open_checklists
from orchestrator.service.dashboard.rendering import page, rendered, what_of
from orchestrator.service.requests import JobName, RobotName
from orchestrator.service.schema import ItemView

checklist_pages = APIRouter(include_in_schema=False)

_OPEN = "\N{HORIZONTAL ELLIPSIS}"


class Group(NamedTuple):
    """Items that belong together on the page: one operation on several wells, or all of a well."""

    title: str
    items: list[ItemView]

    @property
    def over(self) -> int:
        """How many of them need nothing more."""
        return sum(item.done or bool(item.not_needed) for item in self.items)

    @property
    def left(self) -> list[int]:
        """The items that only have to be confirmed."""
        return [item.number for item in self._open if item.reads is None]

    @property
    def asks_number(self) -> bool:
        """Whether a number may be given for one of them, or corrected."""
        return any(item.reads == "number" and not item.not_needed for item in self.items)

    @property
    def waits_for_number(self) -> bool:
        """Whether a number is missing for one of them."""
        return any(item.reads == "number" for item in self._open)

    @property
    def _open(self) -> list[ItemView]:
        return [item for item in self.items if not item.done and not item.not_needed]


@checklist_pages.get("/checklists")
def checklists(request: Request, backend: TheBackend, who: Viewer) -> Response:
    """The open jobs of all people, by person."""
    found = sorted(open_checklists(backend, who), key=lambda one: one.robot)
    people = [(name, list(jobs)) for name, jobs in groupby(found, lambda one: one.robot)]
    content = rendered("checklists.html", people=people)
    last = backend.journal.last_event()
    return page(
        request, who, gettext("Checklists"), content, live="*", last=last, here="checklists"
    )


@checklist_pages.get("/checklists/{robot}/{job:path}")
def checklist(
    request: Request,
    backend: TheBackend,
    who: Viewer,
    robot: RobotName,
    job: JobName,
    by: Annotated[Literal["operation", "well"], Query()] = "operation",
) -> Response:
    """The checklist of one job."""
    last = backend.journal.last_event()
    found = checklist_of(backend, robot, job)
    groups = list(by_well(found.entries) if by == "well" else by_operation(found.entries))
    content = rendered("checklist.html", checklist=found, groups=groups, by=by)
    return page(
        request,
        who,
        gettext("{step}, plate {plate}", step=found.step_title, plate=found.plate),
        content,
        live=found.campaign,
        last=last,
        here="checklists",
    )


def by_operation(items: Sequence[ItemView]) -> Iterator[Group]:
    """Items in their order; a new group where the operation is another, or a well comes again."""
    group: list[ItemView] = []
    for item in items:
        again = item.well is None or item.well in {one.well for one in group}
        if group and (again or item.kind != group[0].kind):
            yield Group(_title(group), group)
            group = []
        group.append(item)
    if group:
        yield Group(_title(group), group)


def by_well(items: Sequence[ItemView]) -> Iterator[Group]:
    """All items of each well, and first those of the whole plate."""
    for well in dict.fromkeys(item.well for item in sorted(items, key=lambda one: one.well or "")):
        yield Group(well or gettext("Whole plate"), [item for item in items if item.well == well])


def _title(items: Sequence[ItemView]) -> str:
    """What is done in all of these wells, in words; what differs between them is left open."""
    texts = [what_of(item).split() for item in items]
    if len({len(words) for words in texts}) > 1:
        return _capital(in_words(items[0].kind))
    columns = (set(column) for column in zip(*texts, strict=True))
    text = " ".join(column.pop() if len(column) == 1 else _OPEN for column in columns)
    return _capital(instruction(text))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
