"""What findings say: the texts of checks, read out of the code that makes them.

A finding is in English wherever it is made, kept or given to programs; it is translated where it is
shown. Its text has values in it, so its template is what catalogues have: an f-string with a name
in place of each value.
"""

import ast
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from orchestrator.languages import PLACEHOLDER

_PACKAGES = Path(__file__).parents[3]
_FILES = (
    "protocols/*_checks.py",
    "protocols/operations/*.py",
    "protocols/parameters/*.py",
    *(
        f"protocols/{name}.py"
        for name in (
            *("blocks", "campaign_file", "constraints", "covariates", "descriptor_tables"),
            *("errors", "expressions", "labware", "outcomes", "plates", "protocol", "quantities"),
            *("references", "refusals", "step_timing", "wanted_read", "working_hours"),
        )
    ),
    *(f"orchestrator/intake/{name}.py" for name in ("campaign_check", "capability_check")),
    "orchestrator/intake/feasibility.py",
    "optimizer/strategy_registry.py",
)
"""Where the checks of a campaign file are."""

_SAY = {"Finding", "Problem", "Refusal", "ValueError", "LookupError", "_quantity_error"}
_COMPOSED = {
    "protocols/refusals.py": (
        *("{shown} is too small", "{shown} is too large", "{bound} or more", "more than {bound}"),
        *("{bound} or less", "less than {bound}"),
    ),
    "protocols/campaign_file.py": (
        *("there is {number}", "there are {number}", "{shown} stands where there should be keys"),
        "{mapping}, with keys such as {keys}",
    ),
}
"""Texts that are put together out of parts."""

_TEXTS = {"message", "expected"}
_YAML = re.compile(r"\{[^{}]*:[^{}]*\}")
_WORD = re.compile(r"[a-z]{2,}")


class FindingText(NamedTuple):
    """A template, and the file whose checks say it."""

    text: str
    file: str


def texts_of_findings() -> Iterator[FindingText]:
    """The template of every text that a check of a campaign file says; each wording once."""
    for file, texts in _COMPOSED.items():
        yield from (FindingText(text, file) for text in texts)
    seen: set[str] = set()
    for pattern in _FILES:
        for path in sorted(_PACKAGES.glob(pattern)):
            file = path.relative_to(_PACKAGES).as_posix()
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                for text in chain.from_iterable(map(_templates, _said(node))):
                    wording = PLACEHOLDER.sub("{}", text)
                    if wording not in seen:
                        seen.add(wording)
                        yield FindingText(text, file)


def _said(node: ast.AST) -> Iterator[ast.expr]:
    """The expressions of texts: in a call that makes a finding, or given the name of a text."""
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in _SAY:
            yield from node.args[:2]
            yield from (given.value for given in node.keywords if given.arg in _TEXTS)
        case ast.Assign(targets=[ast.Name(id=name)]) if name in _TEXTS:
            yield node.value


def _templates(said: ast.expr) -> Iterator[str]:
    match said:
        case ast.Constant(value=str(text)) if _WORD.search(_YAML.sub("", text)):
            yield text
        case ast.JoinedStr() if len(_WORD.findall(_literals(said))) > 1:
            yield _template(said)
        case ast.IfExp():
            yield from _templates(said.body)
            yield from _templates(said.orelse)
        case ast.BinOp(op=ast.Add()):
            joined = ast.JoinedStr([*_parts(said.left), *_parts(said.right)])
            yield from _templates(joined)


def _parts(said: ast.expr) -> list[ast.expr]:
    match said:
        case ast.Constant(value=str()):
            return [said]
        case ast.JoinedStr():
            return list(said.values)
        case ast.BinOp(op=ast.Add()):
            return [*_parts(said.left), *_parts(said.right)]
    return [ast.FormattedValue(said, -1)]


def _literals(said: ast.JoinedStr) -> str:
    return " ".join(str(part.value) for part in said.values if isinstance(part, ast.Constant))


def _template(said: ast.JoinedStr) -> str:
    names: dict[str, int] = {}
    text = ""
    for part in said.values:
        if isinstance(part, ast.Constant):
            text += str(part.value)
        elif isinstance(part, ast.FormattedValue):
            name = _name(part.value)
            names[name] = names.get(name, 0) + 1
            text += f"{{{name}{names[name] if names[name] > 1 else ''}}}"
    return text


def _name(value: ast.expr) -> str:
    """What a value is called in a template: its last name in the code."""
    names = [
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(value)
        if isinstance(node, ast.Attribute | ast.Name)
    ]
    return names[0].strip("_").lower() if names else "value"
