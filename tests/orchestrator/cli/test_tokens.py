"""Tokens at the command line: what they allow is what the service then lets their holder do."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestrator.cli.main import app
from tests.service import house


def told(home: Path, *words: str, code: int = 0) -> str:
    ran = CliRunner().invoke(app, ["token", *words, f"--home={home}"])
    assert ran.exit_code == code, ran.output
    return ran.output


def test_a_token_is_made_for_projects_or_for_the_whole_service(tmp_path: Path) -> None:
    inside = told(
        tmp_path, "create", "ada", "--project", "Cells=operator", "--project=a = b=viewer"
    )
    assert "(operator in Cells, viewer in a = b) for ada" in inside
    both = told(tmp_path, "create", "bo", "--role", "viewer", "--project", "Cells=operator")
    assert "(viewer, operator in Cells) for bo" in both
    plain = told(tmp_path, "create", "cy")
    assert "(viewer) for cy" in plain
    assert "operator in Cells" in " ".join(told(tmp_path, "list").replace("│", " ").split())
    with house(tmp_path) as found:
        found.secrets["ada"] = inside.split("\n")[0]
        assert found.client("ada").get("/api/v1/whoami").json() == {
            "person": "ada",
            "role": "none",
            "projects": {"Cells": "operator", "a = b": "viewer"},
        }


@pytest.mark.parametrize("wrong", ["Cells", "Cells=admin", "=viewer", "Cells=none"])
def test_a_role_that_there_is_not_in_projects_is_refused(tmp_path: Path, wrong: str) -> None:
    ran = CliRunner().invoke(
        app, ["token", "create", "ada", f"--project={wrong}", f"--home={tmp_path}"]
    )
    assert ran.exit_code != 0
    assert "expected PROJECT=viewer or PROJECT=operator" in str(ran.exception)
