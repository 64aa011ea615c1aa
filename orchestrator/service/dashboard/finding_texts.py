"""What findings and the journal say: their texts, read out of the code that writes them.

Such a sentence is in English wherever it is made, kept or given to programs; it is translated where
it is shown. It has values in it, so its template is what catalogues have: an f-string with a name
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


def _in(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}.py" for name in names)


_FILES = (
    *_in("protocols", "*_checks", "operations/*", "parameters/*"),
    *_in("protocols", "blocks", "campaign_file", "constraints", "covariates", "descriptor_tables"),
    *_in("protocols", "errors", "expressions", "labware", "outcomes", "plates", "protocol"),
    *_in("protocols", "quantities", "references", "refusals", "step_timing", "wanted_read"),
    *_in("protocols", "working_hours"),
    "orchestrator/intake/*.py",
    "optimizer/strategy_registry.py",
)
"""Where the checks of campaign files and of tables are."""

_SAY = {"Finding", "Problem", "Refusal", "ValueError", "LookupError", "_quantity_error", "_problem"}

_RECORDING = (
    *_in("orchestrator/core", "first_design", "lifecycle", "round_planning", "stop_rule"),
    *_in("orchestrator/engine", "dispatch", "readings"),
    *_in("orchestrator/journal", "lives", "outages"),
    "protocols/step_timing.py",
    *_in("orchestrator/lab", "disk", "rescheduling"),
    "optimizer/proposing.py",
    *_in("optimizer/strategies", "botorch", "published", "qlognei", "space_filling", "thompson"),
)
"""Which files write what people are asked, events, and reasons of proposals."""

_COMPOSED = {
    "protocols/refusals.py": (
        *("{shown} is too small", "{shown} is too large", "{bound} or more", "more than {bound}"),
        *("{bound} or less", "less than {bound}"),
    ),
    "protocols/campaign_file.py": (
        *("there is {number}", "there are {number}", "{shown} stands where there should be keys"),
        "{mapping}, with keys such as {keys}",
    ),
    "drivers/device.py": (
        "{operation} was under way: {why}. All before it are done, none after it is",
    ),
    "drivers/manual.py": (
        "{robot}: {person} is reminded: it was due at {due}, and may be begun until {until}",
    ),
    "orchestrator/control/handover.py": tuple(
        f"{{digits}} {jobs} from {{robot}} to {{to}}, {plates} {{numbers}}: {{why}}"
        for jobs in ("job", "jobs")
        for plates in ("plate", "plates")
    ),
    "orchestrator/control/proposals.py": ("edited by {who}: {why}", "left empty: {why}"),
    "orchestrator/control/rescoring.py": tuple(
        f"{{digits}} {readings} by {{scorer}} version {{version}}, {{changed}} changed: {{why}}"
        for readings in ("reading", "readings")
    ),
    "orchestrator/journal/jobs.py": ("step {step}: {why}",),
    "orchestrator/core/lifecycle.py": ("a well",),
    "orchestrator/core/stop_rule.py": ("{digits} round done", "{digits} rounds done"),
    "orchestrator/journal/journal.py": tuple(
        f"{{digits}} {wells}{rest}"
        for wells in ("well", "wells")
        for rest in (", to be approved", ", {jobs} job", ", {jobs} jobs", ": {outcomes}")
    ),
    "optimizer/cost_weights.py": ("{reason}; weighed by what it takes: {taken}",),
    "optimizer/strategies/botorch.py": (
        "optimiser: {outcomes}; meets the constraints with {met}; expected to add {gain} to {adds}",
    ),
    "protocols/layout.py": tuple(
        f"has no {free}well in this round{needs}"
        for free in ("", "free ")
        for needs in ("", " ({needs})")
    ),
    "protocols/number_words.py": tuple(
        f"{{digits}} {what}{plural}"
        for what in ("well", "plate", "round", "job")
        for plural in ("", "s")
    ),
}
"""Texts that are put together out of parts."""

_TEXTS = {"message", "expected"}
_YAML = re.compile(r"\{[^{}]*:[^{}]*\}")
_WORD = re.compile(r"[a-z]{2,}")
_SENTENCE = re.compile(r"(?![,;]).*[a-z]{2,}\b.* .*\b[a-z]{2,}", re.DOTALL)
"""Two words with a space between them, and no mere end of a sentence."""


class FindingText(NamedTuple):
    """A template, and the file that says it."""

    text: str
    file: str


def texts_of_findings() -> Iterator[FindingText]:
    """The template of every text of a check, of the journal or of a reason; each wording once."""
    for file, texts in _COMPOSED.items():
        yield from (FindingText(text, file) for text in texts)
    seen: set[str] = set()
    for patterns, said in ((_FILES, _said), (_RECORDING, _written)):
        for path in chain.from_iterable(sorted(_PACKAGES.glob(pattern)) for pattern in patterns):
            file = path.relative_to(_PACKAGES).as_posix()
            found = said(ast.parse(path.read_text(encoding="utf-8")))
            for text in chain.from_iterable(map(_templates, found)):
                wording = PLACEHOLDER.sub("{}", text)
                if wording not in seen:
                    seen.add(wording)
                    yield FindingText(text, file)


def _said(code: ast.AST) -> Iterator[ast.expr]:
    """The expressions of texts: in a call that makes a finding, or given the name of a text."""
    for node in ast.walk(code):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _SAY:
                yield from node.args[-2:]
                yield from (given.value for given in node.keywords if given.arg in _TEXTS)
            case ast.Assign(targets=[ast.Name(id=name)]) if name in _TEXTS:
                yield node.value
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                pairs = zip(names, values, strict=True)
                yield from (v for n, v in pairs if isinstance(n, ast.Name) and n.id in _TEXTS)


def _written(code: ast.AST) -> Iterator[ast.expr]:
    """Every sentence of a file that is neither about its code nor an error of a caller."""
    match code:
        case ast.Expr(value=ast.Constant()) | ast.Raise() | ast.Assert():
            return
        case ast.Call(func=ast.Name(id="Field")):  # of options
            return
        case ast.JoinedStr() | ast.Constant(value=str()):
            if _SENTENCE.match(_template(code)):
                yield code
            return
    for child in ast.iter_child_nodes(code):
        yield from _written(child)


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


def _literals(said: ast.expr) -> str:
    return " ".join(str(part.value) for part in _parts(said) if isinstance(part, ast.Constant))


def _template(said: ast.expr) -> str:
    names: dict[str, int] = {}
    text = ""
    for part in _parts(said):
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
