"""Crate: a campaign as an RO-Crate that another lab can check and propose again from."""

import hashlib
import json
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path

from rocrate.rocrate import ROCrate

from orchestrator.errors import JournalError
from orchestrator.journal.archives import opened_archive
from orchestrator.journal.journal import Journal
from orchestrator.journal.row_json import add_rows, campaign_rows, sha256
from orchestrator.results.report import report_of
from orchestrator.results.tables import csv_text, tidy_table
from orchestrator.settings import Settings
from protocols.image_formats import MEDIA_TYPES

_METADATA = "ro-crate-metadata.json"
_TABLES = ("campaign", "round", "well", "job", "reading", "observation", "event")
_LATER = ("measurement", "covariate")
"""Tables that crates from before them do not have."""
_KINDS = {
    ".json": "application/json",
    ".csv": "text/csv",
    ".yaml": "application/yaml",
    ".html": "text/html",
} | MEDIA_TYPES


def write_crate(settings: Settings, journal: Journal, campaign_id: str, archive: Path) -> int:
    """Write a campaign as an RO-Crate (zip), each part with its hash.

    Its parts are conditions, readings, images, events and campaign file.

    Returns: the number of files in it.

    Raises:
        JournalError: the archive exists, there is no such campaign, or an image is not what the
            journal says of it.
    """
    if archive.exists():
        raise JournalError(f"{archive} exists: choose another name (nothing was written)")
    state = journal.state(campaign_id)
    rows = campaign_rows(journal, campaign_id, (*_TABLES, *_LATER))
    [campaign] = rows["campaign"]
    parts: dict[str, tuple[bytes, str]] = {
        "campaign.yaml": (campaign["file_text"].encode(), "the campaign file as it was launched"),
        "wells.csv": (
            csv_text(tidy_table(state)).encode(),
            "one row a well: condition, role, value, flags, reason",
        ),
        "report.html": (report_of(journal, campaign_id, settings).encode(), "the report"),
    }
    for name, found in rows.items():
        text = json.dumps(found, sort_keys=True, indent=1)
        parts[f"journal/{name}.json"] = text.encode(), f"rows of the journal's table {name}"
    for reading in rows["reading"]:
        if reading["path"]:
            content = _image(settings.home / reading["path"], reading["sha256"])
            image = reading["kind"] == "image"
            name = f"{'images' if image else 'readings'}/{Path(reading['path']).name}"
            # A plate table is that of all its wells.
            well = "" if reading["kind"] == "number" else f" {reading['well']}"
            what = f"of plate {reading['plate']}{well}, round {reading['round']}"
            parts[name] = content, f"{'image' if image else 'reading'} {what}"
    with tempfile.TemporaryDirectory() as folder:
        crate = ROCrate()
        crate.name = state.campaign.title or campaign_id
        crate.description = (
            f"Campaign {campaign_id} of wellwise {version('wellwise')}: {len(state.rounds)} rounds"
        )
        for name, (content, about) in parts.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            kind = _KINDS.get(path.suffix, "application/octet-stream")
            facts = {
                "description": about,
                "encodingFormat": kind,
                "sha256": sha256(content),
                "contentSize": len(content),
            }
            crate.add_file(path, name, properties=facts)
        partial = archive.with_name(archive.name + ".partial.zip")
        try:
            crate.write_zip(partial)
            partial.replace(archive)
        finally:
            partial.unlink(missing_ok=True)
    return len(parts)


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
