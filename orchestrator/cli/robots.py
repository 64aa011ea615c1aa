"""Commands for robots of a lab file, on the bench."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from drivers.base import Capabilities, Driver, RobotSetup
from drivers.registry import clock, driver_names, make_driver
from drivers.supplies import Supplied
from orchestrator.cli.context import Home, console, has_journal, settings_for, text_of
from orchestrator.cli.pairs import values_of
from protocols.campaign_file import read_lab
from protocols.campaign_parts import RobotConfig
from protocols.errors import InvalidInput, Problem, WellwiseError
from protocols.jobs import Job, JobReport
from protocols.operations import OPERATIONS, Operation
from protocols.refusals import refusal

robots = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Robot = Annotated[str, typer.Argument(help="The robot's name in the lab file.", metavar="ROBOT")]
LabPath = Annotated[
    Path, typer.Option("--lab", envvar="WELLWISE_LAB", help="Lab file with the robots (YAML).")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before something moves.")]

_OPERATIONS: TypeAdapter[list[Operation]] = TypeAdapter(list[Operation])


@robots.command()
def ping(robot: Robot, lab: LabPath = Path("lab.yaml"), home: Home = None) -> None:
    """Open the line to a robot and say what it can do."""

    async def answer() -> Capabilities:
        async with _held(robot, lab, home) as driver:
            await driver.connect()
            await driver.close()
            return driver.capabilities

    able = asyncio.run(answer())
    console.print(
        f"Robot {robot} answers. It {able.memory.value}, stops within {able.stop_s:g} s, and can:"
    )
    for kind, limits in able.operations.items():
        within = ", ".join(f"{field} {low:g} to {high:g}" for field, (low, high) in limits.items())
        console.print(f"  {kind:10} {within}", highlight=False)


@robots.command()
def pause(robot: Robot, lab: LabPath = Path("lab.yaml"), home: Home = None) -> None:
    """Have a robot pause what it does, where it can."""
    _tell(robot, "pause", lab, home)


@robots.command("resume")
def go_on(robot: Robot, lab: LabPath = Path("lab.yaml"), home: Home = None) -> None:
    """Have a robot that pauses go on."""
    _tell(robot, "resume", lab, home)


@robots.command()
def stop(robot: Robot, lab: LabPath = Path("lab.yaml"), home: Home = None) -> None:
    """Stop a robot at once; its job fails. To stop a campaign's robots: wellwise stop-now."""
    _tell(robot, "stop", lab, home)


@robots.command()
def jog(
    robot: Robot,
    operation: Annotated[str, typer.Argument(help=", ".join(OPERATIONS))],
    value: Annotated[
        list[str] | None, typer.Option("--set", help="FIELD=VALUE, such as well=A1.")
    ] = None,
    labware: Annotated[str, typer.Option(help="The plate on the deck.")] = "6-well",
    yes: Yes = False,
    lab: LabPath = Path("lab.yaml"),
    home: Home = None,
) -> None:
    """Have a robot do one operation."""
    _execute(robot, [{"kind": operation, **values_of(value)}], labware, yes, lab, home)


@robots.command()
def run(
    robot: Robot,
    file: Annotated[Path, typer.Argument(help="A YAML list of operations.", metavar="FILE")],
    labware: Annotated[str, typer.Option(help="The plate on the deck.")] = "6-well",
    yes: Yes = False,
    lab: LabPath = Path("lab.yaml"),
    home: Home = None,
) -> None:
    """Have a robot do the operations of a file as one job."""
    _execute(robot, _yaml(file), labware, yes, lab, home)


@robots.command()
def preview(
    campaign: Annotated[Path, typer.Argument(help="Campaign file.", metavar="FILE")],
    lab: LabPath = Path("lab.yaml"),
    step: Annotated[str | None, typer.Option("--step", help="Only this step.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the protocols.")] = None,
    home: Home = None,
) -> None:
    """Show the tips, volumes and analysis of each step's first plate, for protocol robots."""
    from orchestrator.core.round_planning import plan_round
    from orchestrator.intake.table_files import tables_beside
    from protocols.campaign_file import read_campaign
    from protocols.compile import compile_jobs

    described = read_lab(text_of(lab), str(lab), driver_names())
    study = read_campaign(
        text_of(campaign), str(campaign), driver_names(), described, tables_beside(campaign.parent)
    )
    steps = [planned.name for planned in study.protocol.steps]
    if step not in (None, *steps):
        message = f"the protocol has no step {step!r}"
        raise InvalidInput(
            [Problem(where="--step", message=message, expected=f"one of {', '.join(steps)}")]
        )
    plan = plan_round(study, 1, [])
    seen: set[tuple[str, str]] = set()
    for job in compile_jobs(study, study.name, plan.layout, clock("real").now()):
        if step not in (None, job.step):
            continue
        driver = _robot(job.robot, lab, home) if job.robot in described.robots else None
        if (job.step, job.robot) in seen or not hasattr(driver, "preview"):
            continue
        seen.add((job.step, job.robot))
        text, budget = asyncio.run(driver.preview(job))  # type: ignore[union-attr]
        console.print(f"{job.robot}, step {job.step}: {budget}", highlight=False, soft_wrap=True)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            path = out / f"{job.step}.py"
            path.write_text(text, encoding="utf-8")
            console.print(f"  {path}", highlight=False, soft_wrap=True)
    if not seen:
        console.print(
            "No robot of this lab runs protocols" + (f" in step {step}." if step else ".")
        )


def _execute(
    robot: str, operations: Any, labware: str, yes: bool, lab: Path, home: Path | None
) -> None:
    try:
        wanted = tuple(_OPERATIONS.validate_python(operations))
    except ValidationError as error:
        problems = [
            Problem(
                where=f"operation {'.'.join(map(str, details['loc'][1:]))}",
                message=found.message,
                expected=found.expected,
            )
            for details in error.errors()
            for found in [refusal(details)]
        ]
        raise InvalidInput(problems) from None
    now = clock("real").now()
    job = Job(
        key=f"bench/{now:%Y%m%dT%H%M%S.%f}",
        round=1,
        step="bench",
        occurrence=1,
        day=0,
        plate=1,
        plate_id="bench/p1",
        labware=labware,
        robot=robot,
        due_at=now,
        tolerance_s=3600,
        operations=wanted,
    )
    if not yes:
        console.print(
            f"Robot {robot} is about to do {len(wanted)} operations on a {labware} plate. It moves."
        )
        typer.confirm("Go on?", abort=True)

    async def see_it_through() -> JobReport:
        async with _held(robot, lab, home) as driver:
            await driver.connect()
            try:
                await driver.submit(job)
                while (report := await driver.poll(job.key)).state == "running":
                    await asyncio.sleep(0.2)
                return report
            except asyncio.CancelledError:
                await driver.stop()
                raise
            finally:
                await driver.close()

    report = asyncio.run(see_it_through())
    console.print(
        f"{report.state}: {report.operations_done} of {len(wanted)} operations done. "
        f"{report.message}".rstrip()
    )
    for well, why in report.failed_wells.items():
        console.print(f"  {well} failed: {why}")
    if report.state != "done":
        raise typer.Exit(1)


def _tell(robot: str, what: str, lab: Path, home: Path | None) -> None:
    async def tell() -> None:
        async with _held(robot, lab, home) as driver:
            if not hasattr(driver, what):
                raise WellwiseError(f"robot {robot} cannot {what}")
            await driver.connect()
            try:
                await getattr(driver, what)()
            finally:
                await driver.close()

    asyncio.run(tell())
    console.print(f"Robot {robot}: {what}.")


@robots.command("supplies")
def show_supplies(robot: Robot, lab: LabPath = Path("lab.yaml"), home: Home = None) -> None:
    """Show the tips and liquids that are left on a robot's deck, as its jobs were counted."""
    for supply in _supplied(robot, lab, home).supplies():
        console.print(str(supply), highlight=False, soft_wrap=True)


@robots.command("refill")
def note_refill(
    robot: Robot,
    supply: Annotated[
        list[str] | None, typer.Argument(help="As `robot supplies` names it; all if absent.")
    ] = None,
    lab: LabPath = Path("lab.yaml"),
    home: Home = None,
) -> None:
    """Note that racks or reservoirs of a robot are full again; also while a campaign runs."""
    for refilled in _supplied(robot, lab, home).refill(tuple(supply or ())):
        console.print(f"full again: {refilled}", highlight=False, soft_wrap=True)


def _supplied(robot: str, lab: Path, home: Path | None) -> Supplied:
    driver = _robot(robot, lab, home)
    if not isinstance(driver, Supplied):
        raise WellwiseError(f"robot {robot} does not count what it uses up")
    return driver


def described_robot(name: str, lab: Path) -> RobotConfig:
    """What a lab file says of a robot.

    Raises:
        WellwiseError: it has none of that name.
    """
    described = read_lab(text_of(lab), str(lab), driver_names()).robots
    if name not in described:
        raise WellwiseError(
            f"there is no robot {name!r} in {lab} (expected one of {', '.join(described)})"
        )
    return described[name]


def _robot(name: str, lab: Path, home: Path | None) -> Driver:
    """The driver of a robot of a lab file, not connected."""
    config, folder = described_robot(name, lab), settings_for(home).home
    setup = RobotSetup(
        name,
        config.options,
        clock("real"),
        folder,
        address=config.address,
        limits=config.limits,
        journal="",
    )
    return make_driver(config.driver, setup, config.environment)


@asynccontextmanager
async def _held(name: str, lab: Path, home: Path | None) -> AsyncIterator[Driver]:
    """The driver of a robot that nobody else has meanwhile: no campaign, no other person.

    Raises:
        Owned: somebody else has it.
    """
    from orchestrator.lab.device_lock import device_lock
    from orchestrator.lab.lease import owned

    address = described_robot(name, lab).address
    async with AsyncExitStack() as stack:
        if has_journal(home):
            from orchestrator.journal.devices import device_resource
            from orchestrator.journal.store import robot_resource
            from orchestrator.lab.lab import open_journal

            settings = settings_for(home)
            journal = open_journal(settings)
            stack.callback(journal.close)
            for resource in (robot_resource(name), device_resource(address, settings.workers)):
                if resource:
                    await stack.enter_async_context(
                        owned(journal, resource, settings.lease_s, purpose="the bench")
                    )
        await stack.enter_async_context(device_lock(address))
        yield _robot(name, lab, home)


def _yaml(file: Path) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(text_of(file))
    except YAMLError as error:
        raise InvalidInput(
            [Problem(where=str(file), message=str(error).split("\n")[0], expected="YAML")]
        ) from None
