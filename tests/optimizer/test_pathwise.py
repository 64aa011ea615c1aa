"""Posterior paths of many observations: BoTorch's own are the judge, at a size that it can do."""

import numpy as np
import pytest

from optimizer.model import Data, Surrogate, pathwise
from optimizer.model.random_effects import Recorded


def test_paths_are_those_of_botorch_without_a_copy_for_each_sample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    features = rng.uniform(size=(60, 2))
    values = np.sin(5 * features[:, 0]) + features[:, 1] + rng.normal(0, 0.1, 60)
    recorded = Recorded(np.ones(60, int), np.zeros(60, int))
    model = Surrogate(Data(features, values, recorded, np.zeros(2, int)))
    elsewhere = rng.uniform(size=(40, 2))
    theirs = model.posterior_samples(32, 1)(elsewhere)
    monkeypatch.setattr(pathwise, "_LARGEST", 0)
    ours = model.posterior_samples(32, 1)(elsewhere)
    assert theirs.std(axis=0).min() > 1e-3
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)


def test_small_models_use_botorchs_own_update() -> None:
    from botorch.sampling.pathwise import gaussian_update

    assert pathwise.path_update(384, 500) is gaussian_update
    assert pathwise.path_update(384, 1500) is not gaussian_update
