"""Which folders are packages; everything else is in pyproject.toml.

The examples have a folder of their own at the top, and are installed as `wellwise.examples`.
"""

from setuptools import find_packages, setup

ROOMS = ("protocols", "optimizer", "drivers", "simulators", "orchestrator", "wellwise")

setup(
    packages=[
        *find_packages(include=[pattern for room in ROOMS for pattern in (room, f"{room}.*")]),
        "wellwise.examples",
    ],
    package_dir={"wellwise.examples": "examples"},
)
