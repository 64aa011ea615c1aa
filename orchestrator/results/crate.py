"""Crate: a campaign as an RO-Crate that another lab can check and propose again from."""

import hashlib
import json
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from orchestrator.core.state import CampaignState
from orchestrator.errors import JournalError
from orchestrator.journal.archives import opened_archive
from orchestrator.journal.journal import Journal
from orchestrator.journal.row_json import add_rows, campaign_rows, sha256
from orchestrator.languages import ENGLISH, speaking
from orchestrator.results.attribution import Attribution
from orchestrator.results.column_schema import table_schema
from orchestrator.results.crate_environment import environment_lock, readme, wellwise_version
from orchestrator.results.crate_metadata import Part, described, reading_part
from orchestrator.results.report import report_of
from orchestrator.results.report_record import Record, record_of
from orchestrator.results.tables import csv_text, tidy_table
from orchestrator.settings import Settings
from protocols.image_formats import MEDIA_TYPES
from protocols.pixel_size import pixel_size_um

_METADATA = "ro-crate-metadata.json"
_TABLES = ("campaign", "round", "well", "job", "reading", "observation", "event")
_LATER = ("measurement", "covariate")
"""Tables that crates from before them do not have."""
_KINDS = {
    ".json": "application/json",
    ".csv": "text/csv",
    ".yaml": "application/yaml",
    ".html": "text/html",
    ".md": "text/markdown",
    ".txt": "text/plain",
} | MEDIA_TYPES


def write_crate(
    settings: Settings,
    journal: Journal,
    campaign_id: str,
    archive: Path,
    attribution: Attribution | None = None,
    language: str = ENGLISH,
) -> int:
    """Write a campaign as an RO-Crate (zip), each part with its hash.

    Its parts are conditions, readings, images, events, report, campaign file, what the columns of
    the table are, and the versions to install. `attribution` says who made it and what others may
    do with it, `language` is that of the report.

    Returns: the number of files in it.

    Raises:
        JournalError: the archive exists, there is no such campaign, or an image is not what the
            journal says of it.
    """
    if archive.exists():
        raise JournalError(f"{archive} exists: choose another name (nothing was written)")
    state = journal.state(campaign_id)
    rows = campaign_rows(journal, campaign_id, (*_TABLES, *_LATER))
    record = record_of(journal, state, settings.home)
    parts = _parts(settings, state, rows, record)
    with speaking(language):
        page = report_of(journal, campaign_id, settings).encode()
    parts["report.html"] = _part("report.html", page, "what was done and found")
    rounds = list(record.rounds.values())
    with tempfile.TemporaryDirectory() as folder:
        crate = described(
            state,
            rows,
            parts,
            record.rounds,
            wellwise_version(rounds),
            attribution or Attribution(),
            Path(folder),
        )
        partial = archive.with_name(archive.name + ".partial.zip")
        try:
            crate.write_zip(partial)
            partial.replace(archive)
        finally:
            partial.unlink(missing_ok=True)
    return len(parts)


def _parts(
    settings: Settings, state: CampaignState, rows: Mapping[str, list[Any]], record: Record
) -> dict[str, Part]:
    [campaign] = rows["campaign"]
    rounds, table = list(record.rounds.values()), tidy_table(state)
    schema = table_schema(state.campaign, table, "wells.csv")
    texts = {
        "campaign.yaml": (campaign["file_text"], "the campaign file as it was launched"),
        "wells.csv": (csv_text(table), "one row a well: condition, role, value, flags, reason"),
        "wells.csv-metadata.json": (
            json.dumps(schema, indent=1),
            "what each column of wells.csv is, its type and unit (CSV on the Web, QUDT)",
        ),
        "README.md": (
            readme(state.campaign.title or state.id, state.id, rounds),
            "what is in this crate, how to check it and to propose its rounds again",
        ),
        "environment/requirements.txt": (environment_lock(rounds), "the versions to install"),
    }
    parts = {name: _part(name, text.encode(), about) for name, (text, about) in texts.items()}
    for name, found in rows.items():
        content = json.dumps(found, sort_keys=True, indent=1).encode()
        path = f"journal/{name}.json"
        parts[path] = _part(path, content, f"rows of the journal's table {name}")
    for reading in rows["reading"]:
        if reading["path"]:
            content = _image(settings.home / reading["path"], reading["sha256"])
            image = reading["kind"] == "image"
            # A plate table is that of all its wells.
            well = "" if reading["kind"] == "number" else f" {reading['well']}"
            what = f"of plate {reading['plate']}{well}, round {reading['round']}"
            name = reading_part(reading)
            parts[name] = _part(name, content, f"{'image' if image else 'reading'} {what}")
    return parts


def _part(name: str, content: bytes, about: str) -> Part:
    kind = _KINDS.get(Path(name).suffix, "application/octet-stream")
    size = pixel_size_um(content) if kind == "image/tiff" else None
    return Part(
        content, about, kind, sha256(content), {} if size is None else {"pixel_size_um": size}
    )


def verify(archive: Path) -> list[str]:
    """What is wrong with a crate, zipped or unpacked: parts missing, changed or undeclared.

    Returns: a line for each; none if it is as it was written.

    Raises:
        JournalError: it is no crate of wellwise.
    """
    with _opened(archive) as (source, described):
        there = {name for name in source.namelist() if not name.endswith("/")} - {
            _METADATA,
            "ro-crate-preview.html",
        }
        wrong = [f"{name} is missing" for name in sorted(described.keys() - there)]
        wrong += [f"{name} is not described" for name in sorted(there - described.keys())]
        for name in sorted(described.keys() & there):
            try:
                found = source.sha256(name)
            except (OSError, zipfile.BadZipFile, zlib.error):
                found = ""
            if found != described[name]:
                wrong.append(f"{name} is not what was written")
        return wrong


@contextmanager
def journal_of(archive: Path) -> Iterator[tuple[Journal, str]]:
    """A journal of a crate's campaign for the length of a block, and the campaign's id.

    Raises:
        JournalError: it is no crate of wellwise, or not as it was written.
    """
    wrong = verify(archive)
    if wrong:
        raise JournalError(f"{archive} cannot be trusted: {'; '.join(wrong[:5])}")
    with _opened(archive) as (source, parts), tempfile.TemporaryDirectory() as folder:
        names = [name for name in (*_TABLES, *_LATER) if f"journal/{name}.json" in parts]
        rows = {name: json.loads(source.read(f"journal/{name}.json")) for name in names}
        journal = Journal(f"sqlite:///{Path(folder) / 'journal.sqlite'}")
        try:
            add_rows(journal, rows)
            yield journal, rows["campaign"][0]["id"]
        finally:
            journal.close()


class _Unpacked:
    """A folder, read as its archive would be."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def namelist(self) -> list[str]:
        return [
            path.relative_to(self._folder).as_posix()
            for path in self._folder.rglob("*")
            if path.is_file()
        ]

    def read(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()

    def sha256(self, name: str) -> str:
        with (self._folder / name).open("rb") as part:
            return hashlib.file_digest(part, "sha256").hexdigest()


class _Zipped:
    """An archive."""

    def __init__(self, source: zipfile.ZipFile) -> None:
        self._source = source
        self.namelist, self.read = source.namelist, source.read

    def sha256(self, name: str) -> str:
        with self._source.open(name) as part:
            return hashlib.file_digest(part, "sha256").hexdigest()  # type: ignore[arg-type]


@contextmanager
def _opened(archive: Path) -> Iterator[tuple[_Zipped | _Unpacked, dict[str, str]]]:
    """The archive (or its folder), and the SHA-256 of each part by its metadata."""
    try:
        zipped = None if archive.is_dir() else opened_archive(archive)
    except (OSError, zipfile.BadZipFile) as error:
        raise JournalError(f"{archive} is no crate: {error}") from None
    with zipped or nullcontext():
        source = _Unpacked(archive) if zipped is None else _Zipped(zipped)
        try:
            graph = json.loads(source.read(_METADATA))["@graph"]
            described = {entity["@id"]: entity["sha256"] for entity in graph if "sha256" in entity}
        except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
            raise JournalError(
                f"{archive} is no crate of wellwise: {_METADATA} cannot be read ({error})"
            ) from None
        if not described.keys() >= {f"journal/{name}.json" for name in _TABLES}:
            raise JournalError(f"{archive} is no crate of wellwise: it has no journal")
        yield source, described


def _image(path: Path, expected: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError:
        raise JournalError(f"image {path} is missing (nothing was written)") from None
    if sha256(content) != expected:
        raise JournalError(f"image {path} was changed since it was taken (nothing was written)")
    return content
