"""Resolution and retention, beside the formulas of chromatography."""

import math

import numpy as np
import pytest
from scipy import stats

from protocols.jobs import Reading
from protocols.scoring import Score
from simulators.chromatograph import SUBSTANCES, Method, retention
from tests.protocols.test_scorers_of_readings import scored, trace

X = np.linspace(0, 20, 2401)


def peaks(*given: tuple[float, float, float], drift: float = 0.0, noise: float = 0.0) -> Reading:
    """Gaussian peaks of (position, standard deviation, area) on a base line."""
    y = sum((area * stats.norm(at, sd).pdf(X) for at, sd, area in given), 3.0 + drift * X)
    return trace(X, y + np.random.default_rng(1).normal(0, noise, len(X)), unit="min")


@pytest.mark.parametrize("apart", [3.0, 4.0, 6.0, 10.0])
@pytest.mark.parametrize("ratio", [1.0, 0.3])
def test_the_resolution_of_two_gaussian_peaks_is_their_distance_by_four_sds(
    apart: float, ratio: float
) -> None:
    # 2 (t2 - t1) / (w1 + w2) with the widths at the base, which are four standard deviations.
    reading = peaks((8.0, 0.2, 10.0), (8.0 + apart * 0.2, 0.2, 10.0 * ratio))
    found = scored("peak_resolution", reading, peaks=2)
    # Nearer ones pull each other's tops together.
    assert found.value == pytest.approx(apart / 4, rel=0.06 if apart > 3 else 0.15)
    assert found.flags == ()


def test_the_worst_pair_counts_on_a_drifting_noisy_base_line() -> None:
    given = ((4.0, 0.15, 40.0), (6.0, 0.2, 60.0), (7.2, 0.2, 30.0), (12.0, 0.3, 50.0))
    reading = peaks(*given, drift=0.5, noise=0.3)
    found = scored("peak_resolution", reading, peaks=4, smooth=9, least=3)
    assert found.value == pytest.approx(1.2 / (2 * 0.4), rel=0.06)
    assert scored("last_peak", reading, smooth=9, least=3).value == pytest.approx(12, abs=0.05)


def test_substances_that_come_together_are_not_resolved() -> None:
    together = peaks((8.0, 0.2, 10.0), (8.1, 0.2, 10.0), (12.0, 0.2, 5.0))
    assert scored("peak_resolution", together, peaks=3) == Score(value=0.0)
    assert scored("peak_resolution", together, peaks=2).value == pytest.approx(
        3.95 / 0.81, rel=0.02
    )
    three = peaks((4.0, 0.2, 10.0), (8.0, 0.2, 10.0), (12.0, 0.2, 5.0))
    more = scored("peak_resolution", three, peaks=2)
    assert more.flags == ("more_peaks",)
    flat = trace(X, np.zeros(len(X)))
    assert scored("peak_resolution", flat, peaks=2) == Score(value=0.0, flags=("no_peak",))
    assert scored("last_peak", flat) == Score(value=None, flags=("no_peak",))


@pytest.mark.parametrize("start", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("gradient_min", [8.0, 20.0])
def test_the_virtual_chromatograph_keeps_the_closed_form_of_linear_solvent_strength(
    start: float, gradient_min: float
) -> None:
    method = Method(start, gradient_min, 1.0, 40.0)
    for substance in SUBSTANCES[2:]:
        log_kw, slope = substance.acetonitrile
        dead, dwell = method.dead_min, method.dwell_min
        k = 10 ** (log_kw - slope * start)
        steep = slope * (0.95 - start) * dead / gradient_min
        # Snyder and Dolan 2007, equation 9.1 with the dwell volume.
        inside = 2.302585 * k * steep * (1 - dwell / (dead * k)) + 1
        expected = dead / steep * math.log10(inside) + dead + dwell
        assert retention(method, substance)[0] == pytest.approx(expected, rel=1e-4)


def test_without_a_gradient_in_time_a_peak_is_isocratic() -> None:
    method = Method(0.4, 1e6, 1.0, 40.0)
    log_kw, slope = SUBSTANCES[0].acetonitrile
    k = 10 ** (log_kw - slope * 0.4)
    at, sd = retention(method, SUBSTANCES[0])
    assert at == pytest.approx(method.dead_min * (1 + k), rel=1e-3)
    assert (at / sd) ** 2 == pytest.approx(method.plates, rel=0.01)
