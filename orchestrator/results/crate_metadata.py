"""Metadata of a crate: files, people, robots, and each run, round and job as an action.

RO-Crate 1.2 with the profiles Process Run Crate 0.5 and Workflow Run Crate 0.5: the campaign file
is the workflow, the campaign its run, a job the work of a robot.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from orchestrator.core.by import WELLWISE
from orchestrator.core.provenance import RoundProvenance
from orchestrator.core.state import CampaignState
from orchestrator.results.attribution import Attribution
from orchestrator.results.column_schema import qudt_unit

_SPECIFICATION = "1.2"
_PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
_DESCRIPTOR = (
    f"https://w3id.org/ro/crate/{_SPECIFICATION}",
    # Workflow Run Crate 0.5 rests on these.
    "https://w3id.org/ro/crate/1.1",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
)
_BIOSCHEMAS = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
_SOFTWARE = "https://pypi.org/project/wellwise/"
_ENDED = {
    "done": "http://schema.org/CompletedActionStatus",
    "failed": "http://schema.org/FailedActionStatus",
}
_WORKFLOW = "campaign.yaml"


class Part(NamedTuple):
    """A file of a crate: its bytes, what it is, its media type and further properties."""

    content: bytes
    about: str
    media_type: str
    sha256: str
    properties: Mapping[str, Any] = {}


def described(
    state: CampaignState,
    rows: Mapping[str, list[dict[str, Any]]],
    parts: Mapping[str, Part],
    rounds: Mapping[int, RoundProvenance],
    version: str,
    attribution: Attribution,
    folder: Path,
) -> ROCrate:
    """The crate of a campaign, with its files in a folder.

    Args:
        state: the campaign.
        rows: its rows of the journal, by table.
        parts: its files by name.
        rounds: with what each round was made.
        version: the wellwise that replays it.
        attribution: people, institution and licence.
        folder: where its files are written.
    """
    crate = ROCrate(version=_SPECIFICATION)
    crate.metadata["conformsTo"] = [{"@id": iri} for iri in _DESCRIPTOR]
    crate.name = state.campaign.title or state.id
    crate.description = (
        f"Campaign {state.id}, a closed-loop experiment of {len(state.rounds)} rounds by wellwise "
        f"{version}: conditions, jobs, readings, values, events and report."
    )
    _rights(crate, attribution, rows)
    crate.root_dataset["conformsTo"] = [
        _entity(crate, iri, ["CreativeWork", "Profile"], name=name, version=number,
                description=f"The profile {name}, version {number}.", url=iri)
        for iri, (name, number) in _PROFILES.items()
    ]  # fmt: skip
    for name, part in parts.items():
        _file(crate, folder, name, part)
    _workflow(crate, version)
    software = _entity(
        crate, f"{_SOFTWARE}{version}/", "SoftwareApplication", name="wellwise", version=version,
        url=_SOFTWARE, description="Proposes, schedules and journals closed-loop experiments.",
    )  # fmt: skip
    actions = [
        _run(crate, state, rows),
        *_rounds(crate, state, rows, rounds, software),
        *_jobs(crate, rows, rounds, version),
    ]
    crate.root_dataset["mentions"] = actions
    return crate


def _entity(crate: ROCrate, iri: str, kind: str | list[str], **properties: Any) -> ContextEntity:
    found = crate.dereference(iri)
    if found is not None:
        return found
    given = {"@type": kind} | {key: value for key, value in properties.items() if value}
    found = crate.add(ContextEntity(crate, iri, properties={"@type": kind}))
    for key, value in given.items():
        if key != "@type":
            # A list of one is to be written as the one.
            found[key] = value[0] if isinstance(value, list) and len(value) == 1 else value
    return found


def _rights(
    crate: ROCrate, attribution: Attribution, rows: Mapping[str, list[dict[str, Any]]]
) -> None:
    licence = attribution.licence
    crate.license = (
        _entity(
            crate, "#licence", "CreativeWork", name="No licence was given",
            description="Ask whoever published this crate before using it.",
        )
        if licence is None
        else _entity(
            crate, licence.url, "CreativeWork", name=licence.name,
            description=licence.description, url=licence.url,
        )
    )  # fmt: skip
    place = attribution.institution
    institution = None
    if place is not None:
        institution = _entity(
            crate, f"https://ror.org/{place.ror}", "Organization", name=place.name, url=place.url,
            description="The institution at which the campaign was run.",
        )  # fmt: skip
    signed = [event["who"] for event in rows["event"] if event["who"] != WELLWISE]
    authors = []
    for who in dict.fromkeys(signed):
        known = attribution.people.get(who)
        if known is None:
            person = _entity(
                crate, _person_id(who, attribution), "Person", name=who,
                description="As they signed in the journal.", affiliation=institution,
            )  # fmt: skip
        else:
            person = _entity(
                crate, _person_id(who, attribution), "Person", name=known.name,
                description=f"Signed in the journal as {who}.", affiliation=institution,
            )  # fmt: skip
            if known.email:
                person["contactPoint"] = _entity(
                    crate, f"mailto:{known.email}", "ContactPoint", name=f"{known.name} by email",
                    description="For questions about these data.", email=known.email,
                    contactType="corresponding author",
                )  # fmt: skip
                if institution is not None and institution.get("contactPoint") is None:
                    institution["contactPoint"] = person["contactPoint"]
        authors.append(person)
    if authors:
        crate.root_dataset["author"] = authors[0] if len(authors) == 1 else authors
    publisher = institution or next(iter(authors), None)
    crate.publisher = publisher or _entity(
        crate, "#lab", "Organization", name="A lab that gave no name",
        description="The journal has nobody who signed.",
    )  # fmt: skip


def _person_id(who: str, attribution: Attribution) -> str:
    known = attribution.people.get(who)
    if known is not None:
        return f"https://orcid.org/{known.orcid}"
    return "#person-" + "".join(letter if letter.isalnum() else "-" for letter in who)


def _file(crate: ROCrate, folder: Path, name: str, part: Part) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(part.content)
    facts: dict[str, Any] = {
        "name": name,
        "description": part.about,
        "encodingFormat": part.media_type,
        "contentSize": str(len(part.content)),
        "sha256": part.sha256,
    }
    if name == _WORKFLOW:
        facts["@type"] = ["File", "SoftwareSourceCode", "ComputationalWorkflow"]
    if name == "README.md":
        facts["about"] = {"@id": "./"}
    added = crate.add_file(path, name, properties=facts | dict(part.properties))
    size = part.properties.get("pixel_size_um")
    if size is not None:
        del added["pixel_size_um"]
        added["additionalProperty"] = _entity(
            crate, f"#pixel-{name}", "PropertyValue", name="pixel size", value=size,
            description="How wide a pixel is on the sample.", unitText="um",
            unitCode=qudt_unit("um"),
        )  # fmt: skip


def _workflow(crate: ROCrate, version: str) -> None:
    workflow = crate.dereference(_WORKFLOW)
    workflow["version"], workflow["url"] = version, _SOFTWARE
    workflow["programmingLanguage"] = _entity(
        crate, "#campaign-file", "ComputerLanguage", name="wellwise campaign file", version=version,
        url=_SOFTWARE, description="YAML: search space, protocol, rounds and robots.",
    )  # fmt: skip
    workflow["conformsTo"] = _entity(
        crate, _BIOSCHEMAS, ["CreativeWork", "Profile"], name="Bioschemas ComputationalWorkflow",
        version="1.0-RELEASE", description="What is said of a workflow.", url=_BIOSCHEMAS,
    )  # fmt: skip
    crate.mainEntity = workflow


def _agent(crate: ROCrate) -> Any:
    author = crate.root_dataset.get("author")
    first = author[0] if isinstance(author, list) and author else author
    return first or crate.publisher


def _run(
    crate: ROCrate, state: CampaignState, rows: Mapping[str, list[dict[str, Any]]]
) -> ContextEntity:
    [campaign] = rows["campaign"]
    last = rows["event"][-1]["at"] if rows["event"] else campaign["started_at"]
    return _entity(
        crate, "#run", "CreateAction", name=f"Run of campaign {state.id}",
        description=f"{state.status}: {state.reason or 'no reason given'}",
        instrument=crate.dereference(_WORKFLOW), agent=_agent(crate),
        startTime=_iso(campaign["started_at"]), endTime=_iso(campaign["ended_at"] or last),
        result=[crate.dereference("wells.csv"), crate.dereference("report.html")],
    )  # fmt: skip


def _rounds(
    crate: ROCrate,
    state: CampaignState,
    rows: Mapping[str, list[dict[str, Any]]],
    rounds: Mapping[int, RoundProvenance],
    software: ContextEntity,
) -> Iterable[ContextEntity]:
    planned = {
        event["data"]["round"]: event["at"]
        for event in rows["event"]
        if event["kind"] == "round_planned"
    }
    for batch in state.rounds:
        made = rounds.get(batch.number, RoundProvenance())
        settings = [
            _entity(
                crate, f"#round-{batch.number}-{name}", "PropertyValue", name=name,
                value=str(value), description=f"With what round {batch.number} was planned.",
            )
            for name, value in (("seed", made.seed), ("strategy", made.strategy))
            if value not in (None, "")
        ]  # fmt: skip
        at = _iso(planned.get(batch.number, batch.started_at))
        yield _entity(
            crate, f"#round-{batch.number}", "CreateAction",
            name=f"Planning of round {batch.number}",
            description=f"{len(batch.wells)} conditions were proposed and laid out.",
            instrument=software, agent=_agent(crate), startTime=at, endTime=at,
            object=[crate.dereference(_WORKFLOW), *settings],
            result=[crate.dereference("journal/well.json")],
        )  # fmt: skip


def _jobs(
    crate: ROCrate,
    rows: Mapping[str, list[dict[str, Any]]],
    rounds: Mapping[int, RoundProvenance],
    version: str,
) -> Iterable[ContextEntity]:
    read: dict[str, list[str]] = {}
    for reading in rows["reading"]:
        if reading["path"]:
            read.setdefault(reading["job_key"], []).append(reading_part(reading))
    for job in rows["job"]:
        if job["dispatched_at"] is None:
            continue
        made = rounds.get(job["round"], RoundProvenance())
        simulated = made.simulated.get(job["robot"])
        robot = _entity(
            crate, f"{_SOFTWARE}{version}/#robot-{job['robot']}",
            ["IndividualProduct", "SoftwareApplication"], name=f"robot {job['robot']}",
            description="Simulated equipment." if simulated else "Equipment of the lab.",
            model=made.drivers.get(job["robot"], ""), url=_SOFTWARE, version=version,
        )  # fmt: skip
        plate = _entity(
            crate, f"#plate-r{job['round']}-p{job['plate']}", "PropertyValue", name="plate",
            value=f"round {job['round']}, plate {job['plate']}",
            description="The labware that the job worked on.",
        )  # fmt: skip
        files = [crate.dereference(name) for name in dict.fromkeys(read.get(job["key"], []))]
        ended = job["ended_at"] or job["dispatched_at"]
        failed = job["state"] == "failed"
        yield _entity(
            crate, f"#job-{job['key']}", "CreateAction",
            name=f"Step {job['step']} on plate {job['plate']} of round {job['round']}",
            description=f"Job {job['key']}, {job['state']}.",
            instrument=robot, agent=_agent(crate),
            startTime=_iso(job["dispatched_at"]), endTime=_iso(ended),
            actionStatus=_ENDED.get(job["state"]),
            error=(job["message"] or "failed") if failed else None,
            object=[plate], result=files or [crate.dereference("journal/job.json")],
        )  # fmt: skip


def reading_part(reading: Mapping[str, Any]) -> str:
    """The name under which the file of a reading is in a crate."""
    folder = "images" if reading["kind"] == "image" else "readings"
    return f"{folder}/{Path(reading['path']).name}"


def _iso(moment: str | datetime) -> str:
    found = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return found.isoformat(timespec="seconds")
