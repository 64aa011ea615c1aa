"""The console: tables of rounds, wells and problems, and the live view of a campaign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from statistics import fmean, median
from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from orchestrator.core.state import CampaignState, Outage, RoundState
from orchestrator.journal.tables import EventRow
from protocols.layout import Layout
from protocols.number_words import counted
from protocols.scale import Scale, probability_text

if TYPE_CHECKING:
    # Torch takes seconds to import, which no command should wait for that does not need it.
    from protocols.recommendations import FrontPoint, Recommendation


def rounds_table(state: CampaignState) -> Table:
    """A row a round: wells, mean, median, best, standard or controls."""
    objective, scale = state.campaign.objective, state.campaign.outcome.scale
    caption = "" if scale.is_ratio else f"Values: {scale.described}, {objective.words(scale)}."
    table = Table(
        title=f"{state.campaign.title or state.id}", caption=caption, caption_justify="left"
    )
    for name in ("round", "wells", "mean", "median", objective.extreme, "standard", "controls"):
        table.add_column(name, justify="right")
    for batch in state.rounds:
        values = [o.value for o in batch.observations if o.usable and o.value is not None]
        numbers = [
            scale.number(f(values)) if values else "-" for f in (fmean, median, objective.best)
        ]
        table.add_row(
            str(batch.number),
            _well_count(batch),
            *numbers,
            _role_values(batch, "standard", scale),
            _role_values(batch, "control", scale),
        )
    return table


def _well_count(batch: RoundState) -> str:
    lost = sum(bool(well.lost) for well in batch.wells)
    flagged = sum(bool(well.flags) for well in batch.wells if not well.lost)
    notes = [f"{lost} lost"] * bool(lost) + [f"{flagged} flagged"] * bool(flagged)
    return f"{len(batch.wells)}" + (f" ({', '.join(notes)})" if notes else "")


def _role_values(batch: RoundState, role: str, scale: Scale) -> str:
    wells = [well for well in batch.wells if well.proposal.role == role]
    return " ".join("-" if well.lost else scale.number(well.value) for well in wells) or "-"


def condition_table(state: CampaignState, best: Recommendation) -> Table:
    """The recommended condition with its prediction, next to the standard one."""
    scale = state.campaign.outcome.scale
    predicted = scale.with_sd(best.mean, best.sd)
    what = "Recommended" if best.likely_feasible else "Likeliest"
    title = f"{what} condition: predicted {predicted} {scale.unit}".rstrip()
    notes = ["Tried." if best.tried else "Not tried yet: measure it before you rely on it."]
    if best.beats_standard is not None:
        notes.append(
            f"Better than the standard with probability {probability_text(best.beats_standard)}."
        )
    if not best.likely_feasible:
        from orchestrator.results.conclusions import likely_broken

        notes.insert(0, likely_broken(state, best))
    elif state.campaign.outcome_constraints:
        met = probability_text(best.feasible)
        notes.append(f"It meets the constraints on outcomes with probability {met}.")
    table = Table(title=title, caption=" ".join(notes), caption_justify="left")
    for name in ("parameter", "step", what.lower(), "standard", "unit"):
        right = name in (what.lower(), "standard")
        table.add_column(name, justify="right" if right else "left")
    for parameter in state.campaign.parameters:
        none = "-" if parameter.decided_by_well is None else "set by the well"
        standard = none if parameter.standard is None else _shown(parameter.standard)
        table.add_row(
            parameter.title or parameter.name,
            parameter.step,
            _shown(best.condition.root.get(parameter.name)),
            standard,
            parameter.unit,
        )
    return table


def front_table(state: CampaignState, front: Sequence[FrontPoint]) -> Table:
    """The conditions that none beats in every objective, with their predictions."""
    campaign = state.campaign
    by_name = {outcome.name: outcome for outcome in campaign.outcomes}
    table = Table(
        title="Conditions that no other beats in every objective, as predicted",
        caption="No condition is the best of all: choose by what matters more.",
        caption_justify="left",
    )
    for parameter in campaign.parameters:
        unit = f" ({parameter.unit})" if parameter.unit else ""
        table.add_column(f"{parameter.title or parameter.name}{unit}", justify="right")
    for wanted in campaign.objectives:
        table.add_column(by_name[wanted.outcome].scale.label, justify="right")
    if campaign.outcome_constraints:
        table.add_column("meets constraints", justify="right")
    table.add_column("tried")
    for point in front:
        outcomes = [
            scale.with_sd(mean, sd)
            for scale, mean, sd in zip(
                (by_name[wanted.outcome].scale for wanted in campaign.objectives),
                point.means,
                point.sds,
                strict=True,
            )
        ]
        met = [probability_text(point.feasible)] if campaign.outcome_constraints else []
        values = [
            _shown(point.condition.root.get(parameter.name)) for parameter in campaign.parameters
        ]
        table.add_row(*values, *outcomes, *met, "yes" if point.tried else "no")
    for column in table.columns:
        column.overflow = "fold"  # a number goes on below and is not cut off
    return table


def nothing_recommended(state: CampaignState) -> str:
    """That no condition is recommended, and how many wells have what that would rest on."""
    wells = [well for batch in state.rounds for well in batch.wells if not well.lost]
    main, *further = state.campaign.outcome, *state.campaign.further
    trusted = {main.name: sum(well.trusted is not None for well in wells)}
    for outcome in further:
        trusted[outcome.name] = sum(well.measured.get(outcome.name) is not None for well in wells)
    numbers = ", ".join(f"{name} {number}" for name, number in trusted.items())
    return (
        "No condition is recommended: too few wells have a value that may be trusted "
        f"({numbers}, of {counted(len(wells), 'well')}). The page of a well says why not."
    )


def outage_line(outage: Outage, zone: tzinfo) -> str:
    """That a robot is waited for."""
    since, again = outage.since.astimezone(zone), outage.retry_at.astimezone(zone)
    return (
        f"Robot {outage.robot} does not answer since {since:%Y-%m-%d %H:%M}; it is asked again at "
        f"{again:%H:%M:%S} "
        f"lab time: {outage.message}"
    )


def layout_view(layout: Layout, scale: Scale) -> Table:
    """A row a well: where it is, what it gets and why; predictions are of an outcome's scale."""
    title = f"Round {layout.round}: {counted(len(layout.placements), 'well')}"
    table = Table(title=title, row_styles=["", "dim"], box=SIMPLE, padding=(0, 0, 0, 1))
    table.add_column("plate", justify="right")
    table.add_column("well", min_width=3)
    table.add_column("role", min_width=8)
    conditions = [placement.proposal.condition.root for placement in layout.placements]
    names = list(dict.fromkeys(name for condition in conditions for name in condition))
    for name in names:
        widest = max(len(_shown(condition.get(name))) for condition in conditions)
        table.add_column(name.replace("_", " "), justify="right", min_width=widest)
    table.add_column("predicted", justify="right", min_width=11)
    for placement in layout.placements:
        proposal = placement.proposal
        predicted = (
            "-"
            if proposal.mean is None
            else f"{scale.rough(proposal.mean)} ± {scale.rough(proposal.sd)}"
        )
        values = [_shown(proposal.condition.root.get(name)) for name in names]
        table.add_row(
            str(placement.well.plate), placement.well.name, proposal.role, *values, predicted
        )
    return table


def _shown(value: int | float | str | None) -> str:
    """A value; a dash for a parameter that is not active."""
    if value is None:
        return "-"
    return f"{value:g}" if isinstance(value, float) else str(value)


def coming_line(state: CampaignState, zone: tzinfo) -> str:
    """What a campaign waits for and until when, or nothing."""
    job = state.coming
    if job is None:
        return ""
    step = state.campaign.protocol.by_name[job.step]
    why = f" ({step.when})" if step.after is not None or step.interval is not None else ""
    return (
        f"{state.id}: step {job.step} of plate {job.plate} is due at "
        f"{job.due_at.astimezone(zone):%Y-%m-%d %H:%M}{why}"
    )


def _people_of(state: CampaignState) -> frozenset[str]:
    """The robots that are people."""
    from orchestrator.lab.provenance import is_person

    robots = state.campaign.robots.items()
    return frozenset(name for name, config in robots if is_person(config))


class ProgressView:
    """Folds the events of a running campaign into what is to be seen of it."""

    def __init__(self, state: CampaignState, zone: tzinfo) -> None:
        self._known: Callable[[], CampaignState] = lambda: state
        self._campaign = state.campaign
        self._id = state.id
        self._round = self._day = 0
        self._jobs: Counter[int] = Counter()
        self._over: Counter[int] = Counter()
        self._step = ""
        self._robots: dict[str, str] = dict.fromkeys(state.campaign.robots, "waiting")
        self._zone = zone
        self._now: datetime = state.started_at.astimezone(zone)
        self._notices: list[str] = []
        self._people = _people_of(state)
        steps = state.campaign.protocol.steps
        by_the_clock = any(step.after or step.interval for step in steps)
        self._moment = "%Y-%m-%d %H:%M" if by_the_clock else "%Y-%m-%d"

    def follow(self, known: Callable[[], CampaignState]) -> None:
        """Ask for what is known now, where something of it is to be seen."""
        self._known = known

    def fold(self, event: EventRow) -> str:
        """Take an event in; returns a line for consoles that only scroll, or nothing."""
        self._now = max(self._now, event.at.astimezone(self._zone))
        match event.kind:
            case "round_planned":
                self._round = event.data["round"]
                self._jobs[self._round] = event.data["jobs"]
                return f"round {self._round}: {event.message}"
            case "job_dispatched":
                data = event.data
                self._robots[data["robot"]] = f"step {data['step']}, plate {data['plate']}"
                place = (data["round"], data["step"], data["day"])
                changed = place != (self._round, self._step, self._day)
                self._round, self._step, self._day = place
                return self._line() if changed else ""
            case "job_accepted" if event.data["robot"] in self._people:
                robot = event.data["robot"]
                text = f"{event.subject}: waits for {robot} (wellwise manual list {robot})"
                self._notices.append(text)
                return text
            case "job_done" | "job_failed" | "job_dropped" | "job_in_doubt":
                self._over[event.data["round"]] += event.kind != "job_in_doubt"
                self._robots[event.data["robot"]] = "waiting"
            case "notice" | "well_lost" | "robot_offline":
                text = f"{event.subject}: {event.message}"
                self._notices.append(text)
                return text
            case "round_finished":
                number = event.subject.rpartition("/r")[2]
                return f"round {number} finished, best so far {self._best_text(int(number))}"
            case "campaign_finished" if event.message:
                return f"finished: {event.message}"
        return ""

    def _line(self) -> str:
        return (
            f"{self._now:{self._moment}}  round {self._round}/{self._campaign.stop.rounds}  step "
            f"{self._step} "
            f"(day {self._day} of {self._campaign.protocol.last_day})  "
            f"{self._over[self._round]}/{self._jobs[self._round]} "
            "jobs  "
            f"best so far {self._best_text(self._round)}"
        )

    def _best_text(self, until: int) -> str:
        return self._campaign.outcome.scale.text(self._known().best_until(until))

    def render(self, coming: str = "") -> RenderableType:
        """The live panel; `coming` says what is waited for."""
        facts = Table.grid(padding=(0, 2))
        titles = {step.name: step.title for step in self._campaign.protocol.steps}
        title = f"  {titles.get(self._step, '')}"
        of_all = f" of {self._campaign.stop.rounds}"
        facts.add_row("round", Text.assemble((str(self._round), "bold"), of_all))
        facts.add_row(
            "step",
            Text.assemble(
                (self._step, "bold"),
                f"{title}, day {self._day} of {self._campaign.protocol.last_day}",
            ),
        )
        over, jobs = self._over[self._round], self._jobs[self._round]
        facts.add_row("jobs", f"{over} of {jobs}")
        facts.add_row("", ProgressBar(total=max(jobs, 1), completed=over, width=44))
        for robot, doing in self._robots.items():
            facts.add_row(robot, doing)
        target = self._campaign.stop.target
        facts.add_row(
            "best so far",
            Text.assemble(
                (self._best_text(self._round), "bold"),
                "" if target is None else f" (target {target:g})",
            ),
        )
        facts.add_row("lab time", f"{self._now:%Y-%m-%d %H:%M}")
        if coming:
            facts.add_row("waits for", coming.partition(": ")[2])
        notices = [Text(notice, style="yellow") for notice in self._notices[-3:]]
        return Panel(
            Group(facts, *notices), title=f"campaign {self._id}", title_align="left", width=78
        )
