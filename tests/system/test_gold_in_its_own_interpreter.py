"""The conformance kit on a robot whose driver has an interpreter of its own."""

import sys
from pathlib import Path

from tests.program import wellwise

ENVIRONMENT = Path(sys.executable).parent.parent


def test_a_robot_whose_driver_has_its_own_interpreter_is_gold_too(tmp_path: Path) -> None:
    lab = tmp_path / "lab.yaml"
    lab.write_text(f"robots:\n  pump: {{driver: masterflex-ls, environment: {ENVIRONMENT}}}\n")
    ran = wellwise("driver", "check", "pump", "--lab", lab, home=tmp_path)
    assert "Driver masterflex-ls: gold" in ran.stdout, ran.stdout + ran.stderr
