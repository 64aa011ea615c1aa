"""Scorers by name: what is installed under the entry points `wellwise.scorers`."""

import difflib
import json
import logging
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from orchestrator.journal.journal import Journal
from orchestrator.journal.tables import ReadingRow
from protocols.campaign import Campaign
from protocols.errors import Finding, Loc
from protocols.jobs import Reading
from protocols.operations import OPERATIONS
from protocols.outcome_checks import range_findings
from protocols.outcomes import SCORERS, Outcome
from protocols.plugins import announced
from protocols.refusals import Refusal, refusal
from protocols.scorers.calibration_profile import FEWEST_PAIRS, Profile
from protocols.scoring import MarksImages, Score, Scorer

_log = logging.getLogger(__name__)


def scorer_names() -> list[str]:
    """Every scorer that is installed."""
    return sorted(announced(SCORERS).names)


def scorer_class(name: str) -> type[Scorer]:
    """The scorer with this name.

    Raises:
        LookupError: there is none, or it cannot be imported.
    """
    found = next(iter(announced(SCORERS).select(name=name)), None)
    if found is None:
        raise LookupError(
            f"there is no scorer {name!r} (expected one of {', '.join(scorer_names())})"
        )
    try:
        return cast(type[Scorer], found.load())
    except ImportError as error:
        raise LookupError(
            f"scorer {name!r} is installed but cannot be imported: {error}"
        ) from error


def scorer_of(outcome: Outcome) -> Scorer:
    """The scorer of an outcome, with its options.

    Raises:
        LookupError: there is no such scorer, or a person enters the outcome.
        ValidationError: its options are wrong.
    """
    if outcome.scorer is None:
        raise LookupError(f"{outcome.name} has no scorer: it is entered, or computed")
    kind = scorer_class(outcome.scorer)
    return kind(_options(kind, outcome.options))


def outcomes_of(campaign: Campaign, step: str, kind: str) -> tuple[Outcome, ...]:
    """The outcomes that are derived from a reading of a kind that was taken in a step.

    Those whose scorers take readings of the kind; all that are read in the step where none does.
    """
    found = campaign.outcomes_read_in(step)
    return tuple(outcome for outcome in found if _takes(outcome, kind)) or found


def _takes(outcome: Outcome, kind: str) -> bool:
    reads = _reads(outcome)
    # Of a table of the whole plate each well has its number.
    return not reads or kind in reads or (kind == "number" and "plate" in reads)


def _reads(outcome: Outcome) -> tuple[str, ...]:
    found: tuple[str, ...] = getattr(scorer_class(outcome.scorer or ""), "reads", ())
    return found


def within_range(found: Score, outcome: Outcome) -> Score:
    """The score, flagged `outside_range` where the outcome's range cannot have such a value."""
    if found.value is None or outcome.scale.allows(found.value):
        return found
    return found.model_copy(update={"flags": (*found.flags, "outside_range")})


def score_reading(
    journal: Journal, home: Path, reading_id: int, scorer: Scorer, outcome: Outcome
) -> Score:
    """The score of a reading of the journal.

    One whose file is gone is flagged `image_missing` or `file_missing`.
    """
    row = journal.reading(reading_id)
    try:
        reading = _reading(row, home)
    except OSError:
        return Score(value=None, flags=(f"{'image' if row.kind == 'image' else 'file'}_missing",))
    return score(reading, scorer, outcome, f"reading {reading_id} of {row.campaign_id}")


def score(reading: Reading, scorer: Scorer, outcome: Outcome, subject: str) -> Score:
    """The score of a reading, flagged `scorer_failed` where the scorer raises.

    A value that the outcome's range does not have is flagged too. `subject` is what the log calls
    the reading.
    """
    try:
        return within_range(scorer.score(reading), outcome)
    except Exception:
        # A scorer of somebody else's may fail; the campaign goes on, and the reading can be scored
        # once more.
        _log.exception("the scorer failed on %s", subject)
        return Score(value=None, flags=("scorer_failed",))


def marked_image(row: ReadingRow, home: Path, scorer: Scorer) -> bytes | None:
    """The image of a reading (PNG) with its scorer's marks; None where there are none."""
    if row.kind != "image" or not isinstance(scorer, MarksImages):
        return None
    try:
        return scorer.marked(_reading(row, home))
    except Exception:
        _log.exception("the scorer failed to mark reading %s of %s", row.id, row.campaign_id)
        return None


def _reading(row: ReadingRow, home: Path) -> Reading:
    content = (home / row.path).read_bytes() if row.path else b""
    found: dict[str, Any] = {
        "well": row.well,
        "kind": row.kind,
        "number": row.number,
        "unit": row.unit,
    }
    if row.kind == "image":
        found["image"] = content
    elif row.kind == "file":
        found |= {"file": content, "file_name": PurePath(row.path).name}
    elif content:
        # The table of the plate that the number is from, or a trace.
        found |= {"unit": row.unit, **json.loads(content)}
    return Reading.model_validate(found)


def scorer_findings(campaign: Campaign) -> list[Finding]:
    """What is wrong with the scorers of a campaign's outcomes, and with their options."""
    found: list[Finding] = []
    for index, outcome in enumerate(campaign.outcomes):
        if not outcome.derived:
            continue
        loc: Loc = ("outcomes", index)
        wrong = _findings(outcome, loc) or _kind_findings(campaign, outcome, loc)
        if not wrong and not campaign.rounds.approval and _unproven(outcome):
            expected = (
                "rounds.approval: true, or a profile that wellwise calibrate --hand compared with "
                f"{FEWEST_PAIRS} wells by hand or more"
            )
            message = "this profile is not known to agree with values by hand"
            wrong = [Finding(loc=(*loc, "options", "profile"), message=message, expected=expected)]
        found += wrong
    # What the file gives itself was looked at when it was read.
    declared = campaign.outcome.model_copy(
        update={"natural_range": campaign.outcome.scale.natural_range}
    )
    if not found and campaign.outcome.natural_range is None:
        found += range_findings(declared, campaign.stop.target, ("stop", "target"))
        found += range_findings(declared, campaign.objective.target, ("objectives", 0, "target"))
    return found


def _findings(outcome: Outcome, loc: Loc) -> list[Finding]:
    try:
        scorer_of(outcome)
    except LookupError as error:
        message, names = str(error).split(" (")[0], scorer_names()
        near = difflib.get_close_matches(outcome.scorer or "", names, n=1)
        expected = (f"{near[0]}? " if near else "") + "one of " + ", ".join(names)
        return [Finding(loc=(*loc, "scorer"), message=message, expected=expected)]
    except ValidationError as error:
        known = ", ".join(scorer_class(outcome.scorer or "").Options.model_fields) or "none"
        unknown = Refusal("unknown option", f"options: {known}")
        return [
            Finding(
                loc=(*loc, "options", *details["loc"]),
                message=found.message,
                expected=found.expected,
            )
            for details in error.errors()
            for found in [unknown if details["type"] == "extra_forbidden" else refusal(details)]
        ]
    return []


def _kind_findings(campaign: Campaign, outcome: Outcome, loc: Loc) -> list[Finding]:
    """Steps whose readings are of this outcome and of no kind that its scorer takes."""
    wanted = _reads(outcome)
    found = []
    for step in campaign.protocol.steps:
        kinds = {OPERATIONS[it.do].reads for it in step.operations} - {None}
        if wanted and kinds and outcome in campaign.outcomes_read_in(step.name):
            if not kinds.isdisjoint(wanted):
                continue
            given = " and ".join(sorted(f"a {kind}" for kind in kinds if kind))
            message = f"{outcome.scorer} cannot score what step {step.name} reads: {given}"
            expected = f"an operation that reads: {', '.join(wanted)}"
            found.append(Finding(loc=(*loc, "scorer"), message=message, expected=expected))
    return found


def _unproven(outcome: Outcome) -> bool:
    """Whether an outcome rests on a calibration whose agreement with the eye is not shown."""
    kind = scorer_class(outcome.scorer or "")
    profile = getattr(_options(kind, outcome.options), "profile", None)
    return isinstance(profile, Profile) and not (profile.agreement and profile.agreement.enough)


def _options(kind: type[Scorer], given: Mapping[str, Any]) -> BaseModel:
    return kind.Options.model_validate(dict(given))
