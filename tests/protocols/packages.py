"""A package of somebody else's, and programs in whose environment it is installed."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

from tests.conftest import ROOT


def documented(name: str) -> str:
    """The module of `docs/how-to/add-an-operation.md` that defines a class."""
    page = (ROOT / "docs" / "how-to" / "add-an-operation.md").read_text()
    modules = [block for block in re.split(r"\n(?=\S)", page) if f"    class {name}(" in block]
    assert len(modules) == 1
    return textwrap.dedent(
        "\n".join(line for line in modules[0].splitlines() if line[:1] in ("", " "))
    )


def install(folder: Path, name: str, source: str, group: str, announced: str) -> None:
    """Lay a package of one module into a folder as pip would.

    `announced` is its line under the entry points.
    """
    information = folder / f"{name}-1.dist-info"
    information.mkdir(parents=True)
    (folder / f"{name}.py").write_text(source)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (information / "entry_points.txt").write_text(f"[{group}]\n{announced}\n")


def printed(packages: Path, program: str, *arguments: str, text: str = "") -> str:
    """What a Python program prints where the packages of a folder are installed.

    `text` is its standard input.
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(packages)])}
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(
        command, input=text, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
