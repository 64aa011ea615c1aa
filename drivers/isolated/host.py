"""A driver in an interpreter of its own: answers one JSON line on stdout for each on stdin.

Run by `drivers.isolated.driver`. Its environment needs filelock, pint, pydantic and the
packages of the driver, nothing else.
"""

import asyncio
import json
import os
import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TextIO

from drivers.base import Driver, DriverError, RobotSetup
from drivers.clock import RealClock
from drivers.refusal import refuse_other_contract
from drivers.telemetry import Measures
from protocols.jobs import Job


def load(name: str) -> type[Driver]:
    """A driver by its entry point, or as MODULE:CLASS."""
    if ":" in name:
        module, _, attribute = name.partition(":")
        found: type[Driver] = getattr(import_module(module), attribute)
        return found
    announced = next(iter(entry_points(group="wellwise.drivers", name=name)), None)
    if announced is None:
        raise DriverError(f"there is no driver {name!r} in the environment of {sys.executable}")
    loaded: type[Driver] = announced.load()
    return loaded


def make(setup: dict[str, Any]) -> Driver:
    """The driver that a setup describes."""
    kind = load(setup["driver"])
    refuse_other_contract(setup["driver"], kind)
    return kind(
        RobotSetup(
            name=setup["name"],
            options=kind.Options.model_validate(setup["options"]),
            clock=RealClock(),
            home=Path(setup["home"]),
            seed=setup["seed"],
            address=setup["address"],
            limits=setup["limits"],
            fence=setup.get("fence", 0),
            home_fence=setup.get("home_fence", 0),
            journal=setup.get("journal"),
        )
    )


async def answer(driver: Driver, request: dict[str, Any]) -> Any:
    """Execute one call."""
    match request["call"]:
        case "submit":
            await driver.submit(Job.model_validate(request["job"]))
        case "poll":
            return (await driver.poll(request["key"])).model_dump(mode="json")
        case "telemetry":
            return list(await driver.telemetry()) if isinstance(driver, Measures) else []
        case "connect" | "stop" | "close" as call:
            await getattr(driver, call)()
        case unknown:
            raise DriverError(f"there is no call {unknown!r}")
    return None


async def serve(requests: TextIO, answers: TextIO) -> None:
    """Answer until there are no more requests, several calls at a time."""
    setup = json.loads(requests.readline())
    try:
        driver = make(setup)
        print(
            json.dumps({"capabilities": driver.capabilities.model_dump(mode="json")}),
            file=answers,
            flush=True,
        )
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=answers, flush=True)
        return

    async def one(request: dict[str, Any]) -> None:
        reply: dict[str, Any] = {"id": request["id"]}
        try:
            reply["result"] = await answer(driver, request)
        except Exception as error:
            known = isinstance(error, DriverError)
            reply["error"] = {
                "kind": type(error).__name__ if known else "DriverError",
                "message": str(error) if known else f"{type(error).__name__}: {error}",
                "begun": getattr(error, "begun", False) is True,
                "newest": getattr(error, "newest", 0),
            }
        print(json.dumps(reply), file=answers, flush=True)

    running: set[asyncio.Task[None]] = set()
    while line := await asyncio.to_thread(requests.readline):
        task = asyncio.create_task(one(json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)
    await driver.close()


def own_lines() -> tuple[TextIO, TextIO]:
    """The lines to wellwise, which nothing that a vendor's package reads or prints can reach.

    What it prints, from C too, goes to stderr; what it reads from stdin is empty.
    """
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return requests, answers


if __name__ == "__main__":
    asyncio.run(serve(*own_lines()))
