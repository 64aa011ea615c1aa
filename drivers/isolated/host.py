"""A driver in an interpreter of its own: answers one JSON line on stdout for each on stdin.

Run by `drivers.isolated.driver`. Its environment needs pint, pydantic and the packages of the
driver, nothing else.
"""

import asyncio
import json
import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TextIO

from drivers.base import Driver, DriverError, RobotSetup
from drivers.clock import RealClock
from drivers.refusal import refuse_other_contract
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
        )
    )


async def answer(driver: Driver, request: dict[str, Any]) -> Any:
    """Execute one call."""
    match request["call"]:
        case "submit":
            await driver.submit(Job.model_validate(request["job"]))
        case "poll":
            return (await driver.poll(request["key"])).model_dump(mode="json")
        case "connect" | "stop" | "close" as call:
            await getattr(driver, call)()
        case unknown:
            raise DriverError(f"there is no call {unknown!r}")
    return None


async def serve(answers: TextIO) -> None:
    """Answer until stdin ends, several calls at a time."""
    setup = json.loads(sys.stdin.readline())
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
            }
        print(json.dumps(reply), file=answers, flush=True)

    running: set[asyncio.Task[None]] = set()
    while line := await asyncio.to_thread(sys.stdin.readline):
        task = asyncio.create_task(one(json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)
    await driver.close()


if __name__ == "__main__":
    # What a driver prints must not be taken for an answer.
    out, sys.stdout = sys.stdout, sys.stderr
    asyncio.run(serve(out))
