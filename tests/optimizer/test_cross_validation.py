import numpy as np
import pytest
import torch
from sklearn.model_selection import LeaveOneGroupOut

from optimizer import cross_validate, propose, r_squared
from optimizer.fitting import fit
from optimizer.model.gp import ConditionGP
from protocols.campaign import Campaign
from protocols.conditions import Observation
from protocols.parameters import ContinuousParameter
from protocols.search_space import SearchSpace
from tests.optimizer.known_objective import observed


def test_what_is_held_out_is_predicted_without_it(rpe: Campaign) -> None:
    observations = observed(rpe)
    held_out = cross_validate(rpe.space, observations)
    assert [entry.value for entry in held_out] == [o.value for o in observations]
    assert r_squared(held_out) > 0.5
    odd = observations[7].model_copy(update={"value": observations[7].value + 3})
    changed = cross_validate(rpe.space, [*observations[:7], odd, *observations[8:]])[7]
    assert changed.outlier
    assert changed.mean == pytest.approx(held_out[7].mean, abs=0.05)
    assert not changed.within(0.99)
    assert cross_validate(rpe.space, observations[:1]) == []


SPACE = SearchSpace(
    parameters=tuple(
        ContinuousParameter(name=name, step="A", kind="continuous", low=0, high=1, standard=0.5)
        for name in ("a", "b")
    )
)


def in_triplicate(seed: int, conditions: int = 8) -> list[Observation]:
    """Conditions with values that have nothing to do with their parameters, three wells each."""
    rng = np.random.default_rng(seed)
    tried = [p.condition for p in propose(SPACE, [], number=conditions, seed=seed)]
    levels = rng.normal(0, 1, conditions)
    return [
        Observation(condition=condition, value=float(level + rng.normal(0, 0.3)), round=1)
        for condition, level in zip(tried, levels, strict=True)
        for _ in range(3)
    ]


def test_replicates_do_not_tell_each_others_values() -> None:
    explained = [r_squared(cross_validate(SPACE, in_triplicate(seed))) for seed in range(6)]
    assert np.mean(explained) < 0.2
    assert max(explained) < 0.5


def test_what_is_left_out_is_what_a_model_without_the_condition_says() -> None:
    observations = in_triplicate(3)
    order = np.random.default_rng(0).permutation(len(observations))
    observations = [observations[index] for index in order]
    fitted = fit(SPACE, observations)
    assert fitted is not None
    training, vectors = fitted.model._training, fitted.model.model.vector()
    groups = [str(observation.condition) for observation in observations]
    expected = np.empty((2, len(observations)))
    for rest, out in LeaveOneGroupOut().split(order, groups=groups):
        model = ConditionGP(training.at(torch.as_tensor(rest)), len(vectors))
        model.set_vector(vectors)
        model.eval()
        found = model.posterior(training.features[out], observation_noise=True)
        expected[0, out] = found.mixture_mean.detach().flatten()
        expected[1, out] = found.mixture_variance.detach().flatten().sqrt()
    values = np.array([observation.value for observation in observations])
    expected *= values.std()
    expected[0] += values.mean()
    means, sds = fitted.model.leave_one_out()
    assert np.allclose(means, expected[0], atol=1e-6)
    assert np.allclose(sds, expected[1], atol=1e-6)
