"""Scheduling: the order of jobs on robots that breaks the fewest tolerances. Pure."""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import NamedTuple

from protocols.campaign_parts import RobotConfig
from protocols.instants import between, later
from protocols.jobs import Job
from protocols.timing import nominal_s

_EFFORTS = (5.0, 2.0)
"""The solver's limit for one cluster of jobs, in its own deterministic seconds.

The first is for the number of broken tolerances, the second for how much they are broken and how
long jobs wait.
"""

_SOON, _MOMENT = timedelta(hours=4), timedelta(seconds=1)
"""A task that follows another one within `_SOON` is scheduled together with it."""

_MANY = 30
"""Tasks of a cluster from which on the solver is told which plates are alike."""

Seconds = Mapping[tuple[str, str], float]
"""How long a job of a robot and step takes, where it is known."""


class Task(NamedTuple):
    """A job to be done: it may begin at `due`, must begin by `latest`, and takes `seconds`.

    The tasks of a `plate` follow each other in the order in which they are given. `latest` is None
    where it does not matter any more. Of a task that follows another one (`after`, a key), `due`
    and `latest` move with the end of that: it is due `wait` after it.
    """

    key: str
    plate: str
    robot: str
    due: datetime
    latest: datetime | None
    seconds: float
    after: str = ""
    wait: timedelta = timedelta(0)

    def due_at(self, due: datetime) -> "Task":
        """The same task, due at another time."""
        patience = None if self.latest is None else between(self.due, self.latest)
        return self._replace(due=due, latest=None if patience is None else later(due, patience))


class Unavailability(NamedTuple):
    """A span in which a robot does nothing."""

    robot: str
    begin: datetime
    end: datetime


class Start(NamedTuple):
    """When a job is to begin.

    `order_fixed`: not in earliest-due-first order, so what its robot does next is read again.
    `due`: when it is expected to be due, where that depends on the end of another one.
    """

    at: datetime
    order_fixed: bool
    due: datetime | None = None


class Slot(NamedTuple):
    """When a task begins and ends; `order_fixed`: the solver chose it."""

    task: Task
    begin: datetime
    end: datetime
    order_fixed: bool = False

    @property
    def late(self) -> timedelta:
        """By how much its tolerance is broken."""
        latest = self.task.latest
        return timedelta(0) if latest is None else max(self.begin - latest, timedelta(0))


def tasks_of(jobs: Iterable[Job], known: Seconds | None = None) -> list[Task]:
    """Jobs as tasks; how long one takes is as `known`, or nominal."""
    known = known or {}
    return [
        Task(
            key=job.key,
            plate=job.plate_id,
            robot=job.robot,
            due=job.due_at,
            latest=job.latest,
            seconds=known.get((job.robot, job.step), nominal_s(job.operations)),
            after=job.after,
            wait=timedelta(seconds=job.wait_s),
        )
        for job in jobs
    ]


def closed(
    robots: Mapping[str, RobotConfig], tasks: Sequence[Task], now: datetime
) -> list[Unavailability]:
    """The spans outside working hours (time zone of `now`) until all tasks are certainly done."""
    found = []
    for name, config in robots.items():
        own = [task for task in tasks if task.robot == name]
        if config.hours is not None and own:
            first, last = (
                bound(task.due for task in own).astimezone(now.tzinfo) for bound in (min, max)
            )
            # Two jobs that follow each other take more than half of a day's hours, or the robot
            # would have both.
            last += timedelta(
                weeks=2 + 2 * sum(task.seconds for task in own) // config.hours.week_s
            )
            found += [
                Unavailability(name, *span) for span in config.hours.closed(min(first, now), last)
            ]
    return found


def earliest_due_first(tasks: Sequence[Task], away: Sequence[Unavailability] = ()) -> list[Slot]:
    """Each robot takes what is due first; of tasks due together the first in `tasks`."""
    gaps = _gaps(away)
    free: dict[str, datetime] = {}
    ready: dict[str, datetime] = {}
    ends: dict[str, datetime] = {}
    chains: dict[str, deque[tuple[int, Task]]] = defaultdict(deque)
    for place, task in enumerate(tasks):
        chains[task.plate].append((place, task))
    heap: list[tuple[datetime, int, Task]] = []

    def offer(plate: str) -> None:
        """The next task of a plate, with the time at which it is due by now."""
        if chains[plate]:
            place, task = chains[plate].popleft()
            if task.after in ends:
                task = task.due_at(later(ends[task.after], task.wait))
            heappush(heap, (task.due, place, task))

    for plate in chains:
        offer(plate)
    slots = []
    while heap:
        _, _, task = heappop(heap)
        begin = max(filter(None, (task.due, free.get(task.robot), ready.get(task.plate))))
        length = timedelta(seconds=task.seconds)
        for gap in gaps.get(task.robot, ()):
            if begin < gap.end and begin + length > gap.begin:
                begin = gap.end
        end = free[task.robot] = ready[task.plate] = ends[task.key] = begin + length
        slots.append(Slot(task, begin, end))
        offer(task.plate)
    return slots


def schedule(tasks: Sequence[Task], away: Sequence[Unavailability] = ()) -> list[Slot]:
    """The earliest-due-first schedule, or a solver's where that breaks tolerances.

    Tasks that could never meet on a robot are looked at by themselves (clusters). Of one cluster
    first the number of broken tolerances is lowered, then by how much they are broken, then how
    long tasks wait. Where earliest-due-first keeps every tolerance, it stays: people know plates
    by their order. (CP-SAT of OR-tools.)

    Args:
        tasks: all that is still to be done; those of one plate in their order.
        away: when robots do nothing.

    Returns: a slot for each task, by begin. Never more broken tolerances than with
    earliest-due-first.
    """
    gaps = _gaps(away)
    slots: list[Slot] = []
    for cluster in _clusters(earliest_due_first(tasks, away)):
        slots += _solved(cluster, gaps) if any(slot.late for slot in cluster) else cluster
    return sorted(slots, key=lambda slot: slot.begin)


def first_starts(
    jobs: Iterable[Job], known: Seconds, robots: Mapping[str, RobotConfig], start: datetime
) -> dict[str, Start]:
    """When each job of a new round is to begin, within working hours; `start` has the zone."""
    tasks = tasks_of(jobs, known)
    return starts(schedule(tasks, closed(robots, tasks, start)))


def starts(slots: Iterable[Slot]) -> dict[str, Start]:
    """The schedule as the journal keeps it, by job key."""
    by_key = {slot.task.key: slot for slot in slots}
    return {
        key: Start(
            slot.begin, slot.order_fixed, slot.task.due if slot.task.after in by_key else None
        )
        for key, slot in by_key.items()
    }


def cost(slots: Iterable[Slot]) -> tuple[int, timedelta, timedelta]:
    """A schedule's criteria: broken tolerances, their total lateness, and the sum of waits."""
    slots = list(slots)
    waits = sum((slot.begin - slot.task.due for slot in slots), timedelta(0))
    return (
        sum(1 for slot in slots if slot.late),
        sum((slot.late for slot in slots), timedelta(0)),
        waits,
    )


def _gaps(away: Sequence[Unavailability]) -> dict[str, list[Unavailability]]:
    """By robot and begin; those that touch are one."""
    found: dict[str, list[Unavailability]] = defaultdict(list)
    for gap in sorted(away, key=lambda gap: gap.begin):
        own = found[gap.robot]
        if own and gap.begin <= own[-1].end:
            own[-1] = own[-1]._replace(end=max(own[-1].end, gap.end))
        else:
            own.append(gap)
    return found


def _clusters(slots: Sequence[Slot]) -> Iterator[list[Slot]]:
    """Runs of slots between which every robot is idle and nothing that is due waits."""
    cluster: list[Slot] = []
    busy_until: datetime | None = None
    # What is due soon after the end of another task moves with it.
    soon = {
        slot.task.after: slot.task.due
        for slot in slots
        if slot.task.after and slot.task.wait <= _SOON
    }
    for slot in sorted(slots, key=lambda slot: slot.task.due):
        if busy_until is not None and slot.task.due >= busy_until:
            yield cluster
            cluster, busy_until = [], None
        cluster.append(slot)
        end = max(slot.end, soon.get(slot.task.key, slot.end) + _MOMENT)
        busy_until = end if busy_until is None else max(busy_until, end)
    if cluster:
        yield cluster


def _alike(cluster: Sequence[Slot]) -> Iterator[tuple[int, int]]:
    """Pairs of positions in a cluster: the tasks of plates that only their names tell apart.

    Which of two such plates is first makes no difference; that it is fixed spares the solver most
    of its search.
    """
    plates: dict[str, list[int]] = defaultdict(list)
    for number, slot in enumerate(cluster):
        plates[slot.task.plate].append(number)
    before: dict[tuple[object, ...], list[int]] = {}
    for numbers in plates.values():
        tasks = [cluster[number].task for number in numbers]
        keys = [task.key for task in tasks]
        kind = tuple(
            (task.robot, task.seconds, task.wait, keys.index(task.after))
            if task.after in keys
            else (task.robot, task.seconds, task.due, task.latest)
            for task in tasks
        )
        if kind in before:
            yield from zip(before[kind], numbers, strict=True)
        before[kind] = numbers


def _solved(cluster: Sequence[Slot], gaps: Mapping[str, Sequence[Unavailability]]) -> list[Slot]:
    from ortools.sat.python import cp_model

    zero = min(slot.task.due for slot in cluster)

    def second(moment: datetime) -> int:
        return round((moment - zero).total_seconds())

    horizon = (
        max(second(slot.end) for slot in cluster)
        + round(sum(slot.task.seconds for slot in cluster))
        + 1
    )
    model = cp_model.CpModel()
    on_robot: dict[str, list[cp_model.IntervalVar]] = defaultdict(list)
    last: dict[str, cp_model.IntVar] = {}
    begins, broken, lateness, waits = [], [], [], []
    ends: dict[str, cp_model.IntVar] = {}
    for number, slot in enumerate(cluster):
        task = slot.task
        length = max(round(task.seconds), 1)
        due: cp_model.LinearExpr | int = second(task.due)
        earliest = second(task.due)
        if task.after in ends:
            due, earliest = ends[task.after] + round(task.wait.total_seconds()), 0
        begin = model.new_int_var(earliest, horizon, f"begin {number}")
        end = model.new_int_var(earliest + length, horizon + length, f"end {number}")
        ends[task.key] = end
        model.add(begin >= due)
        on_robot[task.robot].append(model.new_interval_var(begin, length, end, f"task {number}"))
        if task.plate in last:
            model.add(begin >= last[task.plate])
        last[task.plate] = end
        if task.latest is not None:
            late = model.new_bool_var(f"late {number}")
            by = model.new_int_var(0, horizon, f"late by {number}")
            patience = second(task.latest) - second(task.due)
            model.add(begin <= due + patience).only_enforce_if(~late)
            model.add(by >= begin - due - patience)
            broken.append(late)
            lateness.append(by)
        model.add_hint(begin, second(slot.begin))
        waits.append(begin - due)
        begins.append(begin)
    for robot, intervals in on_robot.items():
        for gap in gaps.get(robot, ()):
            begin_s, end_s = max(second(gap.begin), -1), min(second(gap.end), horizon + 1)
            if begin_s < end_s:
                intervals.append(
                    model.new_fixed_size_interval_var(begin_s, end_s - begin_s, "away")
                )
    for intervals in on_robot.values():
        model.add_no_overlap(intervals)
    if len(cluster) > _MANY:
        for first, second_ in _alike(cluster):
            model.add(begins[first] <= begins[second_])
    found = list(cluster)
    # A second of lateness weighs as much as one of waiting for each task of the cluster.
    for effort, goal in zip(
        _EFFORTS, (sum(broken), sum(lateness) * len(cluster) + sum(waits)), strict=True
    ):
        model.minimize(goal)
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 1
        solver.parameters.max_deterministic_time = effort
        if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            break
        found = _placed(
            cluster, [zero + timedelta(seconds=solver.value(begin)) for begin in begins]
        )
        model.add(sum(broken) <= round(solver.value(sum(broken))))
        model.clear_hints()  # type: ignore[no-untyped-call]
        for begin in begins:
            model.add_hint(begin, solver.value(begin))
    return min(list(cluster), found, key=cost)


def _placed(cluster: Sequence[Slot], begins: Sequence[datetime]) -> list[Slot]:
    """The tasks of a cluster at the times that the solver chose."""
    ends: dict[str, datetime] = {}
    found = []
    for slot, begin in zip(cluster, begins, strict=True):
        task, end = slot.task, begin + timedelta(seconds=slot.task.seconds)
        if task.after in ends:
            task = task.due_at(later(ends[task.after], task.wait))
        ends[task.key] = end
        found.append(Slot(task, begin, end, order_fixed=True))
    return found
