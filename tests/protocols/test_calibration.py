"""Image scoring by a lab's own calibration, on images of another renderer, and its agreement."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from orchestrator.cli.main import app
from orchestrator.intake.campaign_check import NamedText, checked_campaign
from orchestrator.settings import Settings
from orchestrator.studies.agreement import intraclass
from protocols.errors import InvalidInput
from protocols.images import write_png
from protocols.jobs import Reading
from protocols.scorers.calibrated_cells import score_by_profile
from protocols.scorers.calibrating import Reference, calibrate
from protocols.scorers.calibration_profile import Profile
from protocols.scorers.coloured_cells import ColouredCells, coloured_cell_ratio
from simulators.camera import render_well
from tests.conftest import ASSAY_FILE
from tests.stained_cultures import Scene, photograph

CLEAR = Scene(stain="crystal_violet")


def _reference(scene: Scene, share: float, rng: np.random.Generator) -> Reference:
    use = "stained" if share else "blank"
    return Reference(f"{use}.png", "0" * 64, use, photograph(scene, share, rng))


def _profile(scene: Scene) -> Profile:
    rng = np.random.default_rng(11)
    return calibrate([_reference(scene, share, rng) for share in (0.0, 0.0, 1.0, 1.0)]).profile


@pytest.fixture(scope="module")
def clear() -> Profile:
    return _profile(CLEAR)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"white_balance": (1.1, 1.0, 0.8)},
        {"light": 0.5},
        {"tilt": 0.5},
        {"bubbles": 6},
        {"meniscus": 0.6},
        {"size": 900},
    ],
    ids=str,
)
def test_neither_light_nor_white_balance_nor_size_change_a_score(
    clear: Profile, changes: dict[str, object]
) -> None:
    rng = np.random.default_rng(12)
    for share in (0.0, 0.37, 1.0):
        found = score_by_profile(photograph(replace(CLEAR, **changes), share, rng), clear).score  # type: ignore[arg-type]
        assert found.flags == ()
        assert found.value == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("stain", ["oil_red", "melanin", "brown", "x_gal"])
def test_any_stain_is_scored_by_its_own_calibration(stain: str) -> None:
    scene = Scene(stain=stain, medium="phenol_red")
    profile, rng = _profile(scene), np.random.default_rng(13)
    for share in (0.1, 0.9):
        found = score_by_profile(photograph(scene, share, rng), profile).score
        assert found.flags == ()
        assert found.value == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({"medium": "phenol_red"}, "outside_calibration"),
        ({"stain": "oil_red"}, "outside_calibration"),
        ({"radius": 0.33}, "outside_calibration"),
        ({"plate": "black"}, "outside_calibration"),
        ({"blur": 0.035}, "out_of_focus no_well_found"),
        ({"light": 0.003}, "under_exposed"),
        ({"light": 3.0}, "over_exposed"),
    ],
    ids=str,
)
def test_what_the_references_did_not_have_is_flagged(
    clear: Profile, changes: dict[str, object], flags: str
) -> None:
    image = photograph(replace(CLEAR, **changes), 0.5, np.random.default_rng(14))  # type: ignore[arg-type]
    assert set(flags.split()) & set(score_by_profile(image, clear).score.flags)


@pytest.mark.parametrize("uneven", [0.0, 0.3])
@pytest.mark.parametrize("strength", [0.3, 0.45, 0.6])
def test_a_stain_that_is_fainter_than_the_references_is_flagged(
    uneven: float, strength: float
) -> None:
    # Unevenly stained references leave room for half of their stain: its place on either side of
    # the middle is what has to be noticed.
    even = replace(CLEAR, unevenness=uneven)
    profile, rng = _profile(even), np.random.default_rng(18)
    for share in (0.15, 0.4, 0.8, 1.0):
        as_known = score_by_profile(photograph(even, share, rng), profile).score
        assert as_known.flags == ()
        assert as_known.value == pytest.approx(share, abs=0.03)
        faint = score_by_profile(photograph(replace(even, strength=strength), share, rng), profile)
        assert "outside_calibration" in faint.score.flags, (share, faint.score)


def test_photographs_of_other_things_get_no_trusted_score(clear: Profile) -> None:
    for image in (data.astronaut(), data.coffee(), data.immunohistochemistry(), data.retina()):
        assert score_by_profile(image, clear).score.flags
        assert coloured_cell_ratio(image).flags


def test_without_a_calibration_other_colours_are_flagged_and_not_scored() -> None:
    rng = np.random.default_rng(15)
    for share in (0.1, 0.4, 0.7):
        ours = render_well(share, rng)
        assert coloured_cell_ratio(ours).flags == ()
        for gains in ((1.1, 1.0, 0.8), (1.0, 0.8, 0.85)):
            other = np.clip(ours * np.array(gains), 0, 255).astype(np.uint8)
            assert coloured_cell_ratio(other).flags
    for stain in ("oil_red", "melanin", "x_gal", "crystal_violet"):
        assert coloured_cell_ratio(photograph(Scene(stain=stain, plate="black"), 0.9, rng)).flags


def test_regions_may_be_marked_in_place_of_whole_wells() -> None:
    rng = np.random.default_rng(16)
    image = photograph(CLEAR, 0.5, rng)
    marks = np.zeros_like(image)
    # Crystal violet absorbs green.
    marks[image[:, :, 1] < 130] = (255, 0, 255)
    marks[image[:, :, 1] > 170] = (0, 255, 255)
    reference = Reference("a1.png", "0" * 64, "marked", image, marks.astype(np.uint8))
    profile = calibrate([reference]).profile
    found = score_by_profile(photograph(CLEAR, 0.3, rng), profile).score
    assert found.value == pytest.approx(0.3, abs=0.03)
    with pytest.raises(InvalidInput, match=r"a1.png.*magenta") as refused:
        calibrate([reference._replace(marks=np.zeros_like(marks)), _reference(CLEAR, 0.0, rng)])
    assert len(refused.value.problems) == 1
    with pytest.raises(InvalidInput, match="known to be stained"):
        calibrate([_reference(CLEAR, 0.0, rng)])
    with pytest.raises(InvalidInput, match="no round well"):
        calibrate([Reference("blank.png", "0" * 64, "blank", np.full((200, 200, 3), 90.0))])
    with pytest.raises(InvalidInput, match="standard deviations apart"):
        calibrate(
            [_reference(CLEAR, 0.0, rng), _reference(CLEAR, 0.0, rng)._replace(use="stained")]
        )


def test_the_intraclass_correlation_is_the_published_one() -> None:
    # Shrout and Fleiss 1979, "Intraclass correlations: uses in assessing rater reliability",
    # table 2: six targets, four judges; ICC(2,1) is .29, its interval .02 to .76.
    table = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    found = intraclass(table)
    assert found.icc == pytest.approx(0.29, abs=0.005)
    assert (found.low, found.high) == (
        pytest.approx(0.02, abs=0.005),
        pytest.approx(0.76, abs=0.005),
    )
    with pytest.raises(ValueError, match="wells that differ"):
        intraclass([[1, 1], [1, 1], [1, 1]])


def _saved(folder: Path, name: str, image: NDArray[np.generic]) -> str:
    path = folder / name
    Image.fromarray(np.asarray(image, dtype=np.uint8)).save(path)
    return str(path)


def test_a_profile_is_made_kept_and_needed_by_the_campaign(tmp_path: Path) -> None:
    rng = np.random.default_rng(17)
    blank = _saved(tmp_path, "blank.png", photograph(CLEAR, 0.0, rng))
    full = _saved(tmp_path, "full.jpg", photograph(CLEAR, 1.0, rng))
    shares = np.linspace(0.02, 0.98, 20)
    lines = ["\ufeffimage;value"]  # as Excel writes it in Germany, as percentages
    for place, share in enumerate(shares):
        _saved(tmp_path, f"w{place}.png", photograph(replace(CLEAR, size=200), share, rng))
        seen = f"{100 * (share + rng.normal(0, 0.005)):.2f}%".replace(".", ",")
        lines.append(f"w{place}.png;{seen}")
    (tmp_path / "hand.csv").write_text("\n".join(lines))
    home = tmp_path / "home"
    given = ["calibrate", "coloured_cell_ratio", "--blank", blank, "--stained", full]
    given += ["--home", str(home), "--name"]
    done = CliRunner().invoke(app, [*given, "unproven"])
    assert done.exit_code == 0, done.output
    assert "needs rounds.approval" in done.output
    done = CliRunner().invoke(app, [*given, "violet", "--hand", str(tmp_path / "hand.csv")])
    assert done.exit_code == 0, done.output
    assert "20 wells by hand" in done.output
    assert "needs rounds.approval" not in done.output
    content = json.loads((home / "profiles" / "violet.json").read_text())
    profile = Profile.model_validate(content)
    assert profile.digest != _profile(CLEAR).digest
    assert len(profile.images) == 22

    def campaign(given: str, approval: bool = False) -> object:
        text = ASSAY_FILE.read_text().replace("rounds:\n", f"rounds:\n  approval: {approval}\n")
        text += f"\nobjective: {{scorer: coloured_cell_ratio, options: {{profile: {given}}}}}\n"
        found = checked_campaign(NamedText(text, "c.yaml"), Settings(home=home), from_afar=True)
        return found.outcome.options["profile"]

    assert campaign("violet") == campaign(json.dumps(content)) == content
    assert campaign("unproven", approval=True)
    with pytest.raises(InvalidInput, match="not known to agree with values by hand"):
        campaign("unproven")
    for path in ("../profiles/violet", "violet.json", "absent"):
        with pytest.raises(InvalidInput, match="there is no profile"):
            campaign(path)
    scorer = ColouredCells(ColouredCells.Options(profile=profile))
    reading = Reading(well="A1", kind="image", image=write_png(photograph(CLEAR, 0.25, rng)))
    assert scorer.score(reading).value == pytest.approx(0.25, abs=0.03)
    assert scorer.marked(reading)
    wrong = CliRunner().invoke(app, ["calibrate", "absorbance", "--name", "a/b"])
    assert "has no calibration" in str(wrong.exception)
    assert "no name of a profile" in str(wrong.exception)


def test_a_calibration_says_what_a_scientist_would_overlook(tmp_path: Path) -> None:
    rng = np.random.default_rng(19)
    blank = _saved(tmp_path, "blank.png", photograph(CLEAR, 0.0, rng))
    full = _saved(tmp_path, "full.png", photograph(CLEAR, 1.0, rng))
    half = photograph(CLEAR, 0.5, rng)
    turned = Image.Exif()
    turned[274] = 6
    Image.fromarray(np.asarray(half, dtype=np.uint8)).save(tmp_path / "half.jpg", exif=turned)

    def told(*given: str) -> str:
        home = ["--home", str(tmp_path / "home")]
        done = CliRunner().invoke(app, ["calibrate", "coloured_cell_ratio", *given, *home])
        return " ".join(f"{done.output} {done.exception or ''}".split())

    assert "--blank or --stained before each image" in told(
        "--blank", blank, "--stained", full, full
    )
    assert "exchanged?" in told("--blank", full, "--stained", blank)
    assert "exchanged?" not in told("--blank", blank, "--stained", full)
    (tmp_path / "half.marks.png").write_bytes(write_png(np.zeros_like(half, dtype=np.uint8)))
    assert "shown turned" in told(str(tmp_path / "half.jpg"))
    lines = ["image,value", "blank.png,0"]
    (tmp_path / "hand.csv").write_text("\n".join(lines))
    given = ("--blank", blank, "--stained", full, "--hand", str(tmp_path / "hand.csv"))
    assert "is one of the references" in told(*given)
    _saved(tmp_path, "faint.png", photograph(replace(CLEAR, strength=0.4), 0.5, rng))
    lines = ["image,value", "faint.png,0.5"]
    for place, share in enumerate(np.linspace(0.02, 0.98, 20)):
        image = photograph(replace(CLEAR, size=200), share, rng)
        _saved(tmp_path, f"w{place}.png", image)
        lines.append(f"w{place}.png,{share:.2f}")
    (tmp_path / "hand.csv").write_text("\n".join(lines))
    assert "faint.png (outside_calibration)" in told(*given)
