"""The packages of orchestrator/ in numbers: rooms, floors, imports between them.

    python -m benchmarks.house

Exits with 1 where there are more than the plan allows, or where a room imports another one above
it.
"""

import ast
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GENERATED = {"orchestrator/core/acts_table.py"}
MOST_ROOMS, MOST_FLOORS, MOST_IMPORTS, MOST_LINES = 14, 11, 60, 400


def rooms() -> dict[str, set[str]]:
    """Room -> the other rooms that its modules import, anywhere in them."""
    folder = ROOT / "orchestrator"
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted(folder.rglob("*.py")):
        inside = path.relative_to(folder)
        room = inside.parts[0].removesuffix(".py")
        if room == "__init__" or "migrations" in inside.parts:
            continue
        found[room] |= {other for other in _imported(path) if other != room}
    return {room: others & found.keys() for room, others in found.items()}


def _imported(path: Path) -> set[str]:
    """The first part below `orchestrator` of everything that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.ImportFrom)
            and node.module
            and node.module.startswith("orchestrator")
        ):
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            names = (alias.name.split(".") for alias in node.names)
            found |= {parts[1] for parts in names if parts[0] == "orchestrator" and len(parts) > 1}
    return found


def floors(imports: dict[str, set[str]]) -> dict[str, int]:
    """Room -> how many rooms are below it in a chain; a circle raises `RecursionError`."""
    known: dict[str, int] = {}

    def floor(room: str) -> int:
        if room not in known:
            known[room] = 1 + max((floor(other) for other in imports[room]), default=0)
        return known[room]

    return {room: floor(room) for room in imports}


def long_files() -> list[tuple[int, str]]:
    """Python files with more lines than one idea needs."""
    folders = (
        "wellwise",
        "protocols",
        "optimizer",
        "drivers",
        "simulators",
        "orchestrator",
        "tests",
    )
    paths = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    counted = (
        (len(path.read_text(encoding="utf-8").splitlines()), str(path.relative_to(ROOT)))
        for path in paths
    )
    return sorted(entry for entry in counted if entry[0] > MOST_LINES and entry[1] not in GENERATED)


NEW = {
    "act": "tests/orchestrator/control/test_acts.py",
    "operation": "tests/protocols/test_a_new_operation.py",
    "parameter kind": "tests/protocols/test_a_new_parameter_kind.py",
    "scorer": "tests/protocols/test_a_new_scorer.py",
}
"""What may be new, and the test that adds one: as a package of one module, or in itself."""


def files_of_something_new() -> dict[str, int]:
    """How many files each of these tests needed for what it adds."""
    found = {}
    for thing, path in NEW.items():
        calls = [
            node.args[1].value
            for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "install"
            and isinstance(node.args[1], ast.Constant)
        ]
        found[thing] = len(set(calls)) or 1
    return found


def main() -> int:
    """Print the house; returns the exit code."""
    imports = rooms()
    floor_of = floors(imports)
    for room in sorted(floor_of, key=lambda name: (-floor_of[name], name)):
        print(
            f"floor {floor_of[room]:2}  {room:12} imports "
            f"{', '.join(sorted(imports[room])) or 'nothing'}"
        )
    number = sum(len(others) for others in imports.values())
    new = ", ".join(f"{thing} {count}" for thing, count in files_of_something_new().items())
    height, long = max(floor_of.values()), long_files()
    print(f"{len(floor_of)} rooms, {height} floors, {number} imports between rooms")
    print(f"files that something new needs: {new}")
    print(f"{len(long)} files of more than {MOST_LINES} lines")
    for lines, path in long:
        print(f"  {lines} lines: {path}")
    too_much = len(floor_of) > MOST_ROOMS or height > MOST_FLOORS or number > MOST_IMPORTS or long
    return int(bool(too_much))


if __name__ == "__main__":
    sys.exit(main())
