"""The command that calibrates a scorer of images by a lab's own references."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from orchestrator.cli.context import Home, console, settings_for
from protocols.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from orchestrator.intake.columns import Column
    from protocols.images import CameraImage
    from protocols.scorers.calibrating import Reference
    from protocols.scorers.calibration_profile import Profile
    from protocols.table_text import TableText

calibrating = typer.Typer()

_Use = Literal["blank", "stained", "marked", "white"]
_CALIBRATED = "coloured_cell_ratio"


@calibrating.command()
def calibrate(
    scorer: Annotated[str, typer.Argument(help="A scorer of images: coloured_cell_ratio.")],
    images: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Reference wells; beside a1.png is a1.marks.png with stained regions in magenta "
            "and unstained ones in cyan.",
            metavar="IMAGES",
        ),
    ] = None,
    name: Annotated[
        str, typer.Option("--name", help="Of the profile, for campaign files.")
    ] = "default",
    blank: Annotated[
        list[Path] | None, typer.Option("--blank", help="A well without a stained cell.")
    ] = None,
    stained: Annotated[
        list[Path] | None, typer.Option("--stained", help="A well that is stained all over.")
    ] = None,
    white: Annotated[
        Path | None, typer.Option("--white", help="The light without a plate, for its fall-off.")
    ] = None,
    hand: Annotated[
        Path | None,
        typer.Option("--hand", help="CSV with image,value: scored by hand, 20 or more."),
    ] = None,
    home: Home = None,
) -> None:
    """Make a profile of a lab's images, which a campaign's scorer then goes by."""
    from protocols.scorers.calibrating import calibrate as profile_of

    _refuse_names(scorer, name)
    given: list[tuple[Path, _Use]] = [
        *((path, "marked") for path in images or []),
        *((path, "blank") for path in blank or []),
        *((path, "stained") for path in stained or []),
        *(((white, "white"),) if white else ()),
    ]
    found = profile_of(_references(given))
    profile = found.profile
    left_out: list[str] = []
    if hand is not None:
        profile, left_out = _compared(profile, hand)
    folder = settings_for(home).home / "profiles"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(profile.model_dump_json(indent=1) + "\n", encoding="utf-8")
    console.print(
        f"{path} (SHA-256 {profile.digest[:12]}): {len(given)} references; stained and unstained "
        f"differ by {found.difference:.0f} (CIEDE2000).",
        highlight=False,
        soft_wrap=True,
    )
    if all(s > u for s, u in zip(profile.stained, profile.unstained, strict=True)):
        console.print(
            "Stained areas are brighter than unstained ones: were --blank and --stained exchanged?",
            style="yellow",
            highlight=False,
            soft_wrap=True,
        )
    agreed = profile.agreement
    if left_out:
        console.print(
            f"Left out of the comparison, as their scores have flags: {', '.join(left_out)}.",
            style="yellow",
            highlight=False,
            soft_wrap=True,
        )
    if agreed is not None:
        console.print(
            f"{agreed.pairs} wells by hand: bias {agreed.bias:+.3f}, limits {agreed.lower:+.3f} to "
            f"{agreed.upper:+.3f}, ICC {agreed.icc:.3f} ({agreed.icc_low:.3f} to "
            f"{agreed.icc_high:.3f}).",
            highlight=False,
            soft_wrap=True,
        )
    if agreed is None or not agreed.enough:
        console.print(
            "A campaign that uses it needs rounds.approval: true, until --hand shows agreement "
            "(20 pairs or more, ICC surely 0.75 or more).",
            style="yellow",
            highlight=False,
            soft_wrap=True,
        )


def _refuse_names(scorer: str, name: str) -> None:
    problems = []
    if scorer != _CALIBRATED:
        problems.append(
            Problem(where="SCORER", message=f"{scorer!r} has no calibration", expected=_CALIBRATED)
        )
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
        problems.append(
            Problem(
                where="--name",
                message=f"{name!r} is no name of a profile",
                expected="letters, digits, - and _",
            )
        )
    if problems:
        raise InvalidInput(problems)


def _references(given: list[tuple[Path, _Use]]) -> list[Reference]:
    from protocols.scorers.calibrating import Reference

    problems: list[Problem] = []
    found = []
    for path, use in given:
        content = _content(path, problems)
        beside = path.with_name(f"{path.stem}.marks.png")
        if content is not None and use == "marked":
            refused = _unfit_for_marks(path, content, beside)
            if refused is not None:
                problems.append(refused)
                continue
        marks = _content(beside, problems) if use == "marked" else None
        if content is None or (use == "marked" and marks is None):
            continue
        found.append(
            Reference(
                name=path.name,
                sha256=hashlib.sha256(content).hexdigest(),
                use=use,
                image=_image(content, path).rgb(),
                marks=None if marks is None else _image(marks, beside).for_the_eye(),
            )
        )
    if problems:
        raise InvalidInput(problems)
    return found


def _unfit_for_marks(path: Path, content: bytes, beside: Path) -> Problem | None:
    """Why an image cannot have marks: there are none, or programs that paint show it turned."""
    from protocols.images import shown_turned

    if not beside.exists():
        return Problem(
            where=str(path),
            message=f"is neither --blank nor --stained, and there is no {beside.name}",
            expected="--blank or --stained before each image that is one, or marked regions",
        )
    if shown_turned(content):
        return Problem(
            where=str(path),
            message="is shown turned, by what its EXIF data say: marks would lie elsewhere",
            expected="an image that is saved as it is shown",
        )
    return None


def _compared(profile: Profile, table: Path) -> tuple[Profile, list[str]]:
    """The profile with how its scores agree with values by hand, and what was left out.

    That is each image whose score has a flag: its name, with the flags.
    """
    from orchestrator.intake.columns import fitting
    from orchestrator.intake.table_files import table_of
    from orchestrator.studies.agreement import agreement, intraclass
    from protocols.scorers.calibrated_cells import score_by_profile
    from protocols.scorers.calibration_profile import FEWEST_PAIRS, HandAgreement, ReferenceImage
    from protocols.table_text import TableRow, read_table

    problems: list[Problem] = []
    scored, by_hand, images, left_out = [], [], [], []
    references = {image.sha256 for image in profile.images}
    pairs = read_table(table_of(table), str(table))
    header, *rows = pairs.rows or (TableRow(1, ()),)
    columns = [fitting(header.cells, name, "dimensionless") for name in ("image", "value")]
    if not all(columns):
        message = "has no headers image and value"
        raise InvalidInput([Problem(where=str(table), message=message, expected="image,value")])
    image, by_eye = (found[0] for found in columns)
    for line, cells in rows:
        row = [*cells, *[""] * len(header.cells)]
        value = _share(pairs, by_eye, row[by_eye.index])
        if value is None:
            problems.append(
                Problem(
                    where=str(table),
                    line=line,
                    message=f"{row[by_eye.index]!r} is no share",
                    expected="0 to 1",
                )
            )
            continue
        path = table.parent / row[image.index]
        content = _content(path, problems)
        if content is None:
            continue
        digest = hashlib.sha256(content).hexdigest()
        if digest in references:
            message = f"{path.name} is one of the references, and says nothing of other wells"
            problems.append(Problem(where=str(table), line=line, message=message))
            continue
        score = score_by_profile(_image(content, path).rgb(), profile).score
        if score.value is None or score.flags:
            left_out.append(f"{path.name} ({', '.join(score.flags)})")
        else:
            images.append(ReferenceImage(name=path.name, sha256=digest, use="hand"))
            scored.append(score.value)
            by_hand.append(value)
    if len(scored) < FEWEST_PAIRS and not problems:
        problems.append(
            Problem(
                where=str(table),
                message=f"{len(scored)} wells have both a score without a flag and a value"
                + (f"; flags: {', '.join(left_out)}" if left_out else ""),
                expected=f"{FEWEST_PAIRS} or more",
            )
        )
    if problems:
        raise InvalidInput(problems)
    between, same = agreement(scored, by_hand), intraclass(list(zip(scored, by_hand, strict=True)))
    found = HandAgreement(
        pairs=between.wells,
        bias=between.bias,
        lower=between.lower,
        upper=between.upper,
        icc=same.icc,
        icc_low=same.low,
        icc_high=same.high,
    )
    update = {"agreement": found, "images": (*profile.images, *images)}
    return profile.model_copy(update=update), left_out


def _share(table: TableText, column: Column, cell: str) -> float | None:
    try:
        value = column.number(table, cell, "dimensionless")
    except ValueError:
        return None
    return value if 0 <= value <= 1 else None


def _content(path: Path, problems: list[Problem]) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        problems.append(Problem(where=str(path), message=message))
        return None


def _image(content: bytes, path: Path) -> CameraImage:
    from protocols.image_formats import ImageNotRead
    from protocols.images import read_image

    try:
        return read_image(content)
    except ImageNotRead as error:
        raise InvalidInput([Problem(where=str(path), message=str(error))]) from None
