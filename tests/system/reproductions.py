"""What once went wrong with real robots, second processes, restored backups and hostile viewers.

Each point has tests that fail where it goes wrong again, in the part that holds it: they are marked
`reproduction`, with their points. `python -m tests.system.reproductions` lists them and says how
many there are, `pytest -m reproduction` runs them. With `--before` it runs each as it stood in the
commit that brought it, on the sources before that commit, and says how many failed there.
"""

import argparse
import ast
import sys
from collections import defaultdict
from collections.abc import Iterator

from tests.conftest import ROOT

POINTS = {
    "A1": "two campaigns, or a campaign and a person at the bench, drove one robot at once",
    "A2": "a stop from another process was not obeyed by the robot's owner",
    "A3": "a key of another journal or home was answered with work that never happened",
    "A4": "what was done since a backup was done again after it was restored, or copied",
    "A5": "a job that its robot had forgotten was sent again, and a poll moved a robot",
    "A6": "the next plate's job went to a robot of which a job was in doubt",
    "A7": "a COMMIT without an answer was said to have kept nothing",
    "A8": "acts and owners worked against each other on what had changed meanwhile",
    "A9": "owners whose lease had ended, or whose clock was wrong, drove on or took over",
    "A10": "a change of the hour, or a robot's clock, moved waits and ends",
    "A11": "power, full disks and damaged files lost what the journal spoke of",
    "B1": "a device that could not work cost wells",
    "B2": "a job without its readings, or with others, was taken for done",
    "B3": "a setting of one operation stayed for the next ones",
    "B4": "volumes, tips and liquids that are not there were promised",
    "B5": "an operation that takes long ended in doubt",
    "C": "serial pumps did not work from power-on, or at another port",
    "D": "vendors' packages spoiled the line to their driver, or hung it",
    "E": "the conformance kit found bad drivers good",
    "F1": "a viewer read files and used up time and memory by a campaign file",
    "F2": "an operator reached ports, files and interpreters by a campaign file",
    "F3": "tokens, requests, images and archives had no limits",
    "F4": "answers of a robot server raised what is no driver's error",
    "G": "a button did not do what it said",
}
"""The points, by their letters: physical things done twice or never (A), faults that were taken for
results (B), pumps (C), drivers apart (D), the kit (E), the service (F), its pages (G)."""


def marked() -> dict[str, list[str]]:
    """The tests of each point, as `FILE::TEST`."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for function in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(function, ast.FunctionDef):
                for point in _points(function):
                    found[point].append(f"{path.relative_to(ROOT).as_posix()}::{function.name}")
    return dict(found)


def _points(function: ast.FunctionDef) -> Iterator[str]:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(
            "mark.reproduction"
        ):
            yield from map(ast.literal_eval, decorator.args)


def main() -> int:
    """Print the points with their tests, or what became of them on the sources before."""
    from tests.system import before

    parser = argparse.ArgumentParser(prog="python -m tests.system.reproductions")
    parser.add_argument(
        "--before",
        nargs="*",
        choices=POINTS,
        metavar="POINT",
        help="run the tests of these points, or of all, on the sources before they came",
    )
    wanted = parser.parse_args().before
    found = marked()
    if wanted is not None:
        return before.main({point: found.get(point, []) for point in wanted or POINTS})
    for point, what in POINTS.items():
        print(f"{point:4} {what}")
        for test in found.get(point, ["no test"]):
            print(f"       {test}")
    tests = {test for some in found.values() for test in some}
    print(f"{len(tests)} tests of {len(found)} of {len(POINTS)} points")
    return 0


if __name__ == "__main__":
    sys.exit(main())
