import numpy as np
import pytest
from scipy.stats import kstest

from benchmarks.effects import trial
from optimizer import effects, pair_effect, propose
from optimizer.marginal_tests import marginal_tests
from protocols.campaign import Campaign
from protocols.conditions import Condition, Observation
from protocols.parameters import CategoryParameter, ContinuousParameter, SteppedParameter
from protocols.search_space import SearchSpace
from tests.optimizer.known_objective import observed


def test_effects_show_which_parameters_matter_and_which_do_not() -> None:
    space = SearchSpace(
        parameters=(
            ContinuousParameter(
                name="strong", step="A", kind="continuous", low=0, high=1, standard=0.5
            ),
            SteppedParameter(
                name="weak", step="A", kind="stepped", levels=tuple(range(1, 31)), standard=1
            ),
            CategoryParameter(name="switch", step="A", kind="category", levels=(0, 1), standard=0),
            ContinuousParameter(
                name="idle", step="A", kind="continuous", low=1, high=100, scale="log", standard=10
            ),
        )
    )
    assert effects(space, []) == []
    conditions = [proposal.condition for proposal in propose(space, [], number=48, seed=4)]
    observations = [
        Observation(
            condition=c,
            value=float(c["strong"]) * (0.3 + 0.4 * int(c["switch"])) + 0.005 * float(c["weak"]),
            round=1,
        )
        for c in conditions
    ]
    found = effects(space, observations)
    assert found == effects(space, observations)
    by_name = {effect.parameter: effect for effect in found}
    assert found[0].parameter == "strong"
    assert found[-1].parameter == "idle"
    assert by_name["idle"].total_order.median < 0.05
    assert by_name["strong"].first_order.low > 0.3
    # What the switch does depends on `strong`: with its interactions it explains more than by
    # itself.
    assert by_name["switch"].total_order.median > by_name["switch"].first_order.median
    # The results of the first round say the same without the model.
    tests = {name: effect.without_model for name, effect in by_name.items()}
    assert all(test is not None and test.observations == 48 for test in tests.values())
    assert tests["strong"].p_value < 0.01 < tests["idle"].p_value  # type: ignore[union-attr]
    assert tests["strong"].share > 0.3 > tests["idle"].share  # type: ignore[union-attr]
    curve = by_name["strong"]
    assert curve.values[0] == 0
    assert curve.values[-1] == 1
    assert curve.mean[-1] - curve.mean[0] == pytest.approx(0.5, abs=0.1)
    assert len(by_name["weak"].values) == 9
    assert by_name["switch"].values == (0, 1)


def test_a_pair_effect_averaged_over_one_parameter_is_the_effect_of_the_other(
    rpe: Campaign,
) -> None:
    observations = observed(rpe)
    pair = pair_effect(rpe.space, observations, "fgfri_concentration", "detachment_length")
    assert pair is not None
    assert pair.second_values == (0, 1)
    mean = np.array(pair.mean)
    single = {effect.parameter: effect for effect in effects(rpe.space, observations)}
    assert mean.mean(axis=1) == pytest.approx(
        np.array(single["fgfri_concentration"].mean), abs=0.06
    )
    assert (mean[:, 0] > mean[:, 1]).mean() > 0.5
    with pytest.raises(KeyError):
        pair_effect(rpe.space, observations, "fgfri_concentration", "sugar")


def test_of_noise_alone_no_parameter_is_said_to_matter() -> None:
    found = trial("noise alone", 1.0, seed=5)
    assert found.low == [0.0] * len(found.low)
    assert found.r_squared < 0.2
    assert min(found.p_values) > 0.001


def test_what_has_one_value_or_as_many_levels_as_results_has_no_test() -> None:
    space = SearchSpace(
        parameters=(
            CategoryParameter(
                name="batch",
                step="A",
                kind="category",
                levels=tuple(f"b{number}" for number in range(12)),
                standard="b0",
            ),
            ContinuousParameter(
                name="dose", step="A", kind="continuous", low=0, high=1, standard=0
            ),
        )
    )
    results = [
        Observation(
            condition=Condition({"batch": f"b{number}", "dose": number / 11}),
            value=float(number**2),
            round=1,
        )
        for number in range(12)
    ]
    tested = marginal_tests(space, results)
    assert set(tested) == {"dose"}
    assert tested["dose"].p_value == pytest.approx(0.001)
    assert marginal_tests(space, results[:7]) == {}
    same = [result.model_copy(update={"value": 1.0}) for result in results]
    assert marginal_tests(space, same) == {}


def test_replicates_are_no_further_evidence_that_a_parameter_matters() -> None:
    space = SearchSpace(
        parameters=tuple(
            ContinuousParameter(name=name, step="A", kind="continuous", low=0, high=1, standard=0.5)
            for name in ("idle", "strong")
        )
    )
    rng = np.random.default_rng(7)
    p_values = []
    for seed in range(60):
        results = [
            Observation(condition=condition, value=2 * float(condition["strong"]) + noise, round=1)
            for condition in (
                Condition(dict(zip(space.by_name, rng.random(2).tolist(), strict=True)))
                for _ in range(8)
            )
            for noise in rng.normal(0, 0.1, 3).tolist()
        ]
        p_values.append(marginal_tests(space, results, seed)["idle"].p_value)
    # The p values of what does nothing are spread evenly.
    assert kstest(p_values, "uniform").pvalue > 0.01
