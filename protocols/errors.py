"""The errors that wellwise raises; the command line prints them without a traceback."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


class WellwiseError(Exception):
    """Something a person can mend; the message says what is wrong, where, and what to do."""


class Problem(BaseModel):
    """One thing wrong in something that a person wrote.

    `where` is a file or an argument, `line` counts from 1, `key` is the dotted path inside the
    file.
    """

    model_config = ConfigDict(frozen=True)

    message: str
    where: str = ""
    line: int | None = None
    key: str = ""
    expected: str = ""

    def __str__(self) -> str:
        place = self.where + (f":{self.line}" if self.line is not None else "")
        head = " ".join(
            part
            for part in (f"{place}:" if place else "", f"{self.key}:" if self.key else "")
            if part
        )
        tail = f" (expected {self.expected})" if self.expected else ""
        return f"{head} {self.message}{tail}".strip()


class InvalidInput(WellwiseError):
    """A file or an argument cannot be used; `problems` holds everything wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))

    def __reduce__(self) -> tuple[type["InvalidInput"], tuple[list[Problem]]]:
        """From one process to another."""
        return InvalidInput, (self.problems,)


Loc = tuple[str | int, ...]
"""The way to a key inside a file: names of mappings and indices of lists."""


class Finding(BaseModel):
    """A problem inside one model, before its file is known; `loc` leads to the key."""

    model_config = ConfigDict(frozen=True)

    loc: Loc
    message: str
    expected: str = ""


def refuse(findings: list[Finding]) -> None:
    """Raise all findings at once from inside a pydantic validator; nothing if there is none."""
    if findings:
        raise PydanticCustomError(
            "findings",
            "{text}",
            {"text": "; ".join(_with_place(finding) for finding in findings), "findings": findings},
        )


def duplicate_names(things: Sequence[Any], key: str) -> list[Finding]:
    """A finding for each thing whose `name` an earlier one already has."""
    seen: set[str] = set()
    findings = []
    for index, thing in enumerate(things):
        if thing.name in seen:
            findings.append(
                Finding(
                    loc=(key, index, "name"),
                    message=f"{thing.name!r} is duplicated",
                    expected="each name once",
                )
            )
        seen.add(thing.name)
    return findings


def _with_place(finding: Finding) -> str:
    place = ".".join(str(part) for part in finding.loc)
    return f"{place}: {finding.message}" if place else finding.message
