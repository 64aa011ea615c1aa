"""Whether the tests of what once went wrong failed before it was mended.

A test is run as it stands in the commit that brought it, on the sources of that commit and on those
of the commit before: every folder but `tests/` is from there, and the packages are today's. What it
was is found through moves and new names. Where it did not fail before its first form, its later
forms are tried in the same way, as it may have been widened when something was mended; then its
first form on the sources of earlier commits, as the mend may have come first.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import tomllib
import venv
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from tests.conftest import ROOT
from tests.system.history import Form, History, NoHistory, Place

FAILED, ABSENT, PASSED, NOT_RUN = "failed", "not there", "passed", "not run"
LIMIT_S = 120
"""How long one test may take, and the rest of a run for each of its tests."""

EARLIER = (2, 4, 8, 16, 32)
"""How many commits before its own a test is tried that passed on the one before."""


class Seen(NamedTuple):
    """What became of a test: failed, not there (a name that it uses was not), passed, not run.

    One that is not over in `LIMIT_S` has failed, as has one whose own processes miss a name.
    """

    what: str
    why: str = ""


class Found(NamedTuple):
    """The most telling that was seen of a test, and in which form of it, on which sources."""

    seen: Seen
    form: Form | None
    how: str = ""


COLUMNS = {
    FAILED: "failed before",
    "later": "failed before, in a later form",
    "earlier": "failed on earlier sources",
    ABSENT: "not there before",
    PASSED: "passed before",
    NOT_RUN: "could not be run",
}


def of_cases(cases: Iterable[Seen]) -> Seen:
    """What became of a test with several cases: the most telling of them."""
    seen = list(cases)
    for what in (FAILED, ABSENT, PASSED, NOT_RUN):
        for case in seen:
            if case.what == what:
                return case
    return Seen(NOT_RUN, "nothing was noted")


def table(points: Mapping[str, Iterable[str]], columns: Mapping[str, str]) -> list[str]:
    """How many tests of each point are in each column, and of all; a test may have several points.

    Args:
        points: the tests of each point.
        columns: the column of each test, by its key in `COLUMNS`.
    """
    heads = ["point", "tests", *COLUMNS.values()]
    rows = [(point, Counter(columns[test] for test in tests)) for point, tests in points.items()]
    rows.append(("all", Counter(columns.values())))
    cells = [
        [name, str(count.total()), *(str(count[key] or "-") for key in COLUMNS)]
        for name, count in rows
    ]
    return [
        "  ".join(cell.rjust(len(head)) for cell, head in zip(row, heads, strict=True))
        for row in (heads, *cells)
    ]


class Runs:
    """Runs of tests on the sources of other commits, each of them once."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._seen: dict[tuple[str, str], dict[Place, Seen]] = defaultdict(dict)

    def see(self, wanted: Iterable[tuple[Form, str]]) -> None:
        """Run forms of tests, each on the sources of a commit; one run for each pair of commits."""
        pairs: dict[tuple[str, str], set[Place]] = defaultdict(set)
        for form, sources in wanted:
            if sources and form.place not in self._seen[form.commit, sources]:
                pairs[form.commit, sources].add(form.place)
        for number, ((commit, sources), places) in enumerate(pairs.items(), 1):
            print(
                f"{number} of {len(pairs)}: {len(places)} tests of {commit[:7]} on {sources[:7]}",
                file=sys.stderr,
                flush=True,
            )
            with tempfile.TemporaryDirectory() as folder:
                tree, python = self._laid_out(Path(folder), commit, sources)
                self._seen[commit, sources] |= run(Path(folder), tree, python, sorted(places))

    def seen(self, form: Form, sources: str) -> Seen:
        """What became of a test there; a failure counts where it passes on its own sources."""
        if not sources:
            return Seen(NOT_RUN, "there is no commit before")
        there = self._seen[form.commit, sources].get(form.place, Seen(NOT_RUN, "it was not asked"))
        if there.what in (FAILED, ABSENT):
            own = self._seen[form.commit, form.commit].get(form.place)
            if own is not None and own.what != PASSED:
                return Seen(NOT_RUN, f"in its own commit it {own.what}: {own.why}")
        return there

    def _laid_out(self, folder: Path, commit: str, sources: str) -> tuple[Path, Path]:
        """The sources of one commit with the tests of another, and an interpreter that has them."""
        tree = folder / "tree"
        self._unpack(tree, sources)
        shutil.rmtree(tree / "tests", ignore_errors=True)
        self._unpack(tree, commit, "tests")
        home = folder / "environment"
        venv.EnvBuilder(symlinks=True).create(home)
        (site,) = home.glob("lib/python*/site-packages")
        # By their paths: what installs today's sources beside the packages is not read.
        watching = folder / "watching"
        watching.mkdir()
        shutil.copy(Path(__file__).with_name("watching.py"), watching)
        paths = (tree, watching, sysconfig.get_path("purelib"))
        (site / "sources.pth").write_text("\n".join(map(str, paths)) + "\n")
        python = home / "bin" / "python"
        _install(tree, site, python)
        return tree, python

    def _unpack(self, tree: Path, commit: str, *folders: str) -> None:
        command = ["git", "-C", str(self._history.root), "archive", commit, *folders]
        packed = subprocess.run(command, capture_output=True, check=True).stdout
        with tarfile.open(fileobj=BytesIO(packed)) as archive:
            archive.extractall(tree, filter="tar")


def _install(tree: Path, site: Path, python: Path) -> None:
    """The entry points and programs of the sources, as an installation would make them."""
    project = tomllib.loads((tree / "pyproject.toml").read_text())["project"]
    about = site / f"{project['name']}-{project['version']}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    scripts = project.get("scripts", {})
    groups = {"console_scripts": scripts} | project.get("entry-points", {})
    (about / "entry_points.txt").write_text(
        "\n".join(
            f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in entries.items())
            for group, entries in groups.items()
        )
    )
    for name, target in scripts.items():
        module, _, attribute = target.partition(":")
        program = python.with_name(name)
        program.write_text(
            f"#!{python}\nimport sys\nfrom {module} import {attribute}\nsys.exit({attribute}())\n"
        )
        program.chmod(0o755)


def run(folder: Path, tree: Path, python: Path, places: list[Place]) -> dict[Place, Seen]:
    """Run tests of a tree, and end every process that they leave behind."""
    notes = folder / "notes"
    files = sorted({place.file for place in places})
    options = ["--continue-on-collection-errors", "-p", "watching", "-p", "no:cacheprovider"]
    for setting in ("addopts=-q --import-mode=prepend", "markers=reproduction(*points): a mark"):
        options += ["-o", setting]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
    }
    environment |= {
        "WATCHING_NOTES": str(notes),
        "WATCHING_TESTS": json.dumps(places),
        "WATCHING_LIMIT_S": str(LIMIT_S),
        "TMPDIR": str(folder),
    }
    printed = folder / "printed"
    with printed.open("wb") as output:
        process = subprocess.Popen(
            [str(python), "-m", "pytest", *options, *files],
            cwd=tree,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        with suppress(subprocess.TimeoutExpired):
            process.wait(LIMIT_S * (len(places) + 1))
        _end_all(process, str(notes))
    cases: dict[Place, list[Seen]] = defaultdict(list)
    whole: dict[str, Seen] = {}
    for line in notes.read_text().splitlines() if notes.exists() else ():
        note = json.loads(line)
        seen = Seen(note["seen"], note["why"])
        if "name" in note:
            cases[Place(note["file"], note["name"])].append(seen)
        else:
            whole[note["file"]] = seen
    end = printed.read_text(errors="replace")[-300:]
    absent = "ImportError while loading conftest" in printed.read_text(errors="replace")
    otherwise = Seen(ABSENT if absent else NOT_RUN, end)
    return {place: of_cases(cases[place] or [whole.get(place.file, otherwise)]) for place in places}


def _end_all(process: subprocess.Popen[bytes], mark: str) -> None:
    """End a run with all that it began, by what only its processes have in their environment."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark.encode() in (folder / "environ").read_bytes():
                os.kill(int(folder.name), signal.SIGKILL)


def look(history: History, places: Iterable[Place]) -> dict[Place, Found]:
    """What became of each test before; of several runs the most telling one."""
    forms = {place: history.forms(place) for place in places}
    runs = Runs(history)
    found: dict[Place, Found] = {
        place: Found(Seen(NOT_RUN, "it is in no commit"), None)
        for place, some in forms.items()
        if not some
    }
    open_ = {place: some for place, some in forms.items() if some}

    def settle(how: str, wanted: dict[Place, list[tuple[Form, str]]]) -> None:
        tried = [one for some in wanted.values() for one in some]
        runs.see(tried)
        failed = [one for one in tried if runs.seen(*one).what in (FAILED, ABSENT)]
        runs.see((form, form.commit) for form, _ in failed)
        for place, some in wanted.items():
            for form, sources in some:
                seen = runs.seen(form, sources)
                if seen.what == FAILED:
                    found[place] = Found(seen, form, how)
                    open_.pop(place, None)
                    break
                if not how:
                    found[place] = Found(seen, form)

    settle("", {place: [(some[0], some[0].before)] for place, some in open_.items()})
    later = {place: [(form, form.before) for form in some[1:]] for place, some in open_.items()}
    settle("later", later)
    for number in EARLIER:
        settle(
            "earlier",
            {
                place: [(some[0], history.ancestor(some[0].commit, number))]
                for place, some in open_.items()
                if found[place].seen.what == PASSED
            },
        )
    return found


def main(points: Mapping[str, list[str]]) -> int:
    """Print what became of tests before, by point, and which did not fail on the commit before."""
    try:
        history = History(ROOT)
    except NoHistory as error:
        print(error)
        return 2
    tests = sorted({test for some in points.values() for test in some})
    found = look(history, [Place(*test.split("::")) for test in tests])
    columns = {}
    for test in tests:
        one = found[Place(*test.split("::"))]
        columns[test] = one.how or one.seen.what
    for line in table(points, columns):
        print(line)
    for test in tests:
        one = found[Place(*test.split("::"))]
        if columns[test] != FAILED:
            commit = one.form.commit[:7] if one.form else "-------"
            why = " ".join(one.seen.why.split())[:160]
            print(f"{COLUMNS[columns[test]]}: {test} ({commit}) {why}")
    return 0
