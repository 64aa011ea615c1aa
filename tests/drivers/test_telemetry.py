"""What robots measure of themselves, by the form of a robot server's own answers."""

import asyncio
from pathlib import Path
from typing import Any

from drivers.base import RobotSetup
from drivers.clock import RealClock
from drivers.opentrons.deck import OpentronsOptions
from drivers.opentrons.robot import OpentronsRobot
from drivers.telemetry import Measurement
from simulators.opentrons_server import OpentronsServer
from simulators.twins import OT2_DECK

# Of two modules and one that measures nothing, as robot-server 8 answers (its module_models.py).
ANSWERED: list[dict[str, Any]] = [
    {
        "id": "a1",
        "serialNumber": "TDV21P20240101A01",
        "firmwareVersion": "v2.1.0",
        "hardwareRevision": "temp_deck_v21",
        "hasAvailableUpdate": False,
        "moduleType": "temperatureModuleType",
        "moduleModel": "temperatureModuleV2",
        "compatibleWithRobot": True,
        "data": {"status": "holding at target", "currentTemperature": 4.1, "targetTemperature": 4},
        "usbPort": {"port": 1, "portGroup": "main", "hub": False, "hubPort": None, "path": ""},
    },
    {
        "id": "b2",
        "serialNumber": "HSV20",
        "moduleType": "heaterShakerModuleType",
        "moduleModel": "heaterShakerModuleV1",
        "data": {
            "status": "running",
            "labwareLatchStatus": "idle_closed",
            "currentSpeed": 300,
            "targetSpeed": 300,
            "currentTemperature": 36.9,
            "targetTemperature": None,
            "errorDetails": None,
        },
    },
    {
        "id": "c3",
        "serialNumber": "MDV20",
        "moduleType": "magneticModuleType",
        "moduleModel": "magneticModuleV2",
        "data": {"status": "disengaged", "engaged": False, "height": 0.0},
    },
]


def test_an_opentrons_robot_measures_what_its_modules_do(tmp_path: Path) -> None:
    server = OpentronsServer()
    server.modules = ANSWERED

    async def measured() -> list[Measurement]:
        options = OpentronsOptions.model_validate(OT2_DECK)
        robot = OpentronsRobot(
            RobotSetup("ot2", options, RealClock(), tmp_path, address=server.url)
        )
        await robot.connect()
        try:
            return await robot.telemetry()
        finally:
            await robot.close()

    try:
        assert asyncio.run(measured()) == [
            Measurement("temperature module, temperature", 4.1, "degC"),
            Measurement("heater-shaker, temperature", 36.9, "degC"),
            Measurement("heater-shaker, speed", 300.0, "rpm"),
        ]
    finally:
        server.end()
