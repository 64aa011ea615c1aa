"""Scorers of plate tables and traces, against textbook examples and shapes with known areas."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from orchestrator.lab.scoring import scorer_of
from protocols.combine import combined
from protocols.errors import InvalidInput
from protocols.jobs import Reading
from protocols.outcomes import Outcome
from protocols.scorers.concentration import fitted
from protocols.scoring import Score
from protocols.traces import Axis, Trace, read_trace_table


def scored(scorer: str, reading: Reading, **options: object) -> Score:
    return scorer_of(Outcome(name="x", scorer=scorer, options=options)).score(reading)


def number(value: float | None, **plate: float) -> Reading:
    return Reading(well="A1", kind="number", number=value, numbers=plate)


def trace(x: np.ndarray, *ys: np.ndarray, unit: str = "s") -> Reading:
    channels = tuple(
        Axis(name=f"c{k}", unit="AU", values=tuple(map(float, y))) for k, y in enumerate(ys)
    )
    axis = Axis(name="time", unit=unit, values=tuple(map(float, x)))
    return Reading(well="A1", kind="trace", trace=Trace(x=axis, channels=channels))


# J. C. Miller and J. N. Miller, Statistics and Chemometrics for Analytical Chemistry, examples
# 5.4.1 and 5.6.1: fluorescence of fluorescein standards, pg/ml.
MILLER = {0: 2.1, 2: 5.0, 4: 9.0, 6: 12.6, 8: 17.3, 10: 21.0, 12: 24.7}
STANDARDS = [{"concentration": c, "reading": r} for c, r in MILLER.items()]


@pytest.mark.parametrize(
    ("reading", "value", "sd"), [(2.9, 0.72, 0.26), (13.5, 6.21, 0.24), (23.0, 11.13, 0.26)]
)
def test_a_standard_curve_gives_the_textbooks_concentrations_and_uncertainties(
    reading: float, value: float, sd: float
) -> None:
    found = scored("concentration", number(reading), standards=STANDARDS, saturated=30)
    assert found.value == pytest.approx(value, abs=0.005)
    assert found.sd == pytest.approx(sd, abs=0.005)
    assert found.flags == ()


def test_the_line_is_that_of_scipy() -> None:
    curve = fitted(list(MILLER), list(MILLER.values()), "linear")
    truth = stats.linregress(list(MILLER), list(MILLER.values()))
    assert curve.coefficients == pytest.approx([truth.intercept, truth.slope])
    assert curve.determination == pytest.approx(truth.rvalue**2)


def test_a_logistic_curve_finds_what_it_was_made_of() -> None:
    concentrations = [0.1, 0.5, 1, 3, 10, 30, 100]

    def reading(c: float) -> float:
        return 2.0 + (0.1 - 2.0) / (1 + (c / 5.0) ** 1.2)

    standards = [{"concentration": c, "reading": reading(c)} for c in concentrations]
    options = {"standards": standards, "fit": "four_parameter"}
    for truth in (0.7, 5.0, 40.0):
        found = scored("concentration", number(reading(truth)), **options)
        assert found.value == pytest.approx(truth, rel=1e-4)
    assert scored("concentration", number(1.9999), **options).flags == ("beyond_standards",)


def test_beer_and_lambert_with_blanks_of_the_same_plate() -> None:
    options = {"blank": ["h11", "H 12"], "absorptivity": 0.0062, "pathlength_cm": 0.56}
    found = scored("concentration", number(0.5, A1=0.5, H11=0.04, H12=0.06), **options)
    assert found.value == pytest.approx(0.45 / (0.0062 * 0.56))
    assert scored("concentration", number(0.5, A1=0.5), **options).flags == ("no_reference",)
    assert scored("concentration", number(4.5, H11=0.1, H12=0.1), **options).flags == ("saturated",)
    assert scored("absorbance", number(0.55, H1=0.05, H2=0.15), full=1.1, blank=["H1", "H02"]) == (
        Score(value=0.45)
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"standards": STANDARDS, "absorptivity": 1},
        {"standards": STANDARDS[:4], "fit": "four_parameter"},
        {"standards": [{"concentration": 1}, *STANDARDS]},
        {"absorptivity": 1, "blank": ["no well"]},
    ],
)
def test_options_that_give_no_concentration_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        scored("concentration", number(1.0), **options)


def test_standards_that_are_no_curve_are_flagged() -> None:
    wild = [{"concentration": c, "reading": r} for c, r in ((0, 1), (1, 0), (2, 1), (3, 0.5))]
    assert "poor_curve" in scored("concentration", number(0.7), standards=wild).flags
    flat = [{"concentration": 1, "reading": r} for r in (0.1, 0.2, 0.3, 0.4)]
    assert scored("concentration", number(0.7), standards=flat).flags == ("no_curve",)
    far = scored("concentration", number(60.0), standards=STANDARDS, saturated=99)
    assert far == Score(value=None, flags=("beyond_standards",))


X = np.linspace(0, 20, 2001)
SHAPES = {
    "gaussian": stats.norm(10, 0.4),
    "tailing": stats.exponnorm(2.0, 8, 0.3),
    "fronting and wide": stats.skewnorm(-3, 12, 1.2),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_area_of_a_peak_is_that_of_its_shape(shape: str) -> None:
    density = SHAPES[shape].pdf(X)
    found = scored("peak_area", trace(X, 5.0 + 3.0 * density))
    assert found.value == pytest.approx(3.0, rel=0.01)
    assert found.flags == ()
    height = scored("peak_height", trace(X, 5.0 + 3.0 * density))
    assert height.value == pytest.approx(3.0 * density.max(), rel=0.01)


def test_the_peak_that_is_meant_is_taken_among_others_on_a_drifting_base_line() -> None:
    y = 2.0 * stats.norm(5, 0.2).pdf(X) + 7.0 * stats.norm(14, 0.3).pdf(X) + 0.02 * X
    assert scored("peak_area", trace(X, y), at=5.1, within=0.3).value == pytest.approx(2, rel=0.02)
    assert scored("peak_area", trace(X, y)).value == pytest.approx(7, rel=0.02)
    window = scored("peak_area", trace(X, y), start=3.5, end=6.5)
    assert window.value == pytest.approx(2, rel=0.005)
    none = scored("peak_area", trace(X, y), at=9.0, within=0.5)
    assert none == Score(value=0.0, flags=("no_peak",))


def test_noise_costs_a_peak_little() -> None:
    rng = np.random.default_rng(3)
    y = 3.0 * stats.norm(10, 0.4).pdf(X)
    areas = [
        scored("peak_area", trace(X, y + rng.normal(0, 0.03, len(X))), smooth=31, least=0.5).value
        for _ in range(20)
    ]
    assert np.mean(np.array(areas, dtype=float)) == pytest.approx(3.0, rel=0.05)


def test_the_slope_of_a_progress_curve_is_its_initial_rate() -> None:
    seconds = np.arange(0, 601, 10.0)
    y = 0.1 + 2.0 * (1 - np.exp(-seconds / 300))
    steepest = scored("slope", trace(seconds, y), per="min", steepest=5)
    # The mean of the derivative over the first five points.
    expected = 60 * np.polyfit(seconds[:5], y[:5], 1)[0]
    assert steepest.value == pytest.approx(expected)
    line = scored("slope", trace(seconds, 0.2 + 0.005 * seconds), per="min", start=60, end=300)
    assert (line.value, line.sd, line.flags) == (pytest.approx(0.3), pytest.approx(0, abs=1e-6), ())
    end = scored("endpoint", trace(seconds, y), points_at_end=3)
    assert end.value == pytest.approx(y[-3:].mean())


def test_the_channel_the_window_and_the_unit_must_be_there() -> None:
    x = np.arange(5.0)
    here = trace(x, x, 2 * x)
    assert scored("endpoint", here, channel="c1").value == 8
    assert scored("endpoint", here, channel="c7").flags == ("no_channel",)
    assert scored("slope", here, start=50).flags == ("outside_window",)
    assert scored("slope", here, per="mg").flags == ("other_unit",)
    assert scored("slope", here, steepest=9).flags == ("too_few_points",)
    assert scored("slope", here, saturated=3).flags == ("saturated",)
    assert scored("slope", number(1.0)).flags == ("no_trace",)


def test_a_trace_is_read_from_a_table() -> None:
    text = "Instrument 7\ntime [min];A450 (mAU);A600\n0;0,5;1\n0,5;0,75;2\n"
    found = read_trace_table(text, "t.csv")
    assert (found.x.name, found.x.unit, found.x.values) == ("time", "min", (0.0, 0.5))
    assert [(c.name, c.unit, c.values) for c in found.channels] == [
        ("A450", "mAU", (0.5, 0.75)),
        ("A600", "", (1.0, 2.0)),
    ]
    indexed = read_trace_table(",time [min],A450,A600\n0,0,0.5,1\n1,0.5,0.75,2\n", "pandas.csv")
    assert [axis.name for axis in (indexed.x, *indexed.channels)] == ["time", "A450", "A600"]
    with pytest.raises(InvalidInput, match=r"t.csv:3: '1,x' cannot be read"):
        read_trace_table("a,b\n0,1\n1,x\n2,3\n", "t.csv")
    with pytest.raises(InvalidInput, match="time does not rise"):
        read_trace_table("time,b\n1,1\n0,2\n", "t.csv")
    with pytest.raises(InvalidInput, match="no trace"):
        read_trace_table("hello\n", "t.csv")


GOOD, BETTER = Score(value=1.0), Score(value=3.0)
DUBIOUS, NOTHING = Score(value=9.0, flags=("saturated",)), Score(value=None, flags=("unreadable",))


def test_several_readings_make_one_value_by_the_rule_that_is_stated() -> None:
    both = [GOOD, BETTER]
    rules = {"last": 3, "first": 1, "mean": 2, "median": 2, "min": 1, "max": 3, "sum": 4}
    for rule, value in (rules | {"difference": 2, "ratio": 3}).items():
        assert combined(both, rule).value == value  # type: ignore[arg-type]
    assert combined([GOOD, BETTER, DUBIOUS, NOTHING], "mean") == Score(value=2)
    assert combined([GOOD, DUBIOUS], "difference").flags == ("saturated", "too_few_readings")


def test_what_has_no_value_never_takes_the_place_of_a_trusted_one() -> None:
    assert combined([GOOD, NOTHING]) == GOOD
    assert combined([NOTHING, GOOD], "first") == GOOD
    assert combined([GOOD, DUBIOUS]) == DUBIOUS  # It is newer, and is shown with its flag.
    assert combined([NOTHING, NOTHING], "mean") == NOTHING


def test_traces_of_other_programs_have_their_channels() -> None:
    """Chromeleon's steps, OpenChrom's second time and index, and the falling axis of a spectrum."""
    chromeleon = "Time (min)\tStep (s)\tValue (mAU)\n0.000\tn.a.\t0.1\n0.003\t0.2\t0.2\n"
    found = read_trace_table(chromeleon, "c.txt")
    assert [(c.name, c.unit, c.values) for c in found.channels] == [("Value", "mAU", (0.1, 0.2))]
    openchrom = "RT(milliseconds);RT(minutes) - NOT USED BY IMPORT;RI;TIC\n"
    found = read_trace_table(f"{openchrom}1000;0.016;0;7\n2000;0.03;0;8\n", "o.csv")
    assert (found.x.unit, [c.name for c in found.channels]) == ("milliseconds", ["TIC"])
    spectrum = read_trace_table("Wavelength [nm],Abs,\n800,0.1,\n799,0.2,\n", "s.csv")
    assert (spectrum.x.values, spectrum.channels[0].values) == ((799.0, 800.0), (0.2, 0.1))
    steps = read_trace_table("time [s],step\n0,1\n1,2\n", "t.csv")
    assert steps.channels[0].name == "step"
