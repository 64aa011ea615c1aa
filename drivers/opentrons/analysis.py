"""Simulates a protocol with the opentrons package, in an environment of its own."""

import asyncio
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from drivers.base import DriverError


async def analysis(text: str, python: Path) -> dict[str, Any]:
    """What the opentrons package finds when it simulates a protocol: commands, errors and more.

    It is run by an interpreter that has the package.

    Raises:
        DriverError: the analysis itself cannot be run.
    """
    with tempfile.TemporaryDirectory() as folder:
        file, result = Path(folder) / "protocol.py", Path(folder) / "result.json"
        file.write_text(text, encoding="utf-8")
        command = [
            str(python),
            "-m",
            "opentrons.cli",
            "analyze",
            f"--json-output={result}",
            str(file),
        ]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "OT_API_CONFIG_DIR": folder},
        )
        _, errors = await process.communicate()
        if not result.exists():
            raise DriverError(
                "the opentrons analysis cannot be run: "
                f"{errors.decode(errors='replace').strip()[-300:]}"
            )
        found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return found


async def analyse(text: str, python: Path) -> list[str]:
    """The errors that it finds.

    Raises:
        DriverError: the analysis itself cannot be run.
    """
    found = await analysis(text, python)
    return [f"{error['errorType']}: {error['detail']}" for error in found["errors"]]
