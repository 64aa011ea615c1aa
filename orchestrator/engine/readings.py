"""Readings of a job that is done: whether they are all there, and how they are kept."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

from orchestrator.journal.durable import write_durably
from orchestrator.journal.tables import ReadingRow
from orchestrator.lab.lab import Lab
from protocols.image_formats import format_of
from protocols.jobs import Job, JobReport, Reading

_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,8}")


def reading_faults(job: Job, report: JobReport, on_plate: Sequence[str] = ()) -> list[str]:
    """What is wrong with the readings of a job that is done: too few, too many, of strangers.

    A file as its vendor writes it stands for any kind. `on_plate` are the wells of which a plate
    table must say something.
    """
    expected = Counter(
        operation.well_name or ""
        for operation in job.operations
        if operation.reads and operation.well_name not in report.failed_wells
    )
    got = Counter(reading.well for reading in report.readings)
    kinds = defaultdict(list)
    for operation in job.operations:
        if operation.reads:
            kinds[operation.well_name or ""].append(operation.reads)
    faults = [f"it has no reading of {_named(well)}" for well in sorted((expected - got).keys())]
    # More readings than asked of a failed well are no loss.
    for well in sorted((got - expected).keys() - report.failed_wells.keys()):
        known = well in expected
        faults.append(
            f"it has {'one reading too many' if known else 'a reading'} of {_named(well)}"
        )
    for reading in report.readings:
        wanted = kinds.get(reading.well, [])
        if wanted and reading.kind not in (*wanted, "file"):
            faults.append(
                f"its reading of {_named(reading.well)} is a {reading.kind}, not a {wanted[0]}"
            )
        if reading.kind == "plate":
            missing = [
                well
                for well in on_plate
                if well not in reading.numbers and well not in report.failed_wells
            ]
            faults += [f"its plate table says nothing of {', '.join(missing)}"] if missing else []
    return faults


def kept(
    lab: Lab, campaign_id: str, key: str, job: Job, report: JobReport, on_plate: Sequence[str]
) -> list[ReadingRow]:
    """The rows of a job's readings; their files are on the disk before the journal speaks of them.

    A plate table, and a file of the whole plate, is a row for each well that is on the plate, and
    one file.
    """
    seen: Counter[str] = Counter()
    rows: list[ReadingRow] = []
    for reading in report.readings:
        seen[reading.well] += 1
        name = f"r{job.round}-p{job.plate}-{reading.well or 'plate'}-{job.step}-{job.occurrence}"
        # The first has the name that it always had.
        name += f"-{seen[reading.well]}" if seen[reading.well] > 1 else ""
        columns: dict[str, Any] = {
            "campaign_id": campaign_id,
            "round": job.round,
            "plate": job.plate,
            "job_key": key,
            **_file(lab, campaign_id, name, reading),
        }
        rows += (ReadingRow(**columns, **found) for found in _of_wells(reading, on_plate))
    return rows


def _of_wells(reading: Reading, on_plate: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What a reading says of each well that it is of."""
    if reading.kind == "plate":
        for well in on_plate:
            number = reading.numbers.get(well)
            yield {"well": well, "kind": "number", "number": number, "unit": reading.unit}
        return
    found = {"kind": reading.kind, "number": reading.number, "unit": reading.unit}
    for well in [reading.well] if reading.well else on_plate:
        yield {"well": well, **found}


def _file(lab: Lab, campaign_id: str, name: str, reading: Reading) -> dict[str, str]:
    """Write the file of a reading, if it needs one: where it is, and its SHA-256."""
    folder = lab.home / "campaigns" / campaign_id
    if reading.kind == "image":
        path = folder / "images" / (name + format_of(reading.image).extension)
        content = reading.image
    elif reading.kind == "file":
        extension = PurePath(reading.file_name).suffix
        safe = extension.lower() if _EXTENSION.fullmatch(extension) else ".bin"
        path, content = folder / "readings" / (name + safe), reading.file
    elif reading.kind in ("plate", "trace"):
        content = reading.model_dump_json(include={"unit", "numbers", "trace"}).encode()
        path = folder / "readings" / f"{name}.json"
    else:
        return {}
    write_durably(path, content)
    return {
        "path": path.relative_to(lab.home).as_posix(),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _named(well: str) -> str:
    return well or "the plate"
