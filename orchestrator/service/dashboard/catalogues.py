"""Brings the catalogues of translations up to date with what pages and reports say.

    python -m orchestrator.service.dashboard.catalogues

Texts come from templates, scripts and Python of the service, from the report, and from the
vocabulary: statuses, kinds of events, roles and flags, acts with their fields, keys of the campaign
file with what they mean, what checks of it say. What is new has an empty translation, what is gone
is dropped; a test finds both.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, get_args

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

from orchestrator import languages
from orchestrator.control.describe import spec_of
from orchestrator.control.table import ACTS
from orchestrator.core.events import EventKind
from orchestrator.core.state import CampaignStatus, JobStatus, RoundStatus
from orchestrator.journal.access_tokens import Role
from orchestrator.lab import scoring
from orchestrator.languages import ENGLISH, FINDINGS, INSTRUCTIONS, LANGUAGES, catalogue
from orchestrator.service.dashboard import instruction_texts
from orchestrator.service.dashboard.finding_texts import texts_of_findings
from orchestrator.service.problems import TITLES
from orchestrator.service.routes.vocabulary import installed
from orchestrator.service.schema.campaigns import URGENCY
from protocols import combine, computed, scorers
from protocols.conditions import Role as WellRole

_SERVICE = Path(__file__).parents[1]
_REPORT = {
    "results": [("**.py", "python"), ("**.html", "jinja2.ext:babel_extract")],
    "languages": [("**.py", "python")],
}
"""Rooms of which texts stand in the report, and how a problem is put, with how they are read."""

_METHODS = [
    ("**/vendor/**", "ignore"),
    ("**.py", "python"),
    ("**/templates/**.html", "jinja2.ext:babel_extract"),
    ("**/static/**.js", f"{__name__}:texts_of_script"),
]
_KEYWORDS = {"gettext": None, "later": None, "_": None, "ngettext": (1, 2), "_n": (1, 2)}
_TEXT = r'"((?:[^"\\]|\\.)*)"'
_CALL = re.compile(rf"\b(n?gettext)\(\s*{_TEXT}(?:\s*,\s*{_TEXT})?")
_FLAG = re.compile(r'flags\b[^\n]*?"([a-z_]+)"')
_FURTHER = (
    *("lost", "flagged", "excluded", "outlier", "due", "later", "late"),
    *("simulated", "working", "idle"),
    *("token created", "token revoked", "signed in", "sign in refused"),
)
"""Words that pages say of things which no enumeration has."""


class Said(NamedTuple):
    """A text, or its singular and plural, and the file that says it."""

    text: str | tuple[str, ...]
    file: str


def texts_of_script(
    script: BinaryIO, keywords: Iterable[str], comment_tags: object, options: Mapping[str, Any]
) -> Iterator[tuple[int, str, Any, list[str]]]:
    """The texts of a script, for Babel: whatever stands in a call as "..."."""
    text = script.read().decode()
    for call in _CALL.finditer(text):
        one, many = (part and part.replace('\\"', '"') for part in call.groups()[1:])
        line = text.count("\n", 0, call.start()) + 1
        yield line, call[1], (one, many) if call[1] == "ngettext" else one, []


def said_by_pages() -> Iterator[Said]:
    """What templates, scripts and Python of the service say."""
    found = extract_from_dir(_SERVICE, _METHODS, keywords=_KEYWORDS)
    for file, _, text, _, _ in found:
        yield Said(text, f"service/{file}")


def said_by_reports() -> Iterator[Said]:
    """What the report of a campaign says, with its figures."""
    for room, methods in _REPORT.items():
        folder = _SERVICE.with_name(room)
        for file, _, text, _, _ in extract_from_dir(folder, methods, keywords=_KEYWORDS):
            yield Said(text, f"{room}/{file}")


def said_by_the_vocabulary() -> Iterator[Said]:
    """What pages say of what they are given, not of what stands in them."""
    names: list[str] = [*_FURTHER, *URGENCY, *(role.word for role in Role), *get_args(WellRole)]
    for kind in (CampaignStatus, RoundStatus, EventKind):
        names += [member.value for member in kind]
    yield from (Said(status.value.replace("_", " "), "core.js") for status in JobStatus)
    own = sorted(Path(scorers.__file__).parent.glob("*.py"))
    for file in (*own, Path(combine.__file__), Path(computed.__file__), Path(scoring.__file__)):
        names += _FLAG.findall(file.read_text(encoding="utf-8"))
    yield from (Said(name.replace("_", " "), "core") for name in names)
    yield from (Said(title, "service/problems.py") for title in TITLES.values())
    for act in ACTS:
        yield Said(act.name.replace("_", " "), "control")
        yield Said(spec_of(act).summary, "control")
        for field in spec_of(act).fields:
            yield from (Said(name.replace("_", " "), "control") for name in field.choices)
            if field.help:
                yield Said(field.help, "control")
    vocabulary = installed()
    for schema in [vocabulary.schema_, *_options(vocabulary.scorers, vocabulary.drivers)]:
        yield from (Said(text, "protocols.js") for text in texts_of_schema(schema))
    for plug_ins in (vocabulary.operations, vocabulary.scorers, vocabulary.drivers):
        for name, plug_in in plug_ins.items():
            yield Said(name.replace("_", " "), "protocols.js")
            yield Said(plug_in.summary, "protocols.js")


def said_by_checks() -> Iterator[Said]:
    """What checks of files say, and what wellwise writes into the journal."""
    yield from (Said(text, f"{FINDINGS}{file}") for text, file in texts_of_findings())


def said_by_operations() -> Iterator[Said]:
    """What checklists say of operations."""
    yield from (
        Said(text, f"{INSTRUCTIONS}protocols/operations") for text in instruction_texts.TEXTS
    )


def texts_of_schema(schema: Any) -> Iterator[str]:
    """Names of keys and of choices in a JSON Schema, and what keys mean."""
    if isinstance(schema, list):
        for part in schema:
            yield from texts_of_schema(part)
    if not isinstance(schema, dict):
        return
    for name, of in schema.get("properties", {}).items():
        yield name.replace("_", " ")
        if of.get("type") == "array":  # its items are added one by one
            yield name.replace("_", " ").removesuffix("s")
    meaning = schema.get("description")
    if isinstance(meaning, str) and not meaning.startswith("a quantity with a unit"):
        yield meaning.split("\n")[0]  # fields show no more of it
    choices = [schema.get("const"), *schema.get("enum", ())]
    yield from (str(choice).replace("_", " ") for choice in choices if isinstance(choice, str))
    for part in schema.values():
        yield from texts_of_schema(part)


def _options(*kinds: Mapping[str, Any]) -> list[Any]:
    return [plug_in.options for plug_ins in kinds for plug_in in plug_ins.values()]


def current_texts() -> Catalog:
    """Everything that is said, without translations."""
    found = Catalog(project="wellwise", charset="utf-8")
    everything = chain(
        said_by_pages(),
        said_by_reports(),
        said_by_the_vocabulary(),
        said_by_checks(),
        said_by_operations(),
    )
    for text, file in everything:
        if text:
            found.add(text, locations=[(file, 0)])
    return found


def main() -> None:
    """Rewrite the catalogue of each language."""
    texts = current_texts()
    for language in LANGUAGES:
        if language == ENGLISH:
            continue
        file = Path(languages.__file__).with_name(f"{language}.po")
        known = catalogue(language) if file.exists() else Catalog(language)
        known.header_comment = f"# What wellwise's pages say, in {language}."
        known.project, known.version = "wellwise", "pages"
        known.fuzzy = False
        texts.creation_date = known.creation_date
        known.update(texts, no_fuzzy_matching=True)
        known.obsolete.clear()
        with file.open("wb") as out:
            write_po(out, known, width=100, include_lineno=False, sort_by_file=True)


if __name__ == "__main__":
    main()
