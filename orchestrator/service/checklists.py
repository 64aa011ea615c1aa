"""Queries about the checklists of people: which are open, and the items of one."""

from collections.abc import Iterator
from contextlib import contextmanager

from drivers.checklist import Checklist, Item, Said, book_path
from orchestrator.control.checklists import expected_unit
from orchestrator.core.state import IN_FLIGHT, CampaignState
from orchestrator.errors import Missing
from orchestrator.journal import queries
from orchestrator.journal.access_tokens import Identity
from orchestrator.journal.attention import at_work
from orchestrator.lab.provenance import is_person, is_simulated
from orchestrator.languages import in_words
from orchestrator.service.backend import Backend
from orchestrator.service.lookup import open_campaigns
from orchestrator.service.schema import (
    ChecklistSummary,
    ChecklistView,
    ItemView,
    NumbersOfItems,
    SaidView,
)
from protocols.addresses import JobAddress, parse_address
from protocols.blocks import label_on_plate
from protocols.errors import InvalidInput, Problem
from protocols.jobs import Job, JobReport
from protocols.plate_table import read_plate_table


def open_checklists(
    backend: Backend, who: Identity, robot: str | None = None
) -> list[ChecklistSummary]:
    """The open jobs of all people, or of one, that somebody may see, by when they are due."""
    found: list[ChecklistSummary] = []
    for state in open_campaigns(backend, who, at_work(backend.journal)):
        for name, config in state.campaign.robots.items():
            if robot not in (None, name) or not is_person(config):
                continue
            rows = queries.jobs(backend.journal, state.id, robot=name, states=IN_FLIGHT)
            keys = {backend.journal.job(row.key)[0].key: row.key for _, row in rows}
            with _opened(backend, name) as checklist:
                jobs = [] if checklist is None else checklist.open_jobs()
                found += [
                    _summary(backend, state, name, keys[job.key], job, checklist.items(job), report)
                    for job, report in jobs
                    if checklist is not None and job.key in keys
                ]
    return sorted(found, key=lambda one: (one.due_at, one.job))


def checklist_of(backend: Backend, robot: str, key: str) -> ChecklistView:
    """The checklist of a job, by the name that the journal has for it.

    Raises:
        Missing: there is no such job, or this person never had it.
    """
    state, waiting, row_robot = _job(backend, key)
    with _opened(backend, robot) as checklist:
        report = None if checklist is None else checklist.report(waiting.key)
        if checklist is None or report is None or row_robot != robot:
            raise Missing(f"{robot} has no checklist of {key} (it is with {row_robot})")
        job = next((job for job, _ in checklist.open_jobs() if job.key == waiting.key), waiting)
        over = _over(state, report, backend)
        items = [] if over else checklist.items(job)
        wrong = {} if over else checklist.failed_by(waiting.key)
    zone, failed = backend.settings.zone, report.failed_wells

    def said(one: Said | None) -> SaidView | None:
        if one is None:
            return None
        return SaidView(who=one.who, at=one.at.astimezone(zone), what=one.what)

    entries = [
        ItemView(
            number=item.number,
            words=item.words,
            kind=item.operation.kind,
            well=item.operation.well_name,
            reads=item.operation.reads,
            done=item.done,
            said=said(item.said) if item.done else None,
            not_needed="" if item.done else failed.get(item.operation.well_name or "", ""),
        )
        for item in items
    ]
    summary = _summary(backend, state, robot, key, job, items, report)
    return ChecklistView(
        **summary.model_dump(),
        over=over,
        unit=expected_unit(state.campaign, job.step),
        blocks={
            covariate.title or in_words(covariate.name): label
            for covariate in state.campaign.covariates
            if (label := label_on_plate(covariate, job.plate))
        },
        wells=list(job.wells),
        went_wrong={
            well: SaidView(
                who=wrong[well].who if well in wrong else "",
                at=(wrong[well].at if well in wrong else job.due_at).astimezone(zone),
                what=why,
            )
            for well, why in failed.items()
        },
        entries=entries,
    )


def numbers_of_table(
    backend: Backend, robot: str, key: str, table: str, block: str
) -> NumbersOfItems:
    """Which open item of a job gets which number of a table of wells; nothing is kept.

    Of several items that read a number of one well, the first that is open gets it.

    Raises:
        InvalidInput: the table cannot be read, or no item reads a well of it.
    """
    found = checklist_of(backend, robot, key)
    numbers = read_plate_table(table, "table", block)
    items: dict[str, int] = {}
    for entry in found.entries:
        if entry.reads == "number" and entry.well and not entry.done and not entry.not_needed:
            items.setdefault(entry.well, entry.number)
    given = {items[well]: number for well, number in numbers.items() if well in items}
    if not given:
        raise InvalidInput(
            [
                Problem(
                    key="table",
                    message=f"no item that is left reads {', '.join(numbers)}",
                    expected=f"a number of {', '.join(items) or 'no well: all are given'}",
                )
            ]
        )
    return NumbersOfItems(
        numbers=given,
        wells={number: well for well, number in items.items() if number in given},
        left_out=[well for well in numbers if well not in items],
    )


@contextmanager
def _opened(backend: Backend, robot: str) -> Iterator[Checklist | None]:
    """The job book of a person; None if they never had a job."""
    if not book_path(backend.settings.home, robot).is_file():
        yield None
        return
    checklist = Checklist(backend.settings.home, robot)
    try:
        yield checklist
    finally:
        checklist.close()


def _job(backend: Backend, key: str) -> tuple[CampaignState, Job, str]:
    address = parse_address(key)
    if not isinstance(address, JobAddress):
        raise Missing(f"there is no job {key!r}")
    _, state = backend.state(address.campaign)
    job, found = backend.journal.job(key)
    return state, job, found.robot


def _over(state: CampaignState, report: JobReport, backend: Backend) -> str:
    """How a job ended that is not to be worked on any more; nothing if it is open."""
    if report.state != "running":
        at = report.ended_at
        when = "" if at is None else f" since {at.astimezone(backend.settings.zone):%H:%M}"
        return f"{report.state}{when}" + (f": {report.message}" if report.message else "")
    return f"its campaign is {state.status}" if state.status.over else ""


def _summary(
    backend: Backend,
    state: CampaignState,
    robot: str,
    key: str,
    job: Job,
    items: list[Item],
    report: JobReport,
) -> ChecklistSummary:
    zone, config = backend.settings.zone, state.campaign.robots[robot]
    step = next(step for step in state.campaign.protocol.steps if step.name == job.step)
    now, until = backend.acting(state.id).clock.now(), job.latest
    done = sum(item.done or item.operation.well_name in report.failed_wells for item in items)
    return ChecklistSummary(
        robot=robot,
        person=str(config.options.get("person") or robot),
        simulated=is_simulated(config),
        campaign=state.id,
        title=state.campaign.title or state.campaign.name,
        job=key,
        round=job.round,
        plate=job.plate,
        plate_id=job.plate_id,
        labware=job.labware,
        step=job.step,
        step_title=step.title or job.step,
        due_at=job.due_at.astimezone(zone),
        until=until.astimezone(zone),
        when="later" if now < job.due_at else "due" if now <= until else "late",
        items=len(items),
        done=done,
    )
