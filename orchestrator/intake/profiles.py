"""Calibrations that a campaign file names -> their content, which the journal keeps."""

import json
import re
from pathlib import Path
from typing import Any

from protocols.campaign import Campaign
from protocols.errors import Finding

FOLDER = "profiles"
"""The folder of the home where `wellwise calibrate` writes profiles."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def with_profiles(campaign: Campaign, home: Path) -> tuple[Campaign, list[Finding]]:
    """The campaign with the content of each profile that its outcomes name; what is wrong.

    A name is never a path: it means a file of the home's folder `profiles`.
    """
    findings: list[Finding] = []
    outcomes = []
    for index, outcome in enumerate(campaign.outcomes):
        name = outcome.options.get("profile")
        if isinstance(name, str):
            content = _content(home, name)
            if content is None:
                known = sorted(path.stem for path in (home / FOLDER).glob("*.json"))
                findings.append(
                    Finding(
                        loc=("outcomes", index, "options", "profile"),
                        message=f"there is no profile {name!r}",
                        expected=f"one of {', '.join(known)}"
                        if known
                        else "a name that wellwise calibrate --name wrote, or a profile's content",
                    )
                )
            else:
                options = {**outcome.options, "profile": content}
                outcome = outcome.model_copy(update={"options": options})
        outcomes.append(outcome)
    return campaign.model_copy(update={"outcomes": tuple(outcomes)}), findings


def _content(home: Path, name: str) -> dict[str, Any] | None:
    if not _NAME.fullmatch(name):
        return None
    try:
        found = json.loads((home / FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
