"""What a stranger needs to check a crate and to propose its rounds again: versions and steps."""

import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution

from orchestrator.core.provenance import RoundProvenance

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


def wellwise_version(rounds: Sequence[RoundProvenance]) -> str:
    """The version that made the last round; that of today where none was recorded."""
    recorded = [made.wellwise for made in rounds if made.wellwise]
    return recorded[-1] if recorded else distribution("wellwise").version


def environment_lock(rounds: Sequence[RoundProvenance]) -> str:
    """Versions to install, as pip reads them: those recorded with the last round where they were.

    The other packages that these need are pinned as they are installed where the crate is written.
    """
    recorded = dict(rounds[-1].versions) if rounds else {}
    pins = {_key(name): (name, _public(version)) for name, version in recorded.items()}
    for name, version in _installed("wellwise"):
        pins.setdefault(_key(name), (name, _public(version)))
    pins["wellwise"] = "wellwise", wellwise_version(rounds)
    names = ", ".join(sorted(recorded)) or "none"
    lines = [
        f"# Recorded when the last round was planned: wellwise, {names}.",
        "# The others: as installed where this crate was written.",
        *(f"{name}=={version}" for _, (name, version) in sorted(pins.items())),
    ]
    return "\n".join(lines) + "\n"


def readme(title: str, campaign_id: str, rounds: Sequence[RoundProvenance]) -> str:
    """The first page of a crate, in Markdown."""
    python = next((made.python for made in reversed(rounds) if made.python), "3.11 or later")
    machine = next((made.machine for made in reversed(rounds) if made.machine), "not recorded")
    version = wellwise_version(rounds)
    return f"""# {title}

An RO-Crate of campaign {campaign_id}, made with wellwise {version}
(Python {python}, machine: {machine}).

- `report.html`: what was done and found, with every deviation
- `wells.csv`: one row a well; `wells.csv-metadata.json` says what each column is, and its unit
- `campaign.yaml`: the campaign file as it was launched
- `images/`, `readings/`: what instruments returned
- `journal/`: everything that was written down
- `environment/requirements.txt`: the versions

To check it, and to propose its rounds again from what was known then:

    python -m venv ../env
    ../env/bin/pip install -r environment/requirements.txt "wellwise[lab]=={version}"
    ../env/bin/wellwise verify .
    ../env/bin/wellwise replay CRATE.zip   # the archive of this folder, or the folder
"""


def _installed(package: str) -> list[tuple[str, str]]:
    """A package and all that it needs here, with the extra `lab`."""
    found: dict[str, tuple[str, str]] = {}
    waiting = [package]
    while waiting:
        name = waiting.pop()
        if _key(name) in found:
            continue
        try:
            there = distribution(name)
        except PackageNotFoundError:
            continue
        found[_key(name)] = there.metadata["Name"], there.version
        needed = there.requires or []
        own = _key(name) == "wellwise"
        waiting += [
            match[0]
            for text in needed
            if (match := _NAME.match(text))
            and ("extra ==" not in text or (own and re.search(r"""["'](lab|driver)["']""", text)))
        ]
    return list(found.values())


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _public(version: str) -> str:
    """Without the local part (`+cpu`), which registries do not have."""
    return version.split("+")[0]
