"""What the conformance kit is to check: a driver by name, as MODULE:CLASS, or in an environment."""

import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

from drivers.base import Driver, DriverError, RobotSetup
from drivers.isolated.driver import OutsideDriver
from drivers.refusal import refuse_other_contract
from drivers.registry import driver_class
from drivers.twin import TwinMaker, twin_of
from protocols.environments import environment_folder, interpreter


@dataclass(frozen=True)
class Candidate:
    """A driver to be checked, and its simulated twin if it has one."""

    name: str
    kind: type[Driver]
    twin: TwinMaker | None


def candidate(name: str, environment: str = "", home: Path | None = None) -> Candidate:
    """A driver by its entry point, or as MODULE:CLASS (modules of the present folder too).

    With an environment, the name of one below wellwise's home or a folder, the driver is checked as
    it runs there, in its own interpreter.

    Raises:
        DriverError: there is none, or it cannot be imported.
    """
    twin = None if ":" in name else twin_of(name)
    if environment:
        folder = Path(environment)
        if not folder.is_dir():
            folder = environment_folder(home or Path.cwd(), environment)
        return Candidate(name, _in_its_interpreter(name, interpreter(folder)), twin)
    if ":" not in name:
        return Candidate(name, driver_class(name), twin)
    module, _, attribute = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        kind = cast(type[Driver], getattr(import_module(module), attribute))
    except (ImportError, AttributeError) as error:
        raise DriverError(f"there is no driver {name}: {error}") from None
    refuse_other_contract(name, kind)
    return Candidate(name, kind, twin)


def _in_its_interpreter(name: str, python: Path) -> type[Driver]:
    class InItsInterpreter(OutsideDriver):
        """A driver in an interpreter of its own."""

        def __init__(self, setup: RobotSetup) -> None:
            super().__init__(setup, name, python)

    return InItsInterpreter
