"""Commands for engineers who plug in robots."""

from __future__ import annotations

import asyncio
import inspect
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError
from rich.markup import escape
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from drivers.base import Driver, DriverError, RobotSetup
from drivers.registry import add_folder, clock, driver_class, driver_names, make_driver
from orchestrator.cli.context import Home, console, settings_for, text_of
from protocols.campaign import RobotConfig
from protocols.campaign_file import read_lab
from protocols.errors import InvalidInput, Problem, WellwiseError
from protocols.jobs import Job, JobReport
from protocols.operations import OPERATIONS, Operation

if TYPE_CHECKING:
    from drivers.conformance.levels import Outcome

drivers = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
robots = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[
    str, typer.Argument(help="An installed driver, or the folder of one.", metavar="DRIVER")
]
Robot = Annotated[str, typer.Argument(help="The robot's name in the lab file.", metavar="ROBOT")]
LabPath = Annotated[
    Path, typer.Option("--lab", envvar="WELLWISE_LAB", help="Lab file with the robots (YAML).")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before something moves.")]

_OPERATIONS: TypeAdapter[list[Operation]] = TypeAdapter(list[Operation])


@drivers.command("list")
def list_drivers() -> None:
    """Every installed driver with its first line, or why it cannot be used."""
    for name in driver_names():
        try:
            text = (driver_class(name).__doc__ or "(no description)").strip().splitlines()
        except DriverError as error:
            text = [f"(cannot be used: {error})"]
        _plain(f"{name:16} {text[0]}")


@drivers.command()
def info(driver: Name) -> None:
    """What a driver says of itself: its options, and what such a robot can do."""
    kind = driver_class(_known(driver))
    description = inspect.getdoc(kind) or "(it has no description)"
    console.print(description, highlight=False, markup=False, soft_wrap=True)
    for name, option in kind.Options.model_fields.items():
        default = "required" if option.is_required() else f"default {option.default}"
        console.print(
            f"  {name}: {option.description} ({default})",
            highlight=False,
            soft_wrap=True,
            markup=False,
        )


@drivers.command()
def new(
    name: Annotated[str, typer.Argument(help="Small letters, digits and _, such as acme_pump.")],
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where; a folder of that name if absent.")
    ] = None,
) -> None:
    """Write a package with a driver, its simulated twin and tests that already pass."""
    from drivers.scaffold import new_driver

    target = folder or Path(name)
    for path in new_driver(name, target):
        console.print(str(path), highlight=False, soft_wrap=True)
    console.print(f"Try it: wellwise driver check {target}", highlight=False, soft_wrap=True)


@drivers.command()
def check(
    driver: Name,
    hardware: Annotated[
        bool, typer.Option("--hardware", help="Against real equipment: it MOVES.")
    ] = False,
    address: Annotated[str, typer.Option("--address", help="Where the real equipment is.")] = "",
    option: Annotated[
        list[str] | None, typer.Option("--option", help="NAME=VALUE of the driver's options.")
    ] = None,
    environment: Annotated[
        str, typer.Option("--environment", help="The environment in which the driver runs.")
    ] = "",
    lab: Annotated[
        Path | None,
        typer.Option("--lab", help="A lab file: DRIVER is then the name of a robot in it."),
    ] = None,
    yes: Yes = False,
    home: Home = None,
) -> None:
    """Run the conformance kit: which level a driver reaches, and what each failure would mean."""
    from drivers.conformance import examine, reached
    from drivers.conformance.candidate import candidate
    from drivers.conformance.levels import Level
    from drivers.twin import Twin

    options: dict[str, Any] = {}
    if lab is not None:
        config = _described(driver, lab)
        options, address = dict(config.options), address or config.address
        driver, environment = config.driver, environment or config.environment
    checked = candidate(_known(driver), environment, settings_for(home).home.absolute())
    name, kind, maker = checked.name, checked.kind, checked.twin
    options |= _values(option)
    if not hardware and maker is None:
        raise WellwiseError(
            f"driver {name} has no simulated twin: announce one in the group wellwise.twins, or "
            "check it with --hardware and --address against real equipment"
        )

    if hardware and not yes:
        _plain(f"{name} at {address or 'its address'} will MOVE all that it can.")
        typer.confirm("Go on?", abort=True)

    async def outcomes(home: Path) -> list[Outcome]:
        found: list[Outcome] = []
        real = Twin(clock=clock("real"), address=address, options=options)
        with nullcontext(real) if hardware or maker is None else maker(home) as twin:
            async for outcome in examine(kind, twin, home, has_twin=maker is not None):
                found.append(outcome)
                style, mark = ("green", "holds") if outcome.passed else ("bold red", "FAILS")
                line = f"[{style}]{mark}[/]  {outcome.level:6}  {escape(outcome.title)}"
                console.print(line, highlight=False, soft_wrap=True)
                if not outcome.passed:
                    for text in (f"seen: {outcome.seen}", f"in a lab {outcome.harm}"):
                        _plain(f"       {text}")
        return found

    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(outcomes(Path(folder)))
    level = reached(found)
    failed = sum(not outcome.passed for outcome in found)
    console.print(
        f"Driver {name}: {level or 'no level'} ({len(found) - failed} of {len(found)} checks "
        "hold).",
        highlight=False,
    )
    if level is not Level.GOLD:
        raise typer.Exit(1)


@drivers.command()
def environment(
    name: Annotated[str, typer.Argument(help="Such as opentrons; any name with --package.")],
    package: Annotated[
        list[str] | None, typer.Option("--package", help="What to install, as pip takes it.")
    ] = None,
    home: Home = None,
) -> None:
    """Make the environment that a driver's own packages need, apart from ours."""
    from drivers.environment import make_environment

    folder = make_environment(settings_for(home).home.absolute(), name, package or ())
    console.print(f"Environment {name} is ready in {folder}.", highlight=False, soft_wrap=True)


@robots.command()
def ping(robot: Robot, lab: LabPath = Path("lab.yaml"), home: Home = None) -> None:
    """Open the line to a robot and say what it can do."""

    async def answer(driver: Driver) -> None:
        await driver.connect()
        await driver.close()

    driver = _robot(robot, lab, home)
    asyncio.run(answer(driver))
    able = driver.capabilities
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
    _execute(robot, [{"kind": operation, **_values(value)}], labware, yes, lab, home)


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
    from protocols.campaign_file import read_campaign
    from protocols.compile import compile_jobs

    described = read_lab(text_of(lab), str(lab), driver_names())
    study = read_campaign(text_of(campaign), str(campaign), driver_names(), described)
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
            Problem(where=f"operation {'.'.join(map(str, found['loc'][1:]))}", message=found["msg"])
            for found in error.errors()
        ]
        raise InvalidInput(problems) from None
    driver = _robot(robot, lab, home)
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
        console.print(f"  {well} failed: {why}", markup=False)
    if report.state != "done":
        raise typer.Exit(1)


def _tell(robot: str, what: str, lab: Path, home: Path | None) -> None:
    driver = _robot(robot, lab, home)
    if not hasattr(driver, what):
        raise WellwiseError(f"robot {robot} cannot {what}")

    async def tell() -> None:
        await driver.connect()
        try:
            await getattr(driver, what)()
        finally:
            await driver.close()

    asyncio.run(tell())
    console.print(f"Robot {robot}: {what}.")


def _plain(text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True, markup=False)


def _known(driver: str) -> str:
    return add_folder(Path(driver)) if (Path(driver) / "pyproject.toml").is_file() else driver


def _described(name: str, lab: Path) -> RobotConfig:
    described = read_lab(text_of(lab), str(lab), driver_names()).robots
    if name not in described:
        raise WellwiseError(
            f"there is no robot {name!r} in {lab} (expected one of {', '.join(described)})"
        )
    return described[name]


def _robot(name: str, lab: Path, home: Path | None) -> Driver:
    config, folder = _described(name, lab), settings_for(home).home
    setup = RobotSetup(
        name, config.options, clock("real"), folder, address=config.address, limits=config.limits
    )
    return make_driver(config.driver, setup, config.environment)


def _values(pairs: list[str] | None) -> dict[str, Any]:
    return {name: YAML(typ="safe", pure=True).load(text) for name, text in map(_pair, pairs or ())}


def _pair(entry: str) -> tuple[str, str]:
    name, equals, text = entry.partition("=")
    if not equals:
        raise InvalidInput(
            [Problem(where=entry, message="is not understood", expected="NAME=VALUE")]
        )
    return name, text


def _yaml(file: Path) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(text_of(file))
    except YAMLError as error:
        raise InvalidInput(
            [Problem(where=str(file), message=str(error).split("\n")[0], expected="YAML")]
        ) from None
