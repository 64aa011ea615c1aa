"""Which tests failed before something was mended, asked of a small history that git keeps."""

import subprocess
from pathlib import Path

import pytest

from tests.system.before import ABSENT, FAILED, NOT_RUN, PASSED, Seen, look, of_cases, table
from tests.system.history import History, NoHistory, Place

PROJECT = """
[project]
name = "pump"
version = "1"
"""
FILE, MOVED = "tests/test_pump.py", "tests/far/test_pumps.py"
WRONG, RIGHT = (f"def moved(ul):\n    return {what}\n" for what in ("ul + 1", "ul"))
MOVES = """
def test_a_pump_moves_{name}():
    # {name}
    ul = 50
    assert moved(ul) == ul
    ul = 60
    assert moved(ul) == ul
"""
BOUNDED = """
def test_a_pump_is_bounded():
    assert moved(200) == 100
"""
HEAD = "from pump import moved\n"


class Clone:
    """A repository that grows by commits."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "--quiet")

    def git(self, *words: str) -> str:
        who = ("-c", "user.name=ada", "-c", "user.email=ada@lab")
        command = ["git", *who, *words]
        return subprocess.run(
            command, cwd=self.root, check=True, capture_output=True, text=True
        ).stdout

    def commit(self, **files: str) -> str:
        for name, content in files.items():
            path = self.root / {"test": FILE, "moved": MOVED, "pump": "pump.py"}.get(name, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        self.git("add", ".")
        self.git("commit", "--quiet", "--all", "--message", "a step")
        return self.git("rev-parse", "HEAD").strip()


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    found = Clone(tmp_path)
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    return found


def test_a_test_is_followed_through_new_names_and_files(clone: Clone) -> None:
    first = clone.commit(pump=WRONG, test=HEAD + BOUNDED)
    came = clone.commit(test=HEAD + BOUNDED + MOVES.format(name="all"))
    renamed = clone.commit(test=HEAD + BOUNDED + MOVES.format(name="what_it_is_told"))
    clone.commit(
        test=HEAD + BOUNDED,
        moved=HEAD + MOVES.format(name="what_it_is_told").replace("# what", "# the same: what"),
    )
    forms = History(clone.root).forms(Place(MOVED, "test_a_pump_moves_what_it_is_told"))
    assert [(form.commit, form.before, form.place) for form in forms] == [
        (came, first, Place(FILE, "test_a_pump_moves_all")),
        (renamed, came, Place(FILE, "test_a_pump_moves_what_it_is_told")),
    ]


def test_a_test_is_run_on_the_sources_before_it_and_on_its_own(clone: Clone) -> None:
    never = "\ndef test_a_pump_is_never_right():\n    assert moved(1) == 3\n"
    stops = "\ndef test_a_pump_stops():\n    assert stop() == 0\n"
    tests = HEAD.replace("moved", "moved, stop") + MOVES.format(name="all") + never + stops
    clone.commit(pump=WRONG)
    right = RIGHT + "\ndef stop():\n    return 0\n"
    clone.commit(pump=right, test=tests + BOUNDED.replace("== 100", "> 100"))
    clone.commit(pump=right.replace("ul\n", "min(ul, 100)\n"), test=tests + BOUNDED)
    names = {
        "test_a_pump_moves_all": (FAILED, ""),
        "test_a_pump_is_bounded": (FAILED, "later"),
        "test_a_pump_stops": (ABSENT, ""),
        "test_a_pump_is_never_right": (NOT_RUN, ""),
        "test_that_is_nowhere": (NOT_RUN, ""),
    }
    found = look(History(clone.root), [Place(FILE, name) for name in names])
    assert {place.name: (one.seen.what, one.how) for place, one in found.items()} == names


def test_the_history_that_is_missing_is_named(tmp_path: Path, clone: Clone) -> None:
    with pytest.raises(NoHistory, match="is not a clone that git can read"):
        History(tmp_path.parent)
    clone.commit(pump=WRONG)
    clone.commit(pump=RIGHT)
    shallow = tmp_path / "shallow"
    clone.git("clone", "--quiet", "--depth", "1", f"file://{clone.root}", str(shallow))
    with pytest.raises(NoHistory, match="--unshallow"):
        History(shallow)


def test_the_most_telling_case_counts_and_a_test_counts_once_in_all() -> None:
    assert of_cases([Seen(PASSED), Seen(FAILED, "why"), Seen(NOT_RUN)]) == Seen(FAILED, "why")
    assert of_cases([]).what == NOT_RUN
    columns = {"a": FAILED, "b": PASSED, "c": "later"}
    head, *rows = table({"A1": ["a", "b"], "A2": ["a", "c"]}, columns)
    assert head.split()[:2] == ["point", "tests"]
    assert [row.split() for row in rows] == [
        ["A1", "2", "1", "-", "-", "-", "1", "-"],
        ["A2", "2", "1", "1", "-", "-", "-", "-"],
        ["all", "3", "1", "1", "-", "-", "1", "-"],
    ]
