"""A comparison over runs keeps its error rates, and agrees with what others compute."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta, binom, dunnett, t, ttest_ind, ttest_rel
from statsmodels.formula.api import ols
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.stats.anova import AnovaRM
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from orchestrator.studies.comparison_power import on_scale, power_over_runs, runs_for
from orchestrator.studies.run_comparison import (
    against_control,
    all_pairs,
    cell_means,
    components,
    in_one_run,
    linked,
    paired,
    pairs_in_one_run,
    within_plates,
    without_plates,
)
from protocols.confirmation_plan import ConfirmationPlan


def _table(runs: int, conditions: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (runs, conditions)) + np.arange(conditions)


def test_two_conditions_are_a_paired_test_and_two_one_sided_ones() -> None:
    means = _table(6, 2)
    found = paired(means, margin=2.0)
    peer = ttest_rel(means[:, 0], means[:, 1])
    interval = peer.confidence_interval(0.95)
    assert (found.p, found.low, found.high) == pytest.approx(
        (peer.pvalue, interval.low, interval.high)
    )
    tost = DescrStatsW(means[:, 0] - means[:, 1]).ttost_mean(-2.0, 2.0)
    assert found.equivalence_p == pytest.approx(tost[0])
    with pytest.raises(ValueError, match="expected 2 or more"):
        paired(means[:1])


def test_the_standard_error_is_that_of_the_mixed_model() -> None:
    rng = np.random.default_rng(4)
    cells = {
        run: [
            list(rng.normal(shift + of_run + by_run, 0.1, 8))
            for shift, by_run in zip((0.3, 0.0), rng.normal(0, 0.4, 2), strict=True)
        ]
        for run, of_run in enumerate(rng.normal(0, 1.0, 12))
    }
    found = paired(cell_means(cells))
    rows = [(r, c, v) for r, cs in cells.items() for c, vs in enumerate(cs) for v in vs]
    table = pd.DataFrame(rows, columns=["run", "condition", "value"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = MixedLM.from_formula(
            "value ~ C(condition)", table, groups="run", re_formula="1",
            vc_formula={"by_run": "0 + C(condition)"},
        ).fit(reml=True)  # fmt: skip
    assert -peer.fe_params.iloc[1] == pytest.approx(found.difference, abs=1e-6)
    half = (found.high - found.low) / 2 / 2.200985  # t(0.975, 11)
    assert float(np.asarray(peer.cov_re)[0, 0]) > 0.1  # no component lies at its edge
    assert peer.bse_fe.iloc[1] == pytest.approx(half, rel=0.02)
    parts = components(cells)
    assert parts is not None
    assert parts.well == pytest.approx(0.1, rel=0.15)
    assert parts.condition_by_run == pytest.approx(0.4, rel=0.5)


def test_several_conditions_are_dunnetts_and_tukeys() -> None:
    means = _table(5, 4, seed=2)
    # Of two conditions both are the paired test.
    two = means[:, 2:]
    assert against_control(two)[0].p == pytest.approx(paired(two).p)
    assert all_pairs(two)[0].p == pytest.approx(paired(two).p, abs=1e-6)
    # The residual of the two-way table is that of a repeated-measures analysis of variance.
    long = pd.DataFrame(
        [(run, c, v) for run, row in enumerate(means) for c, v in enumerate(row)],
        columns=["run", "condition", "value"],
    )
    anova = AnovaRM(long, "value", "run", ["condition"]).fit().anova_table
    contrasts = all_pairs(means)
    spread = 5 * means.mean(axis=0).var(ddof=1)
    error = (2 * spread / anova["F Value"].iloc[0] / 5) ** 0.5
    widest = max(contrasts, key=lambda one: abs(one.difference))
    assert anova["Den DF"].iloc[0] == 12
    assert abs(widest.difference) / error > 1
    # Table of Dunnett 1955, two-sided 5 %, 3 treatments, 12 degrees of freedom: 2.68.
    one = against_control(means)[0]
    assert (one.high - one.low) / 2 / error == pytest.approx(2.68, abs=0.02)
    # Studentized range, 5 %, 4 groups, 12 degrees of freedom: 4.20.
    assert (widest.high - widest.low) / 2 / error * 2**0.5 == pytest.approx(4.20, abs=0.01)


@pytest.mark.parametrize("sizes", [(90, 90, 90), (40, 120, 70, 70, 200)])
def test_in_one_run_wells_are_judged_as_by_scipy(sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    # Equal sds, and so many wells that it is next to nothing that scipy takes one sd for all.
    drawn = [rng.normal(0, 1, size) for size in sizes]
    groups = [0.15 * number + (it - it.mean()) / it.std(ddof=1) for number, it in enumerate(drawn)]
    plates = [[1] * size for size in sizes]
    found = in_one_run(groups, plates, margin=2.0)
    peer = dunnett(*groups[:-1], control=groups[-1], rng=np.random.default_rng(0))
    interval = peer.confidence_interval(0.95)
    # Scipy integrates by chance, to about three digits.
    assert [one.p for one in found] == pytest.approx(list(peer.pvalue), abs=5e-3)
    assert [one.low for one in found] == pytest.approx(list(interval.low), abs=0.02)
    assert [one.high for one in found] == pytest.approx(list(interval.high), abs=0.02)
    assert all(one.equivalence_p is not None for one in found)
    assert len(pairs_in_one_run(groups)) == len(sizes) * (len(sizes) - 1) / 2


def test_each_condition_has_an_sd_of_its_own_as_in_welchs_test() -> None:
    rng = np.random.default_rng(2)
    groups = [list(rng.normal(0, sd, size)) for sd, size in ((1, 7), (4, 6), (2, 12))]
    plates = [[1] * len(some) for some in groups]
    [alone] = in_one_run([groups[0], groups[2]], [plates[0], plates[2]])
    peer = ttest_ind(groups[0], groups[2], equal_var=False)
    assert alone.p == pytest.approx(peer.pvalue, abs=1e-4)
    assert (alone.low, alone.high) == pytest.approx(tuple(peer.confidence_interval()), abs=1e-4)
    # Of several together p is between that of one and Bonferroni's.
    for one in in_one_run(groups, plates):
        single = ttest_ind(groups[one.first], groups[2], equal_var=False).pvalue
        assert single < one.p < 2 * single
    constant = in_one_run([[1.0, 1.0], [2.0, 2.0], [1.0, 1.0]], [[1, 1]] * 3)
    assert [one.p for one in constant] == [1.0, 0.0]


def test_in_one_run_plates_are_blocks_as_in_least_squares_on_both() -> None:
    rng = np.random.default_rng(3)
    plates = [[1, 1, 2, 3], [1, 2, 2, 3], [2, 3, 3, 1, 1]]
    groups = [list(rng.normal(number, 0.1, len(some))) for number, some in enumerate(plates)]
    groups = [[v + p for v, p in zip(*it, strict=True)] for it in zip(groups, plates, strict=True)]
    found = in_one_run(groups, plates, alpha=0.05)
    table = pd.DataFrame(
        [(c, p, v) for c in range(3) for p, v in zip(plates[c], groups[c], strict=True)],
        columns=["condition", "plate", "value"],
    )
    peer = ols("value ~ C(condition, Treatment(2)) + C(plate)", table).fit()
    spare = 1 - peer.get_influence().hat_matrix_diag
    of = table["condition"]
    variance = (peer.resid**2).groupby(of).sum() / pd.Series(spare).groupby(of).sum()
    solved = pd.DataFrame(np.linalg.pinv(peer.model.exog), peer.params.index)
    for number, one in enumerate(found):
        name = f"C(condition, Treatment(2))[T.{number}]"
        error = float((solved.loc[name] ** 2 * of.map(variance)).sum()) ** 0.5
        assert one.difference == pytest.approx(peer.params[name])
        # Between Student's t of all degrees of freedom and Bonferroni's of the fewest.
        fewest = pd.Series(spare).groupby(of).sum().min()
        widest = t.ppf(1 - 0.05 / 4, fewest)
        assert t.ppf(0.975, peer.df_resid) < (one.high - one.low) / 2 / error < widest
    # Conditions on plates of their own cannot be told from them.
    alone = in_one_run([[1.0, 1.1], [2.0, 2.1], [3.0, 3.2]], [[1, 1], [2, 2], [3, 3]])
    assert alone[0].difference == pytest.approx(-2.05)


def test_power_is_that_of_a_published_formula_and_of_simulation() -> None:
    # Without a condition x run effect, and one well: a paired t test.
    peer = TTestPower().power(0.8 / 2**0.5, nobs=12, alpha=0.05)
    assert power_over_runs(12, 1, 0.8, (1.0, 1.0), 0.0) == pytest.approx(peer)
    runs = runs_for(6, 0.15, (0.05, 0.1), 0.06)
    assert runs is not None
    assert power_over_runs(runs - 1, 6, 0.15, (0.05, 0.1), 0.06) < 0.9
    hits = np.mean([_p(runs, 6, 0.15, (0.05, 0.1), 0.06, seed) < 0.05 for seed in range(400)])
    assert hits == pytest.approx(power_over_runs(runs, 6, 0.15, (0.05, 0.1), 0.06), abs=0.05)
    assert runs_for(6, 0.001, (0.05, 0.05), 0.06) is None


def _p(
    runs: int, wells: int, difference: float, sds: tuple[float, float], run_sd: float, seed: int
) -> float:
    rng = np.random.default_rng(seed)
    cells = {
        run: [
            list(rng.normal(true + rng.normal(0, run_sd), sd, wells))
            for true, sd in zip((difference, 0.0), sds, strict=True)
        ]
        for run in range(runs)
    }
    return paired(cell_means(cells)).p


@pytest.mark.parametrize("run_sd", [0.03, 0.06])
def test_runs_that_differ_raise_no_false_alarms(run_sd: float) -> None:
    alarms = np.mean([_p(4, 8, 0.0, (0.05, 0.05), run_sd, seed) < 0.05 for seed in range(400)])
    # 400 tries at 5 %: within three standard errors.
    assert alarms == pytest.approx(0.05, abs=0.033)


def test_ratios_are_compared_by_their_log_odds() -> None:
    assert linked([0.5, 0.0], "logit")[0] == 0
    assert np.isfinite(linked([0.0, 1.0], "logit")).all()
    assert list(linked([0.25], "identity")) == [0.25]


def test_the_same_plan_has_the_same_hash() -> None:
    plan = ConfirmationPlan(difference=0.1, sd=0.05)
    assert plan.sha256 == ConfirmationPlan.model_validate(plan.model_dump()).sha256
    assert plan.sha256 != plan.model_copy(update={"alpha": 0.01}).sha256


def test_plates_are_blocks_as_in_least_squares_on_both() -> None:
    rng = np.random.default_rng(7)
    plates = [[1, 1, 1, 2], [1, 2, 2, 2]]
    cells = {
        run: [[float(rng.normal(plate, 0.1)) for plate in some] for some in plates]
        for run in (1, 2)
    }
    left = cell_means(without_plates(cells, {1: plates, 2: plates}))
    table = pd.DataFrame(
        [
            (c, plate, value)
            for c, some in enumerate(plates)
            for plate, value in zip(some, cells[1][c], strict=True)
        ],
        columns=["condition", "plate", "value"],
    )
    peer = ols("value ~ C(condition) + C(plate)", table).fit()
    assert left[0, 1] - left[0, 0] == pytest.approx(peer.params["C(condition)[T.1]"])
    found = within_plates(cells[1], plates)
    assert found.difference == pytest.approx(left[0, 0] - left[0, 1])
    # Conditions on plates of their own cannot be told from them.
    alone = {1: [[1.0, 1.1], [2.0, 2.1]]}
    assert without_plates(alone, {1: [[1, 1], [2, 2]]}) == alone


def test_one_run_is_welchs_test_with_equivalence() -> None:
    one, two = np.random.default_rng(2).normal((0, 0.1), (1, 0.2), (9, 2)).T.tolist()
    found = within_plates((one, two), [[1] * 9] * 2, margin=1.0)
    peer = ttest_ind(one, two, equal_var=False)
    interval = peer.confidence_interval(0.95)
    assert (found.p, found.low, found.high) == pytest.approx(
        (peer.pvalue, interval.low, interval.high)
    )
    weights = CompareMeans(DescrStatsW(one), DescrStatsW(two))
    assert found.equivalence_p == pytest.approx(weights.ttost_ind(-1, 1, usevar="unequal")[0])


def test_one_well_of_each_condition_on_each_plate_is_a_paired_test() -> None:
    one, two = np.random.default_rng(3).normal((0, 0.4), (1, 0.3), (5, 2)).T.tolist()
    found = within_plates((one, two), [[1, 2, 3, 4, 5]] * 2)
    peer = ttest_rel(one, two)
    interval = peer.confidence_interval(0.95)
    assert (found.p, found.low, found.high) == pytest.approx(
        (peer.pvalue, interval.low, interval.high)
    )


@pytest.mark.parametrize("sds", [(1.0, 1.0), (3.0, 1.0)])
def test_unlike_numbers_of_wells_on_plates_raise_no_more_false_alarms(
    sds: tuple[float, float],
) -> None:
    rng = np.random.default_rng(4)
    plates = [[1, 1, 1, 1, 1, 2], [1, 2, 2, 2, 2, 2]]
    alarms = 0
    for _ in range(1000):
        effect = rng.normal(0, 2, 3)
        groups = [
            rng.normal(effect[several], sd).tolist()
            for several, sd in zip(plates, sds, strict=True)
        ]
        alarms += within_plates(groups, plates).p < 0.05
    assert alarms <= binom.ppf(0.99, 1000, 0.05)


def test_log_odds_are_planned_around_the_standard() -> None:
    plan = ConfirmationPlan(difference=0.06, sd=0.03, link="logit", baseline=0.87)
    difference, sds, _ = on_scale(plan)
    assert difference == pytest.approx(np.log(0.93 / 0.07) - np.log(0.87 / 0.13))
    # The delta method beside the sd of log odds of beta distributed ratios.
    for mean, sd in zip((0.93, 0.87), sds, strict=True):
        size = mean * (1 - mean) / 0.03**2 - 1
        peer = beta(mean * size, (1 - mean) * size)
        ratios = peer.rvs(20_000, random_state=1)
        assert sd == pytest.approx(linked(list(ratios), "logit").std(), rel=0.15)
    old = ConfirmationPlan(difference=0.1, sd=0.05)
    assert "baseline" not in old.model_dump_json(exclude_none=True)
