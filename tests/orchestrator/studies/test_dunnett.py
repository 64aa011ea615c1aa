"""The distribution of Dunnett's procedure is that of the published tables and of scipy."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import chi, dunnett, norm, t

from orchestrator.studies.comparison_power import power_of, wells_a_run, wells_for
from orchestrator.studies.dunnett import critical, exceeded


@pytest.mark.parametrize(
    ("degrees", "published"),
    [
        (5, (3.03, 3.29, 3.48, 3.62)),
        (10, (2.57, 2.76, 2.89, 2.99)),
        (20, (2.38, 2.54, 2.65, 2.73)),
        (60, (2.27, 2.41, 2.51, 2.58)),
    ],
)
def test_critical_values_are_those_of_the_published_table(
    degrees: int, published: tuple[float, ...]
) -> None:
    # Dunnett 1964, table II: two-sided, 5 %, 2 to 5 treatments. It replaces that of 1955, which is
    # exact for two only.
    found = [critical(count, degrees, 0.05) for count in (2, 3, 4, 5)]
    assert found == pytest.approx(published, abs=0.006)


def test_one_comparison_is_students_t() -> None:
    for degrees in (1, 2, 5, 30, 1000):
        for size in (0.5, 2.0, 6.0):
            assert exceeded(size, 1, degrees) == pytest.approx(2 * t.sf(size, degrees), abs=1e-6)
        assert critical(1, degrees, 0.01) == pytest.approx(t.isf(0.005, degrees), rel=1e-4)


def test_unequal_numbers_are_as_scipys() -> None:
    rng = np.random.default_rng(0)
    sizes = (30, 4, 9)
    groups = [rng.normal(0, 1, size) for size in sizes]
    control = rng.normal(0.5, 1, 9)
    peer = dunnett(*groups, control=control, rng=np.random.default_rng(0))
    found = [exceeded(abs(it), [size / 9 for size in sizes], 48) for it in peer.statistic]
    assert found == pytest.approx(list(peer.pvalue), abs=1e-3)


def test_more_candidates_need_more_wells_and_each_sd_counts() -> None:
    needed = [wells_for(0.08, 0.05, comparisons=count) for count in (1, 2, 4)]
    assert needed == sorted(set(needed))
    for count, wells in zip((2, 4), needed[1:], strict=True):
        assert power_of(wells - 1, 0.08, 0.05, comparisons=count) < 0.9
        assert power_of(wells, 0.08, 0.05, comparisons=count) >= 0.9
    assert wells_for(0.08, 0.03, comparisons=2) < wells_for(0.08, (0.03, 0.05), comparisons=2)
    assert wells_for(0.08, (0.03, 0.05), comparisons=2) < needed[1]
    # Each condition says how much conditions vary between runs, so that two candidates may need
    # fewer wells than one where runs are few.
    assert wells_a_run(4, 0.15, (0.05, 0.05), 0.03, comparisons=2) < wells_a_run(
        4, 0.15, (0.05, 0.05), 0.03
    )


@pytest.mark.parametrize(("alpha", "difference"), [(2e-4, 1.4), (0.05, 2.5), (0.05, 60.0)])
def test_the_power_is_a_number_however_large_the_difference_is(
    alpha: float, difference: float
) -> None:
    size, apart = t.isf(alpha / 2, 50), difference * 13**0.5

    def given(sd: float) -> float:
        found = norm.sf(size * sd - apart) + norm.cdf(-size * sd - apart)
        return float(found * chi.pdf(sd * 50**0.5, 50) * 50**0.5)

    peer, _ = quad(given, 0, 3)
    assert power_of(26, difference, 1.0, alpha) == pytest.approx(peer, abs=1e-6)


def test_the_power_is_that_of_scipys_test() -> None:
    rng, wells = np.random.default_rng(5), wells_for(1.6, 1.0, 0.8, comparisons=2)
    tries = 250
    found = 0
    for _ in range(tries):
        better, same, control = rng.normal((1.6, 0.0, 0.0), 1.0, (wells, 3)).T
        found += dunnett(better, same, control=control, rng=rng).pvalue[0] < 0.05
    planned = power_of(wells, 1.6, 1.0, comparisons=2)
    # Three standard errors.
    assert found / tries == pytest.approx(planned, abs=3 * (planned * (1 - planned) / tries) ** 0.5)
