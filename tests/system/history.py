"""The commits in which a test changed, followed through moves and new names."""

import ast
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

_ALIKE = 0.6
"""The share of a test's lines that its earlier form has where its name is another."""


class Place(NamedTuple):
    """A test function, by its file below the root and its name."""

    file: str
    name: str


class Form(NamedTuple):
    """A test as it stood from a commit on; `before` is that commit's parent, "" if it has none."""

    commit: str
    before: str
    place: Place


class NoHistory(Exception):
    """This is no clone with its whole history; the message says what is missing."""


def tests_in(source: str) -> dict[str, str]:
    """The text of each test of a file, whatever its layout, its comments and its points."""
    found = {}
    for function in ast.parse(source).body:
        if isinstance(function, ast.FunctionDef) and function.name.startswith("test"):
            function.decorator_list = [
                decorator
                for decorator in function.decorator_list
                if "mark.reproduction" not in ast.unparse(decorator)
            ]
            found[function.name] = ast.unparse(function)
    return found


def former(place: Place, before: Mapping[Place, str], after: Mapping[Place, str]) -> Place | None:
    """Where a test that `after` has stood in `before`; None if it was not there.

    A test that was moved keeps its name, and one that was renamed or split off most of its lines.
    Only tests that are gone, or others than they were, can have become another.
    """
    if place in before:
        return place
    changed = [other for other in before if after.get(other) != before[other]]
    for other in changed:
        if other.name == place.name:
            return other
    lines = _lines(after[place])
    share = {other: len(lines & _lines(before[other])) / len(lines) for other in changed}
    nearest = max(share, key=lambda other: share[other], default=None)
    return nearest if nearest is not None and share[nearest] >= _ALIKE else None


@cache
def _lines(text: str) -> frozenset[str]:
    """The lines of a function but its first, which is its name."""
    body = text.partition(":\n")[2] or text
    return frozenset(line.strip() for line in body.splitlines())


class History:
    """The commits of a clone, and the tests that each had."""

    def __init__(self, root: Path) -> None:
        """Look whether the history is there.

        Raises:
            NoHistory: it is not a clone, or only the end of one.
        """
        self.root = root
        try:
            shallow = self.git("rev-parse", "--is-shallow-repository").strip()
        except (OSError, subprocess.CalledProcessError):
            raise NoHistory(
                f"{root} is not a clone that git can read: the commits before are not here "
                "(clone the repository, and ask again there)"
            ) from None
        if shallow == "true":
            raise NoHistory(
                f"{root} has only the last commits of its history (git fetch --unshallow gets "
                "the others)"
            )

    def git(self, *words: str) -> str:
        """What git prints."""
        command = ["git", "-C", str(self.root), *words]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout

    @cached_property
    def parents(self) -> dict[str, list[str]]:
        """The parents of each commit, the last commit first."""
        lines = self.git("rev-list", "--parents", "HEAD").splitlines()
        return {commit: parents for commit, *parents in map(str.split, lines)}

    def ancestor(self, commit: str, number: int) -> str:
        """The commit so many before one, by first parents; "" if there are not so many."""
        for _ in range(number):
            commit = next(iter(self.parents[commit]), "") if commit else ""
        return commit

    def forms(self, place: Place) -> list[Form]:
        """A test as it stands now and in each of its forms before, the first one first.

        Empty if the last commit does not have it.
        """
        commit = next(iter(self.parents))
        found: list[Form] = []
        if place not in self._tests(commit):
            return []
        while True:
            text = self._tests(commit)[place]
            where = {
                parent: earlier
                for parent in self.parents[commit]
                if (earlier := former(place, self._tests(parent), self._tests(commit)))
            }
            same = [parent for parent, it in where.items() if self._tests(parent)[it] == text]
            following = next(iter(same or where), "")
            if not same:
                before = following or next(iter(self.parents[commit]), "")
                found.append(Form(commit, before, place))
            if not following:
                return found[::-1]
            commit, place = following, where[following]

    @cache  # noqa: B019 - one history lives as long as the program
    def _tests(self, commit: str) -> dict[Place, str]:
        return {
            Place(file, name): text
            for file, blob in self._files(commit)
            for name, text in self._of_blob(blob).items()
        }

    def _files(self, commit: str) -> Iterator[tuple[str, str]]:
        for line in self.git("ls-tree", "-r", "--full-tree", commit, "tests").splitlines():
            about, file = line.split("\t")
            if Path(file).name.startswith("test_") and file.endswith(".py"):
                yield file, about.split()[2]

    @cache  # noqa: B019
    def _of_blob(self, blob: str) -> dict[str, str]:
        return tests_in(self.git("cat-file", "blob", blob))
