import numpy as np
import pytest

from optimizer import effects, pair_effect, propose
from protocols.campaign import Campaign
from protocols.conditions import Observation
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
